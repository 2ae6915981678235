"""The nearest-neighbour distance."""

import numpy as np
import pytest

from manidiff.geometry import scale
from manidiff.geometry.scale import nearest_neighbor_distance


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_of_a_grid_is_its_step(rng):
    axis = 0.25 * np.arange(12)
    X = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    assert nearest_neighbor_distance(X, rng) == pytest.approx(0.25)


def test_is_the_median_of_brute_force(rng):
    X = rng.normal(size=(151, 3))
    distances = np.linalg.norm(X[:, None] - X, axis=2)
    np.fill_diagonal(distances, np.inf)
    expected = np.median(distances.min(1))
    assert nearest_neighbor_distance(X, rng) == pytest.approx(expected)


def test_of_two_rows_is_their_distance(rng):
    assert nearest_neighbor_distance(np.array([[0.0, 0], [3, 4]]), rng) == 5


def test_asks_some_rows_of_many_about_all(rng, monkeypatch):
    monkeypatch.setattr(scale, "_MAX_QUERIES", 50)
    # Every second row alone would be twice as far apart.
    assert nearest_neighbor_distance(np.arange(1000.0)[:, None], rng) == 1
