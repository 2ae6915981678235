"""Sums and counts over all pairs of rows are those of a matrix of distances."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manidiff.metrics._pairs import counts_in_balls, mean_over_pairs, mean_within

# Few columns go by differences, many by inner products.
WIDTHS = [3, 40]
# Near the origin, far from it, and in tight clusters far from each other, where inner
# products lose all digits.
KINDS = {
    "plain": lambda X: X,
    "shifted": lambda X: X + 1e6,
    "clusters": lambda X: 1e-5 * X + 100 * (np.arange(len(X)) % 3)[:, None],
    "outlier": lambda X: X * np.where(np.arange(len(X)) == 7, 1e5, 1)[:, None],
}


@pytest.fixture(params=WIDTHS)
def sets(request):
    X, Y = np.random.RandomState(0).normal(size=(2, 90, request.param))
    # Some rows are the same, some nearly.
    Y[:20] = X[:20]
    Y[20:40] = X[20:40] + 1e-7
    return X[:70], Y


@pytest.fixture(params=KINDS)
def placed(request, sets):
    return [KINDS[request.param](X) for X in sets]


@pytest.mark.parametrize("entries", [1, 1000, 10**6])
def test_means_are_those_of_a_matrix(placed, entries, monkeypatch):
    monkeypatch.setattr("manidiff.metrics._pairs._MAX_ENTRIES", entries)
    monkeypatch.setattr("manidiff.metrics._pairs._LEAST_ROWS", 1)
    X, Y = placed
    # What a value of 1e6 leaves of the last digits of a difference.
    tolerance = 1e-9 if np.abs(X).mean() > 1e3 else 1e-11
    assert abs(mean_over_pairs(np.sqrt, X, Y) / cdist(X, Y).mean() - 1) < tolerance
    assert abs(mean_within(np.sqrt, Y) / cdist(Y, Y).mean() - 1) < tolerance


def test_equal_rows_are_at_distance_zero(placed):
    X, _ = placed
    zeros = mean_over_pairs(lambda squares: squares == 0, X, X[:20])
    assert zeros == 1 / len(X)


@pytest.mark.parametrize("entries", [1, 1000, 10**6])
def test_points_on_spheres_are_inside(placed, entries, monkeypatch):
    monkeypatch.setattr("manidiff.metrics._pairs._MAX_ENTRIES", entries)
    monkeypatch.setattr("manidiff.metrics._pairs._LEAST_ROWS", 1)
    points, centers = placed
    # Every sphere goes through the fifth of the points.
    distances = np.linalg.norm(points[:, None] - centers, axis=2)
    radius = np.sort(distances, axis=0)[4]
    in_balls, held = counts_in_balls(points, centers, radius)
    assert (held == 5).all()
    assert in_balls.sum() == held.sum()
    np.testing.assert_array_equal(in_balls, (distances <= radius).sum(axis=1))


@pytest.mark.parametrize("width", WIDTHS)
def test_points_of_whole_numbers_are_counted(width):
    rng = np.random.RandomState(0)
    points, centers = rng.randint(2, size=(2, 60, width)).astype(float)
    radius = np.full(60, np.sqrt(width // 2))
    expected = cdist(points, centers, "sqeuclidean") <= width // 2
    in_balls, held = counts_in_balls(points, centers, radius)
    np.testing.assert_array_equal(in_balls, expected.sum(axis=1))
    np.testing.assert_array_equal(held, expected.sum(axis=0))
