import pickle
import warnings
from functools import partial
from inspect import signature

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import check_scoring
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion, metrics
from manidiff.datasets import make_torus
from manidiff.model_selection import (
    get_sample_scorer,
    get_sample_scorer_names,
    make_sample_scorer,
    refit_novel,
)

WITH_TRAINING_ROWS = {
    "authenticity",
    "energy_ratio",
    "excess_memorization",
    "feature_likelihood_divergence",
    "memorization_ratio",
}
# A forest takes seconds.
FAST = {"two_sample_auc": {"estimator": DecisionTreeClassifier(random_state=0)}}


class Drawer(BaseEstimator):
    """Draw rows that are given, or that a function makes of the training rows."""

    def __init__(self, rows=None):
        self.rows = rows

    def fit(self, X, y=None):
        self.fitted_ = X
        return self

    def sample(self, n_samples):
        return np.resize(self.rows, (n_samples, self.rows.shape[1]))


class SamplingPipeline(Pipeline):
    def sample(self, n_samples, **params):
        return self[:-1].inverse_transform(self[-1].sample(n_samples, **params))


def sum_of_train(X_gen, X_train, X_heldout):
    return X_train.sum()


def n_drawn(X_gen, X_train, X_heldout):
    return len(X_gen)


def first_drawn(X_gen, X_train, X_heldout):
    return X_gen[0, 0]


def seed_of(X_gen, X_train, X_heldout, *, random_state=None):
    return random_state


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(120, 2))


