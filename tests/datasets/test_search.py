"""The search for nearest parameters on functions with known minima."""

import numpy as np
import pytest

from manidiff.datasets._search import nearest_parameter

TURN = 2 * np.pi
CELL = TURN / 128
LOWEST = [0.0, 0.4 * CELL, 1.0, np.pi, TURN - 0.4 * CELL, TURN - 1e-9]


def turned_by(found, expected):
    return np.abs((found - expected + np.pi) % TURN - np.pi)


@pytest.mark.parametrize("lowest", LOWEST)
def test_closed_curves_have_no_seam(lowest):
    def squared_distance(X, t):
        return 1 - np.cos(t - X)

    found = nearest_parameter(
        squared_distance, np.array([[lowest]]), 0.0, TURN, 128, closed=True
    )
    assert turned_by(found, lowest) < 1e-7


def test_the_deepest_of_three_valleys_is_found_between_nodes():
    # Its two neighbours are less deep by a 2000th, but nearer to nodes.
    def squared_distance(X, t):
        return 1 - np.cos(3 * (t - X)) - 5e-4 * np.cos(t - X)

    lowest = (np.arange(128) + 0.5)[:, None] * CELL
    grid = np.arange(128) * CELL
    at_nodes = squared_distance(lowest, np.broadcast_to(grid, (128, 128)))
    best_node = grid[at_nodes.argmin(axis=1)]
    assert turned_by(best_node, lowest[:, 0]).min() > 1
    found = nearest_parameter(squared_distance, lowest, 0.0, TURN, 128, closed=True)
    assert turned_by(found, lowest[:, 0]).max() < 1e-7


@pytest.mark.parametrize(("lowest", "expected"), [(-3, 0), (0.77, 0.77), (9, 2)])
def test_open_curves_end(lowest, expected):
    found = nearest_parameter(
        lambda X, t: (t - X) ** 2, np.array([[lowest]]), 0.0, 2.0, 33, closed=False
    )
    np.testing.assert_allclose(found, expected, atol=1e-8)
    assert ((found >= 0) & (found <= 2)).all()
