"""ManifoldOverSampler keeps imbalanced-learn's contract and stays on the manifold."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion
from manidiff.over_sampling import ManifoldOverSampler

CHECKS = parametrize_with_checks(
    [
        ManifoldOverSampler(random_state=0),
        ManifoldOverSampler(EmpiricalScoreDiffusion(coarseness=1), random_state=0),
    ]
).mark


# A list: pytest deprecates the generator that comes with the mark.
@pytest.mark.parametrize(CHECKS.args[0], list(CHECKS.args[1]), **CHECKS.kwargs)
def test_checks_of_imbalanced_learn(estimator, check):
    check(estimator)


@pytest.fixture
def rings():
    """Two circles, one with few rows."""
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 230)
    radius = np.repeat([1.0, 2.0], [200, 30])
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return X, np.repeat([0, 1], [200, 30])


def test_new_rows_lie_on_the_manifold_where_those_of_smote_do_not(rings):
    X, y = rings
    off = {}
    for sampler in (ManifoldOverSampler(random_state=0), SMOTE(random_state=0)):
        X_new, y_new = sampler.fit_resample(X, y)
        assert Counter(y_new) == {0: 200, 1: 200}
        np.testing.assert_array_equal(X_new[:230], X)
        off[type(sampler)] = np.abs(np.linalg.norm(X_new[230:], axis=1) - 2).mean()
    assert off[ManifoldOverSampler] < off[SMOTE] / 5


def test_seed_and_estimators(rings):
    sampler = ManifoldOverSampler(random_state=0)
    first = sampler.fit_resample(*rings)[0]
    np.testing.assert_array_equal(clone(sampler).fit_resample(*rings)[0], first)
    other = clone(sampler).set_params(random_state=1).fit_resample(*rings)[0]
    assert not np.array_equal(other, first)
    assert list(sampler.estimators_) == [1]
    assert np.isfinite(sampler.estimators_[1].score(rings[0][200:]))


def test_random_state_of_the_given_estimator_is_left_alone(rings):
    inside = EmpiricalScoreDiffusion(coarseness=2, random_state=5)
    ManifoldOverSampler(inside, random_state=0).fit_resample(*rings)
    assert inside.random_state == 5
    assert not hasattr(inside, "sigma_c_")


@pytest.mark.parametrize(
    "estimator",
    [
        CoarseScoreDiffusion(max_iter=20, width=16, depth=1),
        EmpiricalScoreDiffusion(coarseness=1),
        KernelDensity(bandwidth=0.1),
    ],
)
def test_estimators_that_serve(rings, estimator):
    sampler = ManifoldOverSampler(estimator, random_state=0)
    assert Counter(sampler.fit_resample(*rings)[1]) == {0: 200, 1: 200}


def test_pipeline_under_cross_validation():
    X, y = load_breast_cancer(return_X_y=True)
    kept = np.r_[np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:30]]
    pipeline = make_pipeline(
        StandardScaler(), ManifoldOverSampler(random_state=0), LogisticRegression()
    )
    grid = {"manifoldoversampler__sampling_strategy": [0.3, 1.0]}
    search = GridSearchCV(pipeline, grid, scoring="balanced_accuracy", cv=3, n_jobs=2)
    assert search.fit(X[kept], y[kept]).best_score_ > 0.9


def test_frames_keep_their_columns_and_dtypes(rings):
    X, y = rings
    frame = pd.DataFrame({"a": X[:, 0].astype(np.float32), "b": X[:, 1]})
    X_new, y_new = ManifoldOverSampler(random_state=0).fit_resample(
        frame, pd.Series(y, name="ring")
    )
    assert list(X_new.columns) == ["a", "b"]
    assert y_new.name == "ring"
    assert len(X_new) == len(y_new) == 400


def test_whole_numbers_stay_whole():
    X = np.random.default_rng(0).poisson(20, size=(60, 3))
    X_new, _ = ManifoldOverSampler(random_state=0).fit_resample(
        X, np.repeat([0, 1], [45, 15])
    )
    assert X_new.dtype == X.dtype
    # Cut off instead of rounded, the mean would be half a unit low.
    assert abs(X_new[60:].mean() - X[45:].mean()) < 0.5


@pytest.mark.parametrize("n_rows", [1, 3])
def test_a_class_of_equal_rows_is_refused_by_name(rings, n_rows):
    X = np.vstack([rings[0][:200], np.ones((n_rows, 2))])
    y = np.repeat(["many", "lone"], [200, n_rows])
    with pytest.raises(ValueError, match="Class lone has no two different rows"):
        ManifoldOverSampler().fit_resample(X, y)


def test_estimator_without_sample_is_refused(rings):
    with pytest.raises(ValueError, match="'estimator' parameter"):
        ManifoldOverSampler(LogisticRegression()).fit_resample(*rings)
