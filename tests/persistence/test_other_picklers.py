"""joblib and skops work too; what each trusts is in docs/persistence.rst."""

import copy
import pickle
import pickletools

import joblib
import numpy as np
import pytest
import torch
from fitted_estimators import make_fitted, make_rows
from sklearn.preprocessing import StandardScaler
from torch import nn

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.pipeline import SamplingPipeline

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
