"""Parameters that are numbers of numpy, as a search over an array sets them."""

import copy
import pickle

import numpy as np
import pytest
from fitted_estimators import SMALL, make_rows
from sklearn.model_selection import GridSearchCV

import manidiff
from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

# Every integer parameter of each estimator.
INTEGERS = {
    CoarseScoreDiffusion: {
        **SMALL,
        "n_iter_no_change": 3,
        "random_state": 0,
        "verbose": 0,
    },
    EmpiricalScoreDiffusion: {
        "n_smoothing": 4,
        "n_steps": 4,
        "random_state": 0,
        "verbose": 0,
    },
    LocalPolynomialScoreDiffusion: {
        "degree": 2,
        "n_neighbors": 8,
        "intrinsic_dim": 1,
        "random_state": 0,
        "verbose": 0,
    },
}


def saved_and_loaded(estimator, path):
    estimator.save(path)
    return manidiff.load(path)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
@pytest.mark.parametrize("cls", INTEGERS, ids=lambda cls: cls.__name__)
def test_numpy_integers_are_copied_by_all_means(cls, dtype, tmp_path):
    numbers = {name: dtype(one) for name, one in INTEGERS[cls].items()}
    fitted = cls(**numbers).fit(make_rows())
    expected = fitted.sample(5, random_state=0)
    for copied in (
        saved_and_loaded(fitted, tmp_path / "estimator"),
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
    ):
        np.testing.assert_array_equal(copied.sample(5, random_state=0), expected)


def test_the_best_of_a_search_over_an_array_is_saved(tmp_path):
    small = {**SMALL, "max_iter": 3, "coarseness": 0.5, "final_step": "tweedie"}
    search = GridSearchCV(
        CoarseScoreDiffusion(random_state=0, **small),
        {"width": np.array([8, 16])},
        scoring=lambda one, X: -float(one.width),
        cv=2,
    ).fit(make_rows())
    loaded = saved_and_loaded(search.best_estimator_, tmp_path / "best")
    assert loaded.width == 8


def test_a_width_of_numpy_in_an_older_file_is_read(tmp_path, monkeypatch):
    from manidiff.persistence import networks

    def as_older_versions_did(network):
        return {**of_today(network), "width": np.int64(network.enter.out_features)}

    of_today = networks.arguments_of
    fitted = CoarseScoreDiffusion(random_state=0, **SMALL).fit(make_rows())
    with monkeypatch.context() as patch:
        patch.setattr(networks, "arguments_of", as_older_versions_did)
        fitted.save(tmp_path / "old")
    assert manidiff.load(tmp_path / "old").sample(2).shape == (2, 3)
