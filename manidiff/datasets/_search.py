"""Nearest parameters on a curve: a grid, then golden sections around its best node."""

from collections.abc import Callable

import numpy as np

_GOLDEN = (np.sqrt(5) - 1) / 2
# Golden sections shrink a cell of the grid below the square root of rounding, beyond
# which a minimum cannot be told from its neighbourhood.
_N_SECTIONS = 45
_CHUNK = 4096


def nearest_parameter(
    squared_distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    X: np.ndarray,
    low: float,
    high: float,
    n_grid: int,
) -> np.ndarray:
    """Return the parameter t in [low, high] that is nearest to each point.

    Parameters
    ----------
    squared_distance : callable
        ``(X (n, D), t (n, m)) -> (n, m)``, smooth in t.
    X : ndarray of shape (n, D)
        Points.
    low, high : float
        Ends of the parameter range.
    n_grid : int
        Nodes of the grid: enough that the best one lies in the valley of the minimum.

    Returns
    -------
    t : ndarray of shape (n,)
        Parameters, right to about 1e-8 of the range.
    """
    grid = np.linspace(low, high, n_grid)
    found = [
        _refine(squared_distance, X[i : i + _CHUNK], grid)
        for i in range(0, len(X), _CHUNK)
    ]
    return np.concatenate(found)


def _refine(
    squared_distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    X: np.ndarray,
    grid: np.ndarray,
) -> np.ndarray:
    best = squared_distance(X, np.broadcast_to(grid, (len(X), len(grid)))).argmin(1)
    left = grid[np.maximum(best - 1, 0)]
    right = grid[np.minimum(best + 1, len(grid) - 1)]
    for _ in range(_N_SECTIONS):
        inner = np.stack(
            [right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)], axis=1
        )
        values = squared_distance(X, inner)
        lower = values[:, 0] <= values[:, 1]
        left = np.where(lower, left, inner[:, 0])
        right = np.where(lower, inner[:, 1], right)
    return (left + right) / 2
