"""The length by which all noise levels are measured: the nearest-neighbour distance."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

# The median over so many rows is that over all to about one percent.
_MAX_QUERIES = 5_000


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
