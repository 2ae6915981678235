"""Lengths of a set of rows: their spacing, and how far a neighbourhood spreads."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

# The median over so many rows is that over all to about one percent.
_MAX_QUERIES = 5_000
_MAX_SPREADS = 1_000


def nearest_neighbor_distance(X: np.ndarray, rng: np.random.Generator) -> float:
    """Return r1, the median distance from a row to its nearest other row.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Distinct rows, at least two.
    rng : numpy.random.Generator
        Chooses the rows that are asked when there are more than 5000.

    Returns
    -------
    r1 : float
        The median, in the units of X.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.scale import nearest_neighbor_distance
    >>> X = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> nearest_neighbor_distance(X, np.random.default_rng(0))
    1.0
    """
    queries = X
    if len(X) > _MAX_QUERIES:
        queries = X[rng.choice(len(X), _MAX_QUERIES, replace=False)]
    neighbors = NearestNeighbors(n_neighbors=2).fit(X)
    return float(np.median(neighbors.kneighbors(queries)[0][:, 1]))


def neighborhood_spread(
    X: np.ndarray, n_neighbors: int, dim: int, rng: np.random.Generator
) -> float:
    """Return the standard deviation of neighbourhoods along their first directions.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Distinct rows, at least two.
    n_neighbors : int
        Neighbours of a row, beside the row itself; all there are when there are fewer.
    dim : int
        Number of principal directions of a neighbourhood that count, >= 1.
    rng : numpy.random.Generator
        Chooses the rows that are asked when there are more than 1000.

    Returns
    -------
    spread : float
        The root of the variance a direction, its median over the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.scale import neighborhood_spread
    >>> X = np.arange(5.0)[:, None]
    >>> neighborhood_spread(X, 2, 1, np.random.default_rng(0))
    1.0
    """
    asked = X
    if len(X) > _MAX_SPREADS:
        asked = X[rng.choice(len(X), _MAX_SPREADS, replace=False)]
    search = NearestNeighbors(n_neighbors=min(n_neighbors + 1, len(X))).fit(X)
    near = X[search.kneighbors(asked, return_distance=False)]
    near -= near.mean(axis=1, keepdims=True)
    singular = np.linalg.svd(near, compute_uv=False)[:, :dim]
    variances = (singular**2).sum(axis=1) / (near.shape[1] - 1)
    return float(np.median(np.sqrt(variances / min(dim, singular.shape[1]))))
