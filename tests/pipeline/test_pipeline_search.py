"""Grid searches through a pipeline, as the documentation writes them."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion
from manidiff.model_selection import get_sample_scorer
from manidiff.pipeline import SamplingPipeline, make_sampling_pipeline

DOCS = Path(__file__).resolve().parents[2] / "docs" / "pipelines.rst"


def test_a_grid_search_reaches_steps_and_what_they_wrap(swiss_roll):
    # As the documentation has it, on fewer rows and with a smaller network.
    rows = swiss_roll[:60]
    network = {"max_iter": 5, "width": 8, "depth": 1, "n_steps": 5}
    pipeline = SamplingPipeline(
        [
            ("scale", StandardScaler()),
            ("isomap", Isomap()),
            ("coarse", CoarseScoreDiffusion(**network, random_state=0)),
        ],
        invert="auto",
    )
    grid = {
        "isomap__transformer__n_neighbors": [8, 12],
        "coarse__coarseness": [0.5, 1.0],
    }
    search = GridSearchCV(
        pipeline,
        grid,
        scoring=get_sample_scorer("energy_distance"),
        cv=2,
        n_jobs=2,
    ).fit(rows)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert len(set(scores)) == 4
    best = search.best_estimator_
    assert best["isomap"].transformer_.n_neighbors in (8, 12)
    assert best["coarse"].sigma_c_ > 0
    drawn = best.sample(5, random_state=0)
    assert drawn.shape == (5, 3)
    np.testing.assert_array_equal(
        clone(best).fit(rows).sample(5, random_state=0), drawn
    )


def test_scores_are_those_of_a_loop_over_folds(swiss_roll):
    rows = swiss_roll[:120]
    pipeline = make_sampling_pipeline(StandardScaler(), KernelDensity(bandwidth=0.2))
    search = GridSearchCV(pipeline, {"kerneldensity__bandwidth": [0.1, 0.2, 5]}, cv=3)
    search.fit(rows)
    by_hand = cross_val_score(pipeline, rows, cv=3)
    assert search.cv_results_["mean_test_score"][1] == pytest.approx(by_hand.mean())
    assert search.best_params_ != {"kerneldensity__bandwidth": 5}


def test_scores_compare_between_scalings(swiss_roll):
    # One law, whatever units it is fitted in: densities per unit of X agree.
    rows = swiss_roll[:120]
    law = EmpiricalScoreDiffusion(coarseness=1, scaling=None, sigma_min=0.5)
    rescaled = EmpiricalScoreDiffusion(
        coarseness=1, scaling=None, sigma_min=0.5 / rows.std()
    )

    class GlobalScaler(StandardScaler):
        def fit(self, X, y=None, sample_weight=None):
            super().fit(X)
            self.scale_[:] = rows.std()
            return self

    pipeline = make_sampling_pipeline(GlobalScaler(), rescaled).fit(rows)
    alone = make_sampling_pipeline("passthrough", law).fit(rows)
    assert pipeline.score(swiss_roll[120:200]) == pytest.approx(
        alone.score(swiss_roll[120:200]), abs=1e-3
    )


@pytest.mark.slow
def test_the_documentation_runs_as_written():
    failed, attempted = doctest.testfile(
        str(DOCS), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert attempted > 5
    assert failed == 0
