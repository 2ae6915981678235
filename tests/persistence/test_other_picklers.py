"""joblib and skops work too; what each trusts is in docs/persistence.rst."""

import copy
import pickle
import pickletools

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from fitted_estimators import make_fitted, make_rows
from sklearn.decomposition import KernelPCA
from sklearn.preprocessing import StandardScaler
from torch import nn

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.inverse import InvertibleTransformer, LocalPolynomialRegressor
from manidiff.pipeline import SamplingPipeline
from manidiff.tabular import SyntheticTable

CASES = ["empirical-weights", "local", "coarse", "coarse-object", "coarse-surface"]


@pytest.mark.parametrize("name", CASES)
def test_joblib(name, tmp_path):
    estimator, _ = make_fitted(name)
    joblib.dump(estimator, tmp_path / "estimator.joblib", compress=3)
    loaded = joblib.load(tmp_path / "estimator.joblib")
    np.testing.assert_array_equal(
        loaded.sample(20, random_state=0), estimator.sample(20, random_state=0)
    )


@pytest.mark.parametrize("name", CASES)
def test_skops(name, tmp_path):
    skops = pytest.importorskip("skops.io")
    estimator, _ = make_fitted(name)
    path = tmp_path / "estimator.skops"
    skops.dump(estimator, path)
    cls = type(estimator)
    untrusted = skops.get_untrusted_types(file=path)
    # Nothing of torch or skorch has to be trusted.
    assert untrusted == [f"{cls.__module__}.{cls.__qualname__}"]
    loaded = skops.load(path, trusted=untrusted)
    np.testing.assert_array_equal(
        loaded.sample(20, random_state=0), estimator.sample(20, random_state=0)
    )


def test_skops_with_a_pipeline(tmp_path):
    skops = pytest.importorskip("skops.io")
    pipeline = SamplingPipeline(
        [("scale", StandardScaler()), ("draw", LocalPolynomialScoreDiffusion())]
    ).fit(make_rows())
    path = tmp_path / "pipeline.skops"
    skops.dump(pipeline, path)
    trusted = skops.get_untrusted_types(file=path)
    assert {name.split(".")[0] for name in trusted} == {"manidiff"}
    np.testing.assert_array_equal(
        skops.load(path, trusted=trusted).sample(9, random_state=0),
        pipeline.sample(9, random_state=0),
    )


# Search trees of scikit-learn, which skops does not trust by itself.
TREES = {
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
}


def through_skops(held, path, others=frozenset()):
    """Return what skops makes of it; only manidiff and the others are trusted."""
    skops = pytest.importorskip("skops.io")
    skops.dump(held, path)
    trusted = set(skops.get_untrusted_types(file=path))
    assert {name for name in trusted if not name.startswith("manidiff.")} == others
    return skops.load(path, trusted=sorted(trusted))


def test_skops_with_learned_inverses(tmp_path):
    rows = make_rows().to_numpy()
    embed = InvertibleTransformer(KernelPCA(2, kernel="rbf"))
    pipeline = SamplingPipeline(
        [("embed", embed), ("draw", LocalPolynomialScoreDiffusion())]
    ).fit(rows)
    loaded = through_skops(pipeline, tmp_path / "pipeline.skops", TREES)
    np.testing.assert_array_equal(
        loaded.sample(9, random_state=0), pipeline.sample(9, random_state=0)
    )
    regressor = LocalPolynomialRegressor().fit(rows[:, :2], rows[:, 2])
    loaded = through_skops(regressor, tmp_path / "regressor.skops", TREES)
    np.testing.assert_array_equal(
        loaded.predict(rows[:, :2]), regressor.predict(rows[:, :2])
    )


COLUMNS = {
    "text": ["b", "a", "c"] * 20,
    "two texts": ["b", "a"] * 30,
    "categories": pd.Categorical(["b", "a", "c"] * 20, categories=["b", "a", "c"]),
    "grades": pd.Categorical([1, 3, 2] * 20, categories=[3, 2, 1], ordered=True),
    "truth": [True, False] * 30,
    "missing": ["a", None, "b"] * 20,
    "whole": pd.array([1, None, 3] * 20, dtype="Int64"),
    "nullable text": pd.array(["a", "b", None] * 20, dtype="string"),
    "arrow": pd.Series(range(60)).astype("int64[pyarrow]"),
    "dates": pd.date_range("2020", periods=60),
    "constant": ["a"] * 60,
}


