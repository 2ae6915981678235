"""Functions of the distances of all pairs of rows, in blocks of bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy.spatial.distance import cdist

from manidiff._utils.chunking import chunk_slices

# Distances held at once: 4 MiB, which a processor keeps at hand, but those of so many
# rows at least, as all others are read for them.
_MAX_ENTRIES, _LEAST_ROWS = 2**19, 16
# From so many columns on a product of matrices is faster than differences.
_MANY_COLUMNS = 16
# Inner products lose the digits of a squared distance that is a small share of the
# squared norms: below the first share it is taken from differences. No rounding
# exceeds the second share.
_CANCELS, _ROUNDS = 1e-6, 1e-12
# With more than one such pair in so many, all are taken from differences.
_FEW = 64


def counts_in_balls(
    points: np.ndarray, centers: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return in how many balls each point lies, and how many points each ball holds."""
    in_balls = np.zeros(len(points), dtype=int)
    held = np.zeros(len(centers), dtype=int)
    reach = radius**2
    for rows, squares, rounding in _blocks(points, centers):
        slack = _ROUNDS * reach + rounding
        inside = squares <= reach - slack
        # A point on a sphere is inside, whatever rounding says.
        pairs = np.nonzero((squares <= reach + slack) & ~inside)
        distances = _distances(points[rows], centers, pairs)
        inside[pairs] = distances <= radius[pairs[1]]
        in_balls[rows] = inside.sum(axis=1)
        held += inside.sum(axis=0)
    return in_balls, held


def mean_over_pairs(
    function: Callable[[np.ndarray], np.ndarray], X: np.ndarray, Y: np.ndarray
) -> float:
    """Return the mean of a function of the squared distances (n, m), such as sqrt.

    The function may write into what it is given.
    """
    total = sum(function(squares).sum() for _, squares, _ in _blocks(X, Y))
    return float(total) / (len(X) * len(Y))


def mean_within(function: Callable[[np.ndarray], np.ndarray], X: np.ndarray) -> float:
    """Return the mean of a function of the squared distances (n, n) within one set.

    Each pair of different rows is evaluated once, but for those of one block.
    """
    total = 0.0
    for rows, squares, _ in _blocks(X, X, is_symmetric=True):
        values = function(squares)
        own = rows.stop - rows.start
        total += values[:, :own].sum() + 2 * values[:, own:].sum()
    return float(total) / len(X) ** 2


def _blocks(
    X: np.ndarray, Y: np.ndarray, *, is_symmetric: bool = False
) -> Iterator[tuple[slice, np.ndarray, float]]:
    """Yield rows of X, their squared distances to Y, and how far rounding takes those.

    If `is_symmetric`, to the rows of Y from the first of them on.
    """
    middle = Y.mean(axis=0)
    left, right, norms = _factors(X - middle, Y - middle)
    for rows in chunk_slices(len(X), max(_MAX_ENTRIES // len(Y), _LEAST_ROWS)):
        start = rows.start if is_symmetric else 0
        others = Y[start:]
        if X.shape[1] < _MANY_COLUMNS:
            yield rows, cdist(X[rows], others, "sqeuclidean"), 0.0
            continue
        squares = left[rows] @ right[:, start:]
        pairs = np.nonzero(squares < _CANCELS * norms[rows])
        if len(pairs[0]) > squares.size / _FEW:
            yield rows, cdist(X[rows], others, "sqeuclidean"), 0.0
            continue
        squares[pairs] = _distances(X[rows], others, pairs) ** 2
        yield rows, squares, _ROUNDS * float(norms[rows].max())


def _factors(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return two matrices whose product is the squared distances, and their norms.

    The norms (n, 1) are bounds for the sum of the squared norms of a pair.
    """
    of_x, of_y = (np.einsum("ij,ij->i", rows, rows)[:, None] for rows in (X, Y))
    left = np.hstack([X, of_x, np.ones_like(of_x)])
    right = np.hstack([-2 * Y, np.ones_like(of_y), of_y]).T
    return left, right, of_x + of_y.max()


def _distances(
    X: np.ndarray, Y: np.ndarray, pairs: tuple[np.ndarray, ...]
) -> np.ndarray:
    """Return the distances of some pairs of rows, from their differences."""
    distances = np.empty(len(pairs[0]))
    for part in chunk_slices(len(distances), max(_MAX_ENTRIES // X.shape[1], 1)):
        differences = X[pairs[0][part]] - Y[pairs[1][part]]
        distances[part] = np.linalg.norm(differences, axis=1)
    return distances
