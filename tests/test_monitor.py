"""HeldOutMonitor: what it writes into the history, and when it ends a fit."""

import numpy as np
import pandas as pd
import pytest

from manidiff import CoarseScoreDiffusion, datasets, metrics
from manidiff.model_selection import HeldOutMonitor

SMALL = {"width": 32, "depth": 1, "batch_size": 64, "random_state": 0}


@pytest.fixture(scope="module")
def sets():
    X = datasets.Torus().sample(120, random_state=0)
    return X[:60], X[60:]


def test_metrics_are_measured_every_so_often_and_at_the_end(sets):
    monitor = HeldOutMonitor(*sets, every=2, n_samples=200, random_state=3)
    model = CoarseScoreDiffusion(max_iter=500, callbacks=[monitor], **SMALL)
    history = model.fit(sets[0]).history_
    measured = [record["n_iter"] for record in history if "coverage" in record]
    assert measured == [200, 400, 500]
    drawn = model.sample(200, random_state=3)
    assert history[-1]["coverage"] == metrics.coverage(drawn, *sets)
    assert "coverage" not in history[0]


def test_it_gives_named_columns_to_a_fit_that_knows_names(sets):
    frames = [pd.DataFrame(X, columns=["a", "b", "c"]) for X in sets]
    gaps = []
    for given in (sets, frames):
        monitor = HeldOutMonitor(*given, n_samples=50)
        model = CoarseScoreDiffusion(max_iter=20, callbacks=[monitor], **SMALL)
        gaps.append(model.fit(given[0]).history_[-1]["held_out_gap"])
    assert gaps[0] == gaps[1]


@pytest.mark.parametrize(
    ("name", "bounds"),
    [
        ("held_out_gap", {"max_gap": 2.0}),
        ("excess_memorization", {"max_excess_memorization": 0.1, "metrics": ()}),
    ],
)
def test_a_network_that_learns_its_rows_by_heart_is_stopped(name, bounds):
    X = np.random.default_rng(0).normal(size=(60, 6))
    monitor = HeldOutMonitor(X[:30], X[30:], n_samples=300, **bounds)
    ordinary = {"coarseness": 0, "training_law": "empirical", "width": 128}
    model = CoarseScoreDiffusion(
        max_iter=3000, callbacks=[monitor], **{**SMALL, **ordinary}
    )
    history = model.fit(X[:30]).history_
    seen = [record[name] for record in history if name in record]
    bound = bounds.get("max_gap", 0.1)
    assert len(seen) > 1
    assert max(seen[:-1]) <= bound < seen[-1]
    assert len(history) < 30


def test_it_serves_scikit_learn_too(sets):
    pytest.importorskip("sklearn.callback")
    monitor = HeldOutMonitor(*sets, every=2, n_samples=200)
    model = CoarseScoreDiffusion(max_iter=300, **SMALL)
    history = model.set_callbacks(monitor).fit(sets[0]).history_
    measured = [record["n_iter"] for record in history if "coverage" in record]
    # The last epoch, too, as for one of `callbacks`.
    assert measured == [200, 300]
    plain = CoarseScoreDiffusion(max_iter=300, callbacks=[monitor], **SMALL)
    expected = plain.fit(sets[0]).history_
    assert history[-1]["coverage"] == expected[-1]["coverage"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"every": 0}, "every=0 must be an int of at least 1"),
        ({"every": 1.5}, "every=1.5 must be"),
        ({"every": True}, "every=True must be an int of at least 1"),
        ({"n_samples": 0}, "n_samples=0 must be an int of at least 1"),
        ({"n_samples": 2.0}, "n_samples=2.0 must be an int"),
        ({"max_gap": "x"}, "max_gap='x' must be a finite number"),
        ({"max_gap": np.nan}, "max_gap=nan must be a finite number"),
        ({"max_excess_memorization": True}, "max_excess_memorization=True must be"),
        ({"metrics": ["beauty"]}, "'beauty' is not the name of a sample metric"),
    ],
)
def test_parameters_are_checked(sets, parameters, message):
    with pytest.raises(ValueError, match=message):
        HeldOutMonitor(*sets, **parameters)


def test_rows_are_checked(sets):
    with pytest.raises(ValueError, match="X_heldout"):
        HeldOutMonitor(sets[0], np.full((3, 3), np.nan))