@pytest.mark.parametrize("name", COLUMNS)
def test_skops_with_a_table(name, tmp_path):
    numbers = np.random.default_rng(0).normal(size=60)
    table = pd.DataFrame({"number": numbers, name: COLUMNS[name]})
    model = SyntheticTable(random_state=0).fit(table)
    loaded = through_skops(model, tmp_path / "table.skops")
    drawn = model.sample(20, random_state=0)
    pd.testing.assert_frame_equal(loaded.sample(20, random_state=0), drawn)
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(model)).sample(20, random_state=0), drawn
    )
    # Values are read, and turned back, as before.
    pd.testing.assert_frame_equal(
        loaded.impute(table, random_state=0), model.impute(table, random_state=0)
    )
    assert loaded.score(table) == model.score(table)
    assert (drawn.dtypes == table.dtypes).all()


@pytest.mark.skipif(
    pd.__version__.startswith("2."),
    reason="its zones are of pytz, in which skops loops",
)
def test_skops_with_moments_on_a_clock(tmp_path):
    moments = pd.date_range("2020", periods=60, tz="Europe/Paris")
    table = pd.DataFrame({"moment": moments})
    model = SyntheticTable(random_state=0).fit(table)
    loaded = through_skops(model, tmp_path / "table.skops", {"zoneinfo.ZoneInfo"})
    pd.testing.assert_frame_equal(
        loaded.sample(20, random_state=0), model.sample(20, random_state=0)
    )


@pytest.mark.parametrize("name", CASES)
def test_pickles_hold_data_only(name):
    estimator, _ = make_fitted(name)
    named = {
        str(argument)
        for _, argument, _ in pickletools.genops(pickle.dumps(estimator))
        if isinstance(argument, str)
    }
    assert not [one for one in named if one.startswith(("torch", "skorch"))]


def test_a_network_of_the_user_survives_a_pickle():
    network = nn.Sequential(nn.Linear(3, 3))
    estimator = CoarseScoreDiffusion(
        module=Ignoring(network), max_iter=3, random_state=0
    ).fit(make_rows())
    loaded = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(
        loaded.sample(9, random_state=0), estimator.sample(9, random_state=0)
    )


class Ignoring(nn.Module):
    """Looks at the inputs and at nothing else."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, inputs, noise):
        return self.network(inputs)


def test_joblib_maps_large_arrays_into_memory(tmp_path):
    estimator, _ = make_fitted("coarse-surface")
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    loaded = joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")
    np.testing.assert_array_equal(
        loaded.sample(9, random_state=0), estimator.sample(9, random_state=0)
    )
    loaded.set_params(warm_start=True).fit(make_rows())


@pytest.fixture
def warn_always():
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


@pytest.mark.parametrize("settings", [{}, {"coarseness": 1.0}, {"smoothing": 0.5}])
def test_arrays_that_cannot_be_written_to_serve(warn_always, settings):
    # As loky hands its workers arrays of more than 1 MB.
    estimator = EmpiricalScoreDiffusion(random_state=0, **settings).fit(make_rows())
    expected = estimator.sample(9, random_state=0)
    for value in vars(estimator).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    np.testing.assert_array_equal(estimator.sample(9, random_state=0), expected)


def test_a_shallow_copy_shares_what_was_learned():
    estimator, _ = make_fitted("coarse-surface")
    copied = copy.copy(estimator)
    assert vars(copied) is not vars(estimator)
    assert all(getattr(copied, k) is v for k, v in vars(estimator).items())


def test_a_deep_copy_shares_nothing():
    estimator, _ = make_fitted("coarse-surface")
    copied = copy.deepcopy(estimator)
    with torch.no_grad():
        next(copied.net_.module_.parameters()).zero_()
        copied.surface_.rows.zero_()
        copied.gaussian_.mean.add_(1)
    again = copy.deepcopy(estimator)
    np.testing.assert_array_equal(
        again.sample(5, random_state=0), estimator.sample(5, random_state=0)
    )
    assert not np.array_equal(
        copied.sample(5, random_state=0), estimator.sample(5, random_state=0)
    )
