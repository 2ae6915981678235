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
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion
from manidiff.over_sampling import ManifoldOverSampler
from manidiff.over_sampling._chords import _dealt, draw_between

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
        GaussianMixture(3),
    ],
)
def test_estimators_that_serve(rings, estimator):
    sampler = ManifoldOverSampler(estimator, random_state=0)
    X_new, y_new = sampler.fit_resample(*rings)
    assert Counter(y_new) == {0: 200, 1: 200}
    np.testing.assert_array_equal(sampler.fit_resample(*rings)[0], X_new)


def test_a_conditional_estimator_is_refused(rings):
    estimator = EmpiricalScoreDiffusion(conditional=True)
    with pytest.raises(ValueError, match="conditional=False"):
        ManifoldOverSampler(estimator).fit_resample(*rings)


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


def test_borrowed_steps_give_back_what_interpolation_loses():
    rng = np.random.default_rng(0)
    # All of six rows are neighbours, so the moments must be those of the rows.
    rows = rng.normal(size=(6, 2)) * [1, 3]
    drawn = draw_between(rows, [rows + 100], 200_000, rng) - rows.mean(axis=0)
    products = np.column_stack([drawn, drawn**2, drawn.prod(axis=1)])
    spread = rows - rows.mean(axis=0)
    truth = [0, 0, *(spread**2).mean(axis=0), spread.prod(axis=1).mean()]
    error = products.std(axis=0) / np.sqrt(len(products))
    # False alarms: five at 5 standard errors, below 3e-6.
    assert (np.abs(products.mean(axis=0) - truth) < 5 * error).all()


def test_rows_stay_between_the_rows_where_no_class_lends():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(10, 3))
    drawn = draw_between(rows, [np.full((1, 3), 50.0)], 500, rng)
    assert (drawn >= rows.min(axis=0)).all()
    assert (drawn <= rows.max(axis=0)).all()


@pytest.fixture
def scattered():
    """Two normal classes in five columns, one with few rows."""
    X = np.random.default_rng(0).normal(size=(230, 5))
    X[200:] += 1
    return X, np.repeat([0, 1], [200, 30])


def test_no_manifold_is_sought_where_there_is_none(scattered):
    sampler = ManifoldOverSampler(random_state=0)
    X_new, _ = sampler.fit_resample(*scattered)
    assert sampler.estimators_ == {}
    assert np.unique(X_new[230:], axis=0).shape == (170, 5)


def test_constant_columns_stay_constant(scattered):
    X, y = scattered
    X[:, 2] = 0.1
    X[200:, 3] = 0.7
    X_new, _ = ManifoldOverSampler(random_state=0).fit_resample(X, y)
    assert (X_new[:, 2] == 0.1).all()
    X[:200, 3] = 0.3
    X_new, _ = ManifoldOverSampler(random_state=0).fit_resample(X, y)
    assert (X_new[230:, 3] == 0.7).all()


def test_units_of_the_columns_do_not_matter(scattered):
    X, y = scattered
    units = np.array([1e-6, 1, 1e3, 1e6, 10])
    sampler = ManifoldOverSampler(random_state=0)
    expected = sampler.fit_resample(X, y)[0]
    np.testing.assert_allclose(
        sampler.fit_resample(X * units, y)[0] / units, expected, atol=1e-9
    )


def test_small_unsigned_integers_do_not_wrap_around():
    X = np.random.default_rng(0).integers(0, 2, size=(60, 8)).astype(np.uint8)
    X_new, _ = ManifoldOverSampler(random_state=0).fit_resample(
        X, np.repeat([0, 1], [45, 15])
    )
    assert X_new.dtype == np.uint8
    assert X_new.max() <= 3


def test_several_small_classes(scattered):
    X, y = scattered
    y[:60] = 2
    X_new, y_new = ManifoldOverSampler(random_state=0).fit_resample(X, y)
    assert Counter(y_new) == {0: 140, 1: 140, 2: 140}
    added = X_new[230:], y_new[230:]
    for label in (1, 2):
        gap = added[0][added[1] == label].mean(axis=0) - X[y == label].mean(axis=0)
        assert np.abs(gap).max() < 0.5


def test_rows_are_dealt_out_evenly():
    counts = np.bincount(_dealt(7, 100, np.random.default_rng(0)), minlength=7)
    assert np.ptp(counts) <= 1