def test_the_training_rows_are_those_of_the_fold():
    rng = np.random.default_rng(0)
    # Few values, so that most rows occur on both sides of every split.
    X = rng.integers(0, 3, size=(60, 2)).astype(float)
    folds = KFold(4, shuffle=True, random_state=0)
    scorer = make_sample_scorer(sum_of_train, X)
    found = cross_validate(Drawer(X), X, scoring=scorer, cv=folds)["test_score"]
    expected = [X[train].sum() for train, _ in folds.split(X)]
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("of_scorer", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("of_search", [np.asarray, pd.DataFrame, np.float32])
def test_tables_of_one_content_are_the_same_rows(X, of_scorer, of_search):
    X = X.astype(np.float32).astype(np.float64)
    scorer = make_sample_scorer(sum_of_train, of_scorer(X))
    search = cross_validate(Drawer(X), of_search(X), scoring=scorer, cv=KFold(3))
    expected = [X[train].sum() for train, _ in KFold(3).split(X)]
    np.testing.assert_allclose(search["test_score"], expected, rtol=1e-12)


def test_rows_that_are_not_in_X_are_refused(X):
    scorer = make_sample_scorer(sum_of_train, X)
    with pytest.raises(ValueError, match="lacks 30 of the 30 rows to score"):
        scorer(Drawer(X), X[:30] + 1)


def test_a_row_held_out_more_often_than_X_has_it_is_refused(X):
    scorer = make_sample_scorer(sum_of_train, X)
    with pytest.raises(ValueError, match="lacks 1 of the 2 rows"):
        scorer(Drawer(X), X[[0, 0]])


def test_scoring_all_rows_is_refused(X):
    with pytest.raises(ValueError, match="All rows of X are to be scored"):
        make_sample_scorer(sum_of_train, X)(Drawer(X), X)


@pytest.mark.parametrize("name", get_sample_scorer_names())
def test_X_is_asked_for_exactly_where_the_training_rows_enter(name, X):
    train, other, heldout = X[:40], X[40:80], X[80:]
    drawn = 0.9 * train
    metric = partial(getattr(metrics, name), **FAST.get(name, {}))
    if "random_state" in signature(metric).parameters:
        metric = partial(metric, random_state=0)
    value = metric(drawn, train, heldout)
    assert (value != metric(drawn, other, heldout)) == (name in WITH_TRAINING_ROWS)
    options = {"n_samples": 40, **FAST.get(name, {})}
    if name in WITH_TRAINING_ROWS:
        with pytest.raises(ValueError, match=f"X is missing: {name}"):
            get_sample_scorer(name)
        scorer = get_sample_scorer(name, np.vstack([train, heldout]), **options)
    else:
        scorer = get_sample_scorer(name, **options)
    assert abs(scorer(Drawer(drawn), heldout)) == abs(value)


def test_a_function_of_ones_own_needs_X():
    with pytest.raises(ValueError, match="X is missing: sum_of_train"):
        make_sample_scorer(sum_of_train)


@pytest.mark.parametrize("name", get_sample_scorer_names())
def test_truth_scores_above_what_the_metric_is_there_to_find(name):
    train, heldout, fresh = np.random.default_rng(0).normal(size=(3, 200, 2))
    copies_are_the_fault = WITH_TRAINING_ROWS - {"energy_ratio"}
    fault = train if name in copies_are_the_fault else heldout[:3] + 2
    scorer = get_sample_scorer(
        name, np.vstack([train, heldout]), n_samples=200, **FAST.get(name, {})
    )
    assert scorer(Drawer(fresh), heldout) > scorer(Drawer(fault), heldout)


def test_the_sign_is_turned_where_less_is_better(X):
    sets = (X[:1], X[:40], X[40:])
    scorer = make_sample_scorer(metrics.energy_distance, greater_is_better=False)
    assert scorer(Drawer(X[:1]), X[40:]) == pytest.approx(
        -metrics.energy_distance(np.resize(sets[0], (1000, 2)), *sets[1:])
    )


def test_n_samples_rows_are_drawn(X):
    held_out = X[:30]
    assert make_sample_scorer(n_drawn, X)(Drawer(X), held_out) == 1000
    assert make_sample_scorer(n_drawn, X, n_samples=7)(Drawer(X), held_out) == 7
    assert make_sample_scorer(n_drawn, X, n_samples=None)(Drawer(X), held_out) == 30


def test_parameters_and_the_seed_reach_the_metric(X):
    assert make_sample_scorer(seed_of, X, random_state=5)(Drawer(X), X[:9]) == 5
    wide = get_sample_scorer("coverage", n_neighbors=20)(Drawer(X[:9]), X)
    narrow = get_sample_scorer("coverage", n_neighbors=1)(Drawer(X[:9]), X)
    assert wide > narrow


@pytest.mark.parametrize(
    "model",
    [
        KernelDensity(bandwidth=0.3),
        GaussianMixture(2),
        GaussianMixture(2, random_state=3),
        EmpiricalScoreDiffusion(),
        SamplingPipeline([("scale", StandardScaler()), ("kde", KernelDensity())]),
    ],
    ids=repr,
)
def test_draws_depend_on_the_seed_of_the_scorer_alone(model, X):
    model = clone(model).fit(X)
    parameters = model.get_params()
    state = np.random.get_state()[1].copy()
    one, two = (make_sample_scorer(first_drawn, X, random_state=i) for i in (1, 2))
    assert one(model, X[:30]) == one(model, X[:50]) != two(model, X[:30])
    assert model.get_params() == parameters
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_without_a_seed_a_scorer_still_repeats_its_own_draws(X):
    model = KernelDensity().fit(X)
    scorers = [make_sample_scorer(first_drawn, X, random_state=None) for _ in range(2)]
    assert scorers[0](model, X[:30]) == scorers[0](model, X[:30])
    assert scorers[0](model, X[:30]) != scorers[1](model, X[:30])


def test_candidates_are_compared_on_equal_draws(X):
    # A kernel density draws row + bandwidth * noise, with the same rows and noise.
    scorer = make_sample_scorer(first_drawn, X)
    narrow, middle, wide = (
        scorer(KernelDensity(bandwidth=h).fit(X), X[:30]) for h in (0.1, 0.2, 0.3)
    )
    assert middle - narrow == pytest.approx(wide - middle)


@pytest.mark.parametrize("copied", [clone, pickle.dumps])
def test_workers_get_the_same_scores(copied, X):
    scoring = {name: get_sample_scorer(name, X) for name in sorted(WITH_TRAINING_ROWS)}
    search = GridSearchCV(
        KernelDensity(),
        {"bandwidth": [0.05, 0.5]},
        scoring=scoring,
        refit="excess_memorization",
        cv=2,
    )
    expected = search.fit(X)
    again = copied(search.set_params(n_jobs=2))
    again = (pickle.loads(again) if isinstance(again, bytes) else again).fit(X)
    for name in scoring:
        key = f"mean_test_{name}"
        np.testing.assert_array_equal(again.cv_results_[key], expected.cv_results_[key])
    assert again.best_params_ == {"bandwidth": 0.5}


def test_a_scorer_works_with_y_and_with_metadata_routing(X):
    scorer = get_sample_scorer("energy_distance")
    plain = cross_validate(KernelDensity(), X, X[:, 0], scoring=scorer)["test_score"]
    with config_context(enable_metadata_routing=True):
        routed = cross_validate(KernelDensity(), X, scoring=scorer)["test_score"]
    np.testing.assert_array_equal(plain, routed)


def test_a_search_keeps_a_model_that_does_not_copy():
    X, _ = make_torus(300, random_state=0)
    model = LocalPolynomialScoreDiffusion(random_state=0)
    search = GridSearchCV(
        model,
        {"coarseness": [0, 0.1, 2]},
        scoring={
            "score": check_scoring(model),
            "energy_distance": get_sample_scorer("energy_distance"),
            "excess_memorization": get_sample_scorer("excess_memorization", X),
        },
        refit=refit_novel(),
        cv=3,
    ).fit(X)
    excess = -search.cv_results_["mean_test_excess_memorization"]
    assert (excess[:2] > 0.5).all()
    assert search.best_params_ == {"coarseness": 2}
    assert search.best_estimator_.sample(3).shape == (3, 3)


def test_what_cannot_sample_is_named():
    with pytest.raises(TypeError, match=r"StandardScaler\(\) has no method sample"):
        get_sample_scorer("coverage")(StandardScaler(), [[0.0], [1.0]])


def test_a_metric_of_many_numbers_is_refused(X):
    scorer = make_sample_scorer(metrics.column_differences, X)
    with pytest.raises(TypeError, match="column_differences returned array"):
        scorer(Drawer(X), X[:30])


def test_unknown_names_and_counts_are_refused():
    with pytest.raises(ValueError, match=r"'energy' is not the name .* 'coverage'"):
        get_sample_scorer("energy")
    with pytest.raises(ValueError, match="n_samples=0 must be an int of at least 1"):
        get_sample_scorer("coverage", n_samples=0)


def test_a_fault_in_the_scorer_is_told_by_the_search(X):
    scorer = make_sample_scorer(sum_of_train, X + 1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = cross_validate(KernelDensity(), X, scoring=scorer, cv=2)["test_score"]
    assert np.isnan(found).all()
    assert "Pass the scorer the very rows" in str(caught[0].message)


def test_the_data_is_not_printed(X):
    assert len(repr(get_sample_scorer("excess_memorization", X))) < 300
