"""Nearest parameters on a curve: a grid, then golden sections in its best valleys."""

from collections.abc import Callable

import numpy as np

_GOLDEN = (np.sqrt(5) - 1) / 2
# Golden sections shrink a cell of the grid below the square root of rounding, beyond
# which a minimum cannot be told from its neighbourhood.
_N_SECTIONS = 45
# The lowest node of the grid can lie beside a valley that is not the deepest.
_N_VALLEYS = 3
_CHUNK = 4096


def nearest_parameter(
    squared_distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    X: np.ndarray,
    low: float,
    high: float,
    n_grid: int,
    *,
    closed: bool,
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
        Nodes of the grid: enough that each valley has its own lowest node.
    closed : bool
        Whether the curve is closed: `squared_distance` then has the period high - low.

    Returns
    -------
    t : ndarray of shape (n,)
        Parameters, right to about 1e-8 of the range. On a closed curve they can lie
        up to one cell of the grid outside it.
    """
    grid = np.linspace(low, high, n_grid, endpoint=not closed)
    found = [
        _refine(squared_distance, X[i : i + _CHUNK], grid, closed)
        for i in range(0, len(X), _CHUNK)
    ]
    return np.concatenate(found)


def _refine(
    squared_distance: Callable[[np.ndarray, np.ndarray], np.ndarray],
    X: np.ndarray,
    grid: np.ndarray,
    closed: bool,
) -> np.ndarray:
    values = squared_distance(X, np.broadcast_to(grid, (len(X), len(grid))))
    middle = grid[_lowest_valleys(values, closed)]
    step = grid[1] - grid[0]
    left, right = middle - step, middle + step
    if not closed:
        left, right = np.maximum(left, grid[0]), np.minimum(right, grid[-1])
    for _ in range(_N_SECTIONS):
        inner_left = right - _GOLDEN * (right - left)
        inner_right = left + _GOLDEN * (right - left)
        values = squared_distance(X, np.hstack([inner_left, inner_right]))
        lower = values[:, : left.shape[1]] <= values[:, left.shape[1] :]
        left = np.where(lower, left, inner_left)
        right = np.where(lower, inner_right, right)
    found = (left + right) / 2
    best = squared_distance(X, found).argmin(axis=1)
    return found[np.arange(len(X)), best]


def _lowest_valleys(values: np.ndarray, closed: bool) -> np.ndarray:
    """Return the nodes (n, _N_VALLEYS) of the lowest local minima of values (n, m)."""
    padded = np.pad(values, ((0, 0), (1, 1)), mode="wrap" if closed else "edge")
    is_minimum = (values <= padded[:, :-2]) & (values <= padded[:, 2:])
    heights = np.where(is_minimum, values, np.inf)
    return np.argpartition(heights, _N_VALLEYS, axis=1)[:, :_N_VALLEYS]
