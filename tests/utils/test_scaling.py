"""The scaled space."""

import numpy as np
import pytest

from manidiff._utils.scaling import Scaling


def equal(X):
    return np.full(len(X), 1 / len(X))


@pytest.fixture
def X():
    # Light tails: the standard deviation is the scale.
    return np.random.default_rng(0).uniform(-1, 1, (100, 3)) * [1, 10, 0.1] + [
        0,
        50,
        -3,
    ]


@pytest.mark.parametrize("kind", ["feature", "global", None])
def test_inverse_undoes(X, kind):
    scaling = Scaling.fit(X, equal(X), kind)
    np.testing.assert_allclose(scaling.invert(scaling.apply(X)), X, rtol=1e-12)


@pytest.mark.parametrize("kind", ["feature", "global", None])
def test_scaled_rows_are_centred(X, kind):
    Z = Scaling.fit(X, equal(X), kind).apply(X)
    np.testing.assert_allclose(Z.mean(0), 0, atol=1e-12)


def test_feature_gives_every_column_unit_variance(X):
    Z = Scaling.fit(X, equal(X), "feature").apply(X)
    np.testing.assert_allclose(Z.std(0), 1)


def test_feature_scales_heavy_tails_by_their_fourth_moment():
    rare = np.zeros((1000, 1))
    rare[:5] = 1
    X = np.hstack([rare, np.random.default_rng(0).uniform(size=(1000, 1))])
    scale = Scaling.fit(X, equal(X), "feature").scale
    fourth = np.mean((rare - rare.mean()) ** 4)
    assert scale[0] == pytest.approx((fourth / 3) ** 0.25)
    assert scale[0] > 2 * rare.std()
    assert scale[1] == pytest.approx(X[:, 1].std())


def test_feature_scales_a_normal_column_by_its_deviation():
    X = np.random.default_rng(0).normal(size=(20_000, 1))
    assert Scaling.fit(X, equal(X), "feature").scale[0] == pytest.approx(1, rel=0.03)


def test_global_gives_unit_mean_variance_and_keeps_proportions(X):
    scaling = Scaling.fit(X, equal(X), "global")
    assert scaling.apply(X).var(0).mean() == pytest.approx(1)
    assert len(np.unique(scaling.scale)) == 1


def test_none_only_centres(X):
    scaling = Scaling.fit(X, equal(X), None)
    np.testing.assert_array_equal(scaling.scale, 1)
    np.testing.assert_allclose(scaling.apply(X), X - X.mean(0))


@pytest.mark.parametrize("kind", ["feature", "global", None])
def test_weights_are_repetitions(X, kind):
    times = np.arange(len(X)) % 3 + 1
    repeated = np.repeat(X, times, axis=0)
    weighted = Scaling.fit(X, times / times.sum(), kind)
    expected = Scaling.fit(repeated, equal(repeated), kind)
    np.testing.assert_allclose(weighted.center, expected.center)
    np.testing.assert_allclose(weighted.scale, expected.scale)


@pytest.mark.parametrize("unit", [1e-30, 1e-300, 1e30, 1e120])
@pytest.mark.parametrize("kind", ["feature", "global"])
def test_units_make_no_difference(X, kind, unit):
    scaling = Scaling.fit(X, equal(X), kind)
    other = Scaling.fit(X * unit, equal(X), kind)
    np.testing.assert_allclose(other.scale, scaling.scale * unit, rtol=1e-9)
    np.testing.assert_allclose(
        other.apply(X * unit), scaling.apply(X), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("unit", [1e-30, 1e30])
def test_none_refuses_what_single_precision_does_not_hold(X, unit):
    with pytest.raises(ValueError, match=r"scaling=None.*scaling='feature'"):
        Scaling.fit(X * unit, equal(X), None)


@pytest.mark.parametrize("kind", ["feature", "global", None])
def test_overflowing_squares_are_refused(X, kind):
    with pytest.raises(ValueError, match="overflow"):
        Scaling.fit(X * 1e200, equal(X), kind)


def test_rows_too_far_away_are_refused(X):
    scaling = Scaling.fit(X, equal(X), "feature")
    with pytest.raises(ValueError, match="away from the training data"):
        scaling.apply(X * 1e200)


@pytest.mark.parametrize("value", [0.0, 1 / 3, 1e30, 1e-30])
def test_a_constant_column_keeps_its_value(X, value):
    X = np.column_stack([X, np.full(len(X), value)])
    scaling = Scaling.fit(X, equal(X), "feature")
    assert scaling.scale[3] == 1
    np.testing.assert_allclose(scaling.invert(scaling.apply(X))[:, 3], value)


@pytest.mark.parametrize("kind", ["feature", "global", None])
@pytest.mark.parametrize("value", [0.0, 0.1, -1e30])
def test_equal_rows_are_refused(kind, value):
    X = np.full((7, 2), value)
    with pytest.raises(ValueError, match="all rows are equal"):
        Scaling.fit(X, equal(X), kind)


@pytest.mark.parametrize("kind", ["feature", "global", None])
def test_jacobian_is_that_of_the_map(X, kind):
    scaling = Scaling.fit(X, equal(X), kind)
    columns = scaling.apply(X[:1] + np.eye(3)) - scaling.apply(X[:1])
    expected = np.linalg.slogdet(columns)[1]
    assert scaling.log_jacobian == pytest.approx(expected)
