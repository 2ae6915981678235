"""Properties that hold for every table, whatever its shape, unit or degeneracy."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

CLOSED_FORM = {
    "copies": EmpiricalScoreDiffusion(random_state=0),
    "local": LocalPolynomialScoreDiffusion(random_state=0),
    "isotropic": LocalPolynomialScoreDiffusion(noise="isotropic", random_state=0),
}
SLOWER = {
    "smoothed": EmpiricalScoreDiffusion(
        smoothing=0.5, n_smoothing=4, n_steps=3, random_state=0
    ),
    "network": CoarseScoreDiffusion(
        max_iter=3, width=8, depth=1, batch_size=16, n_steps=3, random_state=0
    ),
}

# What it decides by comparing is set: rounding may turn a comparison.
TAUGHT = CoarseScoreDiffusion(
    coarseness=0.5,
    training_law="empirical",
    final_step="tweedie",
    max_iter=20,
    width=8,
    depth=1,
    batch_size=16,
    random_state=0,
)

# The same examples in every run.
fixed = settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


FLOATS = [np.float64, np.float32]
DTYPES = [*FLOATS, np.int64, np.int32]


@st.composite
def tables(draw, min_rows=2, max_rows=80, max_columns=10, log_scale=12, dtypes=DTYPES):
    """Draw a table with some duplicates, constant and collinear columns."""
    n_rows = draw(st.integers(min_rows, max_rows))
    n_columns = draw(st.integers(1, max_columns))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = rng.normal(size=(n_rows, n_columns))
    if draw(st.booleans()):
        X = X[rng.integers(n_rows, size=n_rows)]
    if draw(st.booleans()):
        X[:, rng.integers(n_columns)] = rng.normal()
    if draw(st.booleans()) and n_columns > 1:
        X[:, -1] = 2 * X[:, 0] - 1
    X = X + draw(st.sampled_from([0.0, 0.0, 10.0]))
    dtype = draw(st.sampled_from(dtypes))
    if np.issubdtype(dtype, np.integer):
        # Counts: many are equal where the unit is large.
        X = np.rint(X * 10.0 ** draw(st.integers(0, min(log_scale, 6))))
    else:
        X = X * 10.0 ** draw(st.integers(-log_scale, log_scale))
    X = X.astype(dtype)
    # Fewer than two distinct rows are refused.
    assume((np.ptp(X, axis=0) > 0).any())
    return X


def spread(X):
    """Return the largest difference within a column."""
    return np.ptp(X.astype(float), axis=0).max()


@pytest.mark.parametrize("name", CLOSED_FORM)
@fixed
@given(X=tables())
def test_outputs_are_finite_and_of_the_promised_shape(name, X):
    check_outputs(CLOSED_FORM[name].fit(X), X)


@pytest.mark.parametrize("name", SLOWER)
@settings(fixed, max_examples=10)
@given(X=tables(max_rows=30, max_columns=6))
def test_outputs_of_slower_models_are_too(name, X):
    check_outputs(SLOWER[name].fit(X), X)


def check_outputs(model, X):
    drawn = model.sample(7, random_state=0)
    assert drawn.shape == (7, X.shape[1])
    scores = model.score_samples(X[:3])
    assert scores.shape == (len(X[:3]),)
    for found in (drawn, scores, model.project(X[:3]), model.distance(X[:3])):
        assert np.isfinite(found).all()
    for sigma in (0.1, 10.0):
        assert np.isfinite(model.denoise(X[:3], sigma)).all()


@pytest.mark.parametrize("name", CLOSED_FORM)
@fixed
@given(X=tables(log_scale=6))
def test_draws_stay_in_the_span_of_the_rows(name, X):
    drawn = CLOSED_FORM[name].fit(X).sample(10, random_state=0).astype(float)
    rows = X.astype(float)
    center = rows.mean(0)
    _, extent, axes = np.linalg.svd(rows - center)
    dtype = X.dtype if X.dtype.kind == "f" else float
    noise = 100 * np.finfo(dtype).eps * np.abs(rows).max()
    rank = (extent > max(noise, 1e-6 * extent.max())).sum()
    off = (drawn - center) @ axes[rank:].T
    assert np.abs(off).max(initial=0) <= 1e-3 * spread(X) + noise


@fixed
@given(X=tables())
def test_without_coarseness_draws_are_rows(X):
    drawn = EmpiricalScoreDiffusion(coarseness=0).fit(X).sample(10, random_state=0)
    gaps = np.abs(drawn[:, None].astype(float) - X[None].astype(float)).max(2).min(1)
    # Of rows much closer than others the last denoising step may take the mean.
    assert (gaps <= 2e-3 * spread(X) + 1e-6 * np.abs(X).max()).all()


@pytest.mark.parametrize("name", ["copies", "local", "isotropic"])
@fixed
@given(X=tables(min_rows=3, log_scale=3), seed=st.integers(0, 1000))
def test_order_of_rows_does_not_matter(name, X, seed):
    order = np.random.default_rng(seed).permutation(len(X))
    model = CLOSED_FORM[name]
    expected = model.fit(X).denoise(X[:4], 0.3)
    found = model.fit(X[order]).denoise(X[:4], 0.3)
    assert_same(found, expected, X)


@settings(fixed, max_examples=10)
@given(X=tables(min_rows=3, log_scale=3), seed=st.integers(0, 1000))
def test_order_of_rows_does_not_matter_to_a_network(X, seed):
    order = np.random.default_rng(seed).permutation(len(X))
    expected = TAUGHT.fit(X).denoise(X[:4], 0.3)
    assert_same(TAUGHT.fit(X[order]).denoise(X[:4], 0.3), expected, X)


@settings(fixed, max_examples=10)
@given(
    X=tables(min_rows=3, log_scale=0), shift=st.floats(-5, 5), log=st.integers(-9, 9)
)
def test_shift_and_unit_pass_through_a_network(X, shift, log):
    X, unit = X.astype(float), 10.0**log
    expected = unit * (TAUGHT.fit(X).denoise(X[:4], 0.3) + shift)
    moved = unit * (X + shift)
    assert_same(TAUGHT.fit(moved).denoise(moved[:4], 0.3), expected, moved)


# Not of integers, between which many distances are equal: rounding decides there which
# rows are nearest.
@pytest.mark.parametrize("name", ["copies", "local"])
@fixed
@given(
    X=tables(min_rows=3, log_scale=0, dtypes=FLOATS),
    shift=st.floats(-5, 5),
    log=st.integers(-9, 9),
)
def test_shift_and_unit_pass_through(name, X, shift, log):
    X, unit = X.astype(float), 10.0**log
    model = CLOSED_FORM[name]
    # Noise levels are those of the scaled space.
    expected = unit * (model.fit(X).denoise(X[:4], 0.3) + shift)
    moved = unit * (X + shift)
    found = model.fit(moved).denoise(moved[:4], 0.3)
    assert_same(found, expected, moved)


@pytest.mark.parametrize("name", ["copies", "local"])
@fixed
@given(X=tables(min_rows=3, log_scale=0, dtypes=FLOATS), seed=st.integers(0, 1000))
def test_rotations_pass_through_without_scaling(name, X, seed):
    X = X.astype(float)
    normal = np.random.default_rng(seed).normal(size=(X.shape[1],) * 2)
    turn = np.linalg.qr(normal)[0]
    # The models are shared: other tests expect the scaling that they have.
    model = clone(CLOSED_FORM[name]).set_params(scaling=None)
    sigma = 0.3 * spread(X)
    expected = model.fit(X).denoise(X[:4], sigma) @ turn
    found = model.fit(X @ turn).denoise(X[:4] @ turn, sigma)
    assert_same(found, expected, X)


def assert_same(found, expected, X):
    tolerance = 1e-4 * spread(X) + 1e-5 * np.abs(X).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
