"""Whether rows lie on a smooth manifold, at the scale at which they sample it.

A point is compared with a quadratic surface over the tangent plane of the rows around
it (moving least squares; Sober and Levin 2019). Where the rows sample a clean manifold,
each row lies much closer to the surface through the other rows than to any of them; on
a noisy table, or one whose dimension the number of rows cannot resolve, about as far.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors

# A surface of more dimensions has more coefficients than a neighbourhood has rows.
_MAX_DIM = 5
_MAX_ROWS = 500
# A clean manifold misses its rows by less than this share of their spacing.
_CLEAN = 0.2
# Extent of a direction, in the largest one, below which rows do not vary along it.
_FLAT = 1e-6


class LocalSurfaces:
    """Quadratic surfaces through the neighbourhoods of a set of rows.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Distinct rows.
    rng : numpy.random.Generator
        Chooses the rows that are asked when there are more than 500.

    Attributes
    ----------
    residual : float
        Median distance of a row to the surface through its neighbours, over that to
        its nearest neighbour; infinity when there are too few rows for a surface.
    dim : int
        The dimension of the surfaces, up to 5 and below the rank of the rows: the
        smallest whose residual is below 0.2, else the one of smallest residual. A
        surface of more dimensions may hold the manifold and much beside it.
    is_clean : bool
        Whether the residual is below 0.2.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.smoothness import LocalSurfaces
    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, 2 * np.pi, 300)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> LocalSurfaces(circle, rng).is_clean
    True
    >>> LocalSurfaces(rng.normal(size=(300, 8)), rng).is_clean
    False
    """

    def __init__(self, X: np.ndarray, rng: np.random.Generator) -> None:
        self.rows = X
        self.residual, self.dim = np.inf, 0
        self._search = NearestNeighbors().fit(X)
        asked = X
        if len(X) > _MAX_ROWS:
            asked = X[rng.choice(len(X), _MAX_ROWS, replace=False)]
        # Rows fill a flat of their own rank, whatever the shape they have in it.
        rank = np.linalg.matrix_rank(asked - asked.mean(0), rtol=_FLAT)
        for dim in range(1, min(_MAX_DIM, rank - 1) + 1):
            if self.is_clean or _n_neighbors(dim) + 1 > len(X):
                break
            distances, index = self._search.kneighbors(asked, _n_neighbors(dim) + 1)
            # The nearest row is the row itself, which must not predict itself.
            missed = _missed_by(asked, X[index[:, 1:]], distances[:, 1:], dim)
            residual = float(np.median(missed / distances[:, 1]))
            if residual < self.residual:
                self.residual, self.dim = residual, dim

    @property
    def is_clean(self) -> bool:
        """Whether the rows lie on a smooth manifold rather than about one."""
        return self.residual < _CLEAN

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return how far points (n, D) lie from the surfaces through the rows there."""
        distances, index = self._search.kneighbors(points, _n_neighbors(self.dim))
        return _missed_by(points, self.rows[index], distances, self.dim)


def _n_neighbors(dim: int) -> int:
    return max(20, 12 * dim)


def _missed_by(
    points: np.ndarray, near: np.ndarray, distances: np.ndarray, dim: int
) -> np.ndarray:
    """Distance (n,) from points (n, D) to surfaces through near (n, k, D)."""
    width = 1.05 * distances[:, -1:]
    weights = (1 - (distances / width) ** 2) ** 2
    center = np.einsum("nk,nkd->nd", weights, near) / weights.sum(1)[:, None]
    spread = near - center[:, None]
    _, _, right = np.linalg.svd(
        np.sqrt(weights)[..., None] * spread, full_matrices=False
    )
    tangent = right[:, :dim] / width[..., None]
    basis = _quadratic(np.einsum("nkd,ntd->nkt", spread, tangent))
    at_point = _quadratic(np.einsum("nd,ntd->nt", points - center, tangent))
    root = np.sqrt(weights)[..., None]
    # The smallest ridge that keeps coincident or aligned neighbours solvable.
    normal = np.einsum("nki,nk,nkj->nij", basis, weights, basis)
    ridge = 1e-8 * np.trace(normal, axis1=1, axis2=2)[:, None, None]
    normal += ridge * np.eye(normal.shape[1])
    moments = np.einsum("nki,nkd->nid", root * basis, root * spread)
    surface = np.linalg.solve(normal, moments)
    offset = np.einsum("ni,nid->nd", at_point, surface)
    return np.linalg.norm(points - center - offset, axis=1)


def _quadratic(t: np.ndarray) -> np.ndarray:
    """Monomials up to degree 2 of coordinates (..., dim), along the last axis."""
    rows, columns = np.triu_indices(t.shape[-1])
    return np.concatenate(
        [np.ones((*t.shape[:-1], 1)), t, t[..., rows] * t[..., columns]], axis=-1
    )
