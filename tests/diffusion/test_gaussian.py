"""The Gaussian with the moments of the data, against numpy and scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from manidiff.diffusion.gaussian import Gaussian


def equal(n):
    return np.full(n, 1 / n)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def covariance_of(gaussian):
    return (gaussian.axes * gaussian.variances @ gaussian.axes.T).numpy()


@pytest.mark.parametrize("shape", [(50, 4), (3, 8)])
def test_moments_are_those_of_the_weighted_rows(rng, shape):
    X = rng.normal(size=shape) * np.arange(1, shape[1] + 1) + 5
    weights = rng.dirichlet(np.ones(len(X)))
    gaussian = Gaussian.from_moments(X, weights)
    np.testing.assert_allclose(gaussian.mean, weights @ X)
    expected = np.cov(X.T, aweights=weights, bias=True)
    np.testing.assert_allclose(covariance_of(gaussian), expected, atol=1e-12)


def test_axes_are_orthonormal_by_decreasing_variance(rng):
    X = rng.normal(size=(40, 5)) * [1, 9, 3, 7, 5]
    gaussian = Gaussian.from_moments(X, equal(40))
    torch.testing.assert_close(
        gaussian.axes.T @ gaussian.axes, torch.eye(5, dtype=torch.float64)
    )
    assert (gaussian.variances.diff() <= 0).all()


def test_constant_columns_add_no_rank(rng):
    X = np.column_stack([rng.normal(size=(30, 2)), np.full(30, 1e3 / 3)])
    gaussian = Gaussian.from_moments(X, equal(30))
    assert gaussian.rank == 2
    np.testing.assert_allclose(gaussian.axes[2], 0, atol=1e-12)


def test_collinear_columns_add_no_rank(rng):
    X = rng.normal(size=(30, 3))
    X = np.column_stack([X, X @ [1.0, -2.0, 0.5]])
    assert Gaussian.from_moments(X, equal(30)).rank == 3


def test_few_rows_span_one_direction_less_than_their_number(rng):
    assert Gaussian.from_moments(rng.normal(size=(4, 20)), equal(4)).rank == 3


def test_points_undo_coordinates(rng):
    X = rng.normal(size=(30, 3))
    gaussian = Gaussian.from_moments(X, equal(30))
    x = torch.from_numpy(X)
    torch.testing.assert_close(gaussian.points(gaussian.coordinates(x)), x)


@pytest.mark.parametrize("sigma", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("shape", [(60, 3), (4, 6)])
def test_log_density_is_that_of_scipy(rng, shape, sigma):
    X = rng.normal(size=shape) * np.arange(1, shape[1] + 1)
    gaussian = Gaussian.from_moments(X, equal(len(X)))
    queries = 3 * rng.normal(size=(20, shape[1]))
    law = multivariate_normal(
        X.mean(0), np.cov(X.T, bias=True) + sigma**2 * np.eye(shape[1])
    )
    found = gaussian.log_density(torch.from_numpy(queries), sigma)
    np.testing.assert_allclose(found, law.logpdf(queries), rtol=1e-9)


def test_start_maps_standard_normal_to_the_noised_law(rng):
    X = rng.normal(size=(60, 3)) * [1, 2, 3] + 7
    gaussian = Gaussian.from_moments(X, equal(60))
    # The map is affine, so its columns say all.
    unit = torch.eye(3, dtype=torch.float64)
    columns = gaussian.start(unit, 2.0) - gaussian.start(torch.zeros_like(unit), 2.0)
    expected = np.cov(X.T, bias=True) + 4 * np.eye(3)
    np.testing.assert_allclose(columns.T @ columns, expected, atol=1e-12)
    np.testing.assert_allclose(gaussian.start(0 * unit[:1], 2.0)[0], X.mean(0))


def test_start_stays_on_the_span(rng):
    X = np.column_stack([rng.normal(size=(30, 2)), np.ones(30)])
    gaussian = Gaussian.from_moments(X, equal(30))
    started = gaussian.start(torch.from_numpy(rng.normal(size=(10, 2))), 5.0)
    np.testing.assert_allclose(started[:, 2], 1)


def test_kind_of_numbers_can_be_changed(rng):
    gaussian = Gaussian.from_moments(rng.normal(size=(9, 2)), equal(9))
    moved = gaussian.to(torch.device("cpu"), torch.float32)
    assert {moved.mean.dtype, moved.axes.dtype, moved.variances.dtype} == {
        torch.float32
    }


@pytest.mark.parametrize("shape", [(50, 4), (3, 8)])
def test_the_signs_of_axes_are_not_those_of_rounding(rng, shape):
    X = rng.normal(size=shape)
    first = Gaussian.from_moments(X, equal(len(X)))
    other = Gaussian.from_moments(10 * X, equal(len(X)))
    torch.testing.assert_close(first.axes, other.axes)
    # Not even where a library returns them the other way round.
    turned = Gaussian._of_axes(
        first.mean.numpy(), first.variances.numpy(), -first.axes.numpy()
    )
    torch.testing.assert_close(first.axes, turned.axes)
