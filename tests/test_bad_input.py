"""Input that cannot work is refused by name; input that is merely odd works."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion

pytestmark = pytest.mark.usefixtures("few_likelihood_steps")

X = np.random.default_rng(0).normal(size=(30, 3))
LABELS = np.repeat(["a", "b", "c"], 10)
ESTIMATORS = [
    EmpiricalScoreDiffusion(random_state=0),
    CoarseScoreDiffusion(
        max_iter=10, width=8, depth=1, batch_size=32, n_steps=4, random_state=0
    ),
]
NAMES = [type(estimator).__name__ for estimator in ESTIMATORS]


@pytest.fixture(params=ESTIMATORS, ids=NAMES)
def estimator(request):
    return clone(request.param)


def with_value(value):
    bad = X.copy()
    bad[3, 1] = value
    return bad


# name: (X, words that the message must hold)
BAD_X = {
    "NaN": (with_value(np.nan), "X contains NaN"),
    "infinity": (with_value(np.inf), "X contains infinity"),
    "masked frame": (pd.DataFrame(with_value(np.nan)), "X contains NaN"),
    "no rows": (np.empty((0, 3)), r"0 sample\(s\).*minimum of 2"),
    "no columns": (np.empty((5, 0)), r"0 feature\(s\)"),
    "one row": (X[:1], r"1 sample\(s\)|1 sample"),
    "1-D": (X[:, 0], "Expected 2D array"),
    "0-D": (np.float64(3), "Expected 2D array"),
    "3-D": (X[:, :, None], "dim 3"),
    "strings": (np.full((5, 2), "red"), "could not convert string to float"),
    "complex": (X + 1j, "Complex data not supported"),
    "sparse": (sparse.csr_array(X), "[Ss]parse"),
    "equal rows": (np.ones((10, 3)), "X .*all rows are equal.*at least 2 distinct"),
    "equal rows but for rounding": (
        1.0 + 1e-16 * np.arange(30).reshape(10, 3),
        "X .*all rows are equal",
    ),
    "text frame": (pd.DataFrame({"a": ["x", "y"]}), "could not convert string"),
    "none": (None, "Expected 2D array|None"),
}


@pytest.mark.parametrize("name", BAD_X)
def test_fit_refuses_X(estimator, name):
    data, message = BAD_X[name]
    with pytest.raises((ValueError, TypeError), match=message):
        estimator.fit(data)


BAD_QUERIES = {
    "NaN": (with_value(np.nan), "X contains NaN"),
    "infinity": (with_value(-np.inf), "X contains infinity"),
    "no rows": (np.empty((0, 3)), r"0 sample\(s\)"),
    "1-D": (X[0], "Expected 2D array"),
    "strings": (np.full((5, 3), "red"), "could not convert string to float"),
    "complex": (X + 1j, "Complex data not supported"),
    "sparse": (sparse.csr_array(X), "[Ss]parse"),
    "too few columns": (X[:, :2], "X has 2 features, but .* is expecting 3"),
    "too many columns": (np.hstack([X, X]), "X has 6 features, but .* is expecting 3"),
}


@pytest.mark.parametrize("name", BAD_QUERIES)
def test_fitted_methods_refuse_X(estimator, name):
    data, message = BAD_QUERIES[name]
    estimator.fit(X)
    for call in (
        estimator.score_samples,
        estimator.score,
        lambda Z: estimator.denoise(Z, 1.0),
        lambda Z: estimator.score_function(Z, 1.0),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            call(data)


# name: (parameters, words that the message must hold)
BAD_PARAMETERS = {
    "negative coarseness": ({"coarseness": -1.0}, "'coarseness'.*-1.0"),
    "NaN coarseness": ({"coarseness": np.nan}, "coarseness"),
    "infinite coarseness": ({"coarseness": np.inf}, "coarseness"),
    "coarseness too large": (
        {"coarseness": 1e4, "sigma_max": 10.0},
        "coarseness=10000.0.*sigma_max=",
    ),
    "coarseness of text": ({"coarseness": "foo"}, "'coarseness'.*'foo'"),
    "coarseness None": ({"coarseness": None}, "'coarseness'.*None"),
    "sigma_min 0": ({"sigma_min": 0.0}, "'sigma_min'.*0.0"),
    "sigma_min NaN": ({"sigma_min": np.nan}, "sigma_min"),
    "sigma_min infinite": ({"sigma_min": np.inf}, "sigma_min"),
    "sigma_max negative": ({"sigma_max": -2.0}, "'sigma_max'.*-2.0"),
    "sigma_max infinite": ({"sigma_max": np.inf}, "sigma_max"),
    "sigma_max NaN": ({"sigma_max": np.nan}, "sigma_max"),
    "levels equal": ({"sigma_min": 1.0, "sigma_max": 1.0}, "sigma_min=1.*sigma_max=1"),
    "levels swapped": ({"sigma_min": 3.0, "sigma_max": 1.0}, "sigma_min=3.*sigma_max"),
    "scaling": ({"scaling": "columns"}, "'scaling'.*'columns'"),
    "n_steps": ({"n_steps": 0}, "'n_steps'.*0"),
    "n_steps float": ({"n_steps": 2.5}, "'n_steps'.*2.5"),
    "solver": ({"solver": "magic"}, "'solver'.*'magic'"),
    "clock": ({"clock": "sundial"}, "'clock'.*'sundial'"),
    "conditional": ({"conditional": "yes"}, "'conditional'.*'yes'"),
    "device number": ({"device": "cuda:99"}, "device='cuda:99'.*device='cpu'"),
    "device name": ({"device": "nonsense"}, "device='nonsense'.*device='cpu'"),
    "device type": ({"device": 3}, "'device'.*3"),
    "random_state": ({"random_state": "x"}, "'random_state'.*'x'"),
    "verbose": ({"verbose": -1}, "'verbose'.*-1"),
    "final_step": ({"final_step": "jump"}, "'final_step'.*'jump'"),
}
BAD_EMPIRICAL = {
    "smoothing": ({"smoothing": -0.5}, "'smoothing'.*-0.5"),
    "smoothing infinite": ({"smoothing": np.inf}, "smoothing"),
    "n_smoothing odd": (
        {"n_smoothing": 3},
        "n_smoothing=3 must be even.*=4",
    ),
    "n_smoothing 0": ({"n_smoothing": 0}, "'n_smoothing'.*0"),
}
BAD_COARSE = {
    "max_iter": ({"max_iter": 0}, "'max_iter'.*0"),
    "batch_size": ({"batch_size": 0}, "'batch_size'.*0"),
    "learning_rate": ({"learning_rate": 0.0}, "'learning_rate'.*0.0"),
    "width": ({"width": 0}, "'width'.*0"),
    "depth": ({"depth": -1}, "'depth'.*-1"),
    "module": ({"module": "mlp"}, "'module'.*'mlp'"),
    "optimizer": ({"optimizer": "adam"}, "'optimizer'.*'adam'"),
    "callbacks": ({"callbacks": "all"}, "'callbacks'.*'all'"),
    "training_law": ({"training_law": "own"}, "'training_law'.*'own'"),
    "validation_fraction": (
        {"early_stopping": True, "validation_fraction": 1.0},
        "'validation_fraction'.*1.0",
    ),
    "nothing left to train on": (
        {"early_stopping": True, "validation_fraction": 0.99},
        "early_stopping=True.*fewer than 2.*validation_fraction=0.99",
    ),
    "n_iter_no_change": ({"n_iter_no_change": 0}, "'n_iter_no_change'.*0"),
}


@pytest.mark.parametrize("name", BAD_PARAMETERS)
def test_fit_refuses_parameters(estimator, name):
    parameters, message = BAD_PARAMETERS[name]
    with pytest.raises(ValueError, match=message):
        estimator.set_params(**parameters).fit(X)


@pytest.mark.parametrize("name", BAD_EMPIRICAL)
def test_empirical_refuses_parameters(name):
    parameters, message = BAD_EMPIRICAL[name]
    with pytest.raises(ValueError, match=message):
        clone(ESTIMATORS[0]).set_params(**parameters).fit(X)


@pytest.mark.parametrize("name", BAD_COARSE)
def test_coarse_refuses_parameters(name):
    parameters, message = BAD_COARSE[name]
    with pytest.raises(ValueError, match=message):
        clone(ESTIMATORS[1]).set_params(**parameters).fit(X)


BAD_WEIGHTS = {
    "negative": (np.where(np.arange(30) == 4, -1.0, 1.0), "sample_weight"),
    "all zero": (np.zeros(30), "[Ss]ample.weight"),
    "one positive": (np.eye(30)[0], "sample_weight|X .*1 distinct row"),
    "NaN": (np.full(30, np.nan), "sample_weight contains NaN"),
    "infinite": (np.full(30, np.inf), "sample_weight contains infinity"),
    "length": (np.ones(5), r"sample_weight.shape == \(5,\)"),
    "2-D": (np.ones((30, 2)), "[Ss]ample.weight"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_fit_refuses_weights(estimator, name):
    weight, message = BAD_WEIGHTS[name]
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, sample_weight=weight)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, 3.0, "3", None, [2], True])
def test_sample_refuses_n_samples(estimator, n_samples):
    estimator.fit(X)
    with pytest.raises(ValueError, match=r"n_samples=.*n_samples=100"):
        estimator.sample(n_samples)


def test_sample_refuses_random_state(estimator):
    estimator.fit(X)
    with pytest.raises(ValueError, match="'x' cannot be used to seed"):
        estimator.sample(2, random_state="x")


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (0.0, "sigma=.*above 0"),
        (-1.0, "sigma=.*above 0"),
        (np.nan, "sigma=.*above 0"),
        (np.inf, "sigma=.*finite"),
        (np.zeros(30), "sigma=.*above 0"),
        (np.ones(7), r"sigma has shape \(7,\).*30 rows"),
        (np.ones((30, 1)), r"sigma has shape \(30, 1\)"),
        ("loud", "sigma"),
        (None, "sigma"),
    ],
)
def test_denoise_refuses_sigma(estimator, sigma, message):
    estimator.fit(X)
    for method in (estimator.denoise, estimator.score_function):
        with pytest.raises(ValueError, match=message):
            method(X, sigma)


# Labels and targets

BAD_FIT_Y = {
    "missing": (None, "conditional=True requires y"),
    "length": (LABELS[:5], r"y has shape \(5,\), but X has 30 rows"),
    "NaN target": (np.full(30, np.nan), "y contains NaN"),
    "infinite target": (np.full(30, np.inf), "y contains infinity"),
    "2-D labels": (np.stack([LABELS, LABELS], 1), "y "),
    "3-D": (np.ones((30, 2, 2)), "y "),
    "scalar": (3.0, "y "),
    "missing label": (np.array(["a", None, np.nan] * 10, dtype=object), "y "),
}


@pytest.mark.parametrize("name", BAD_FIT_Y)
def test_conditional_fit_refuses_y(estimator, name):
    y, message = BAD_FIT_Y[name]
    with pytest.raises(ValueError, match=message):
        estimator.set_params(conditional=True).fit(X, y)


BAD_LABELS = {
    "unknown label": ("z", "y holds labels.*'z'.*Known labels: .*'a'"),
    "one unknown": (["a", "b", "z", "a"], "y holds labels.*'z'"),
    "another type": (3, "y holds labels"),
    "too few": (["a", "b"], "y has 2 values, but there are 4 rows"),
    "2-D": ([["a", "b"]] * 4, "y "),
    "none among them": (["a", None, "b", "c"], "y holds labels.*None"),
}
BAD_TARGETS = {
    "NaN": (np.nan, "y contains NaN"),
    "too few": ([0.1, 0.2], "y has 2 values, but there are 4 rows"),
    "columns": (np.ones((4, 2)), "y has 2 columns.*fitted with 1"),
    "text": ("much", "y "),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_sample_and_score_refuse_labels(estimator, name):
    y, message = BAD_LABELS[name]
    estimator.set_params(conditional=True).fit(X, LABELS)
    for call in (
        lambda: estimator.sample(4, y=y),
        lambda: estimator.score_samples(X[:4], y),
        lambda: estimator.denoise(X[:4], 1.0, y=y),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_sample_and_score_refuse_targets(estimator, name):
    y, message = BAD_TARGETS[name]
    estimator.set_params(conditional=True).fit(X, X[:, 0])
    for call in (
        lambda: estimator.sample(4, y=y),
        lambda: estimator.score_samples(X[:4], y),
        lambda: estimator.denoise(X[:4], 1.0, y=y),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_y_missing_where_it_is_needed(estimator):
    estimator.set_params(conditional=True).fit(X, X[:, 0])
    for call in (
        lambda: estimator.score_samples(X),
        lambda: estimator.score(X),
        lambda: estimator.denoise(X, 1.0),
        lambda: estimator.score_function(X, 1.0),
    ):
        with pytest.raises(ValueError, match="y is missing"):
            call()


def test_sample_refuses_y_when_not_conditional(estimator):
    estimator.fit(X)
    with pytest.raises(ValueError, match=r"y is given.*conditional=False"):
        estimator.sample(3, y="a")


def test_refitting_without_conditions_forgets_them(estimator):
    estimator.set_params(conditional=True).fit(X, LABELS)
    estimator.set_params(conditional=False).fit(X)
    assert estimator.sample(3, random_state=0).shape == (3, 3)


def test_failed_fit_leaves_no_mixture_of_two_fits(estimator):
    estimator.fit(X)
    with pytest.raises(ValueError, match="sigma_min"):
        estimator.set_params(sigma_min=1.0, sigma_max=0.5).fit(10 * X)
    with pytest.raises(NotFittedError):
        estimator.sample()


def test_failed_fit_leaves_an_unfitted_estimator_unfitted(estimator):
    with pytest.raises(ValueError, match="equal"):
        estimator.fit(np.ones((10, 3)))
    with pytest.raises(NotFittedError):
        estimator.sample()


# Values that arithmetic finds hard: they work, or are refused by name.

EXTREMES = {
    "tiny": 1e-30 * X,
    "tinier": 1e-200 * X,
    "subnormal": 1e-310 * X,
    "huge": 1e30 * X,
    "hugest": 1e200 * X,
    "largest": 1e300 * X,
    "one huge value": with_value(1e30),
    "one hugest value": with_value(1e200),
    "one tiny value": with_value(1e-30),
    "wild columns": X * [1e-30, 1.0, 1e30],
    "wilder columns": X * [1e-150, 1.0, 1e150],
    "far away": X + 1e12,
    "too far away": X + 1e17,
    "one column far away": X + np.array([0, 1e9, 0]),
    "outlier": np.vstack([X, 1e6 * np.ones(3)]),
    "small": 1e-11 * X,
    "small, wide": np.vstack([1e-11 * X, 1e-4 * np.ones(3)]),
    "large": 1e10 * X,
    "two near rows": np.vstack([X[:1], X[:1] + 1e-12]),
}


@pytest.mark.parametrize("scaling", ["feature", "global", None])
@pytest.mark.parametrize("name", EXTREMES)
def test_extreme_values_work_or_are_refused_by_name(estimator, name, scaling):
    data = EXTREMES[name]
    try:
        estimator.set_params(scaling=scaling).fit(data)
    except ValueError as error:
        assert "X " in str(error), error
        return
    assert np.isfinite(estimator.sample(5, random_state=0)).all()
    assert np.isfinite(estimator.score_samples(data)).all()
    assert np.isfinite(estimator.denoise(data, estimator.sigma_min_)).all()


@pytest.mark.parametrize("factor", [1e-30, 1e30])
@pytest.mark.parametrize("scaling", ["feature", "global"])
def test_scaling_makes_extreme_units_work(estimator, factor, scaling):
    estimator.set_params(scaling=scaling)
    drawn = clone(estimator).fit(factor * X).sample(5, random_state=0) / factor
    usual = estimator.fit(X).sample(5, random_state=0)
    np.testing.assert_allclose(drawn, usual, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("value", [1e30, 1e100, 1e149, 1e200, -1e300])
def test_extreme_queries_have_finite_scores_or_are_refused(estimator, value):
    estimator.fit(X)
    try:
        scores = estimator.score_samples(np.full((2, 3), value))
    except ValueError as error:
        assert "X" in str(error)
        return
    assert not np.isnan(scores).any()
