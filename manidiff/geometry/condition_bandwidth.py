"""How far apart the targets of two rows may be for the rows to follow one law."""

import numpy as np
from scipy.spatial.distance import cdist

# Rows that are compared with each other, where there are more.
_MAX_ROWS = 1_000
# Bandwidths are tried down to this one of Silverman's, each this share of the last.
_SMALLEST, _SHARE = 1 / 64, 2**-0.5
# A bandwidth averages over so many rows at least, and may widen what rows with equal
# targets differ by, in mean square, by a tenth.
_FEWEST, _WIDENED = 10, 1.1


def condition_bandwidth(
    rows: np.ndarray, conditions: np.ndarray, rng: np.random.Generator
) -> float:
    """Return the bandwidth within which conditions count as equal.

    Silverman's is that of a density and knows nothing of the rows: where they depend
    much on the conditions it mixes rows that have little to do with each other. Here it
    is the largest one, and the best of those tried is taken by half the mean square
    difference between rows, weighted by how near their conditions are: as the
    bandwidth falls, that falls to the variance of rows of equal conditions.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Rows, at least two.
    conditions : ndarray of shape (N, c)
        Their conditions, of unit variance.
    rng : numpy.random.Generator
        Chooses the rows that are compared, when there are more than 1000.

    Returns
    -------
    bandwidth : float
        The largest of those that widen the law by no more than a tenth of its variance.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.condition_bandwidth import condition_bandwidth
    >>> rng = np.random.default_rng(0)
    >>> targets, noise = rng.normal(size=(2, 1000, 1))
    >>> independent = condition_bandwidth(noise, targets, rng)
    >>> dependent = condition_bandwidth(targets + 0.1 * noise, targets, rng)
    >>> round(independent, 3), round(dependent, 3)
    (0.251, 0.031)
    """
    n_rows = len(rows)
    if n_rows > _MAX_ROWS:
        chosen = rng.choice(n_rows, _MAX_ROWS, replace=False)
        rows, conditions = rows[chosen], conditions[chosen]
    apart = cdist(conditions, conditions, "sqeuclidean")
    differences = cdist(rows, rows, "sqeuclidean") / 2
    np.fill_diagonal(apart, np.inf)
    silverman = silverman_bandwidth(n_rows, conditions.shape[1])
    n_tried = round(np.log(_SMALLEST) / np.log(_SHARE)) + 1
    tried = silverman * _SHARE ** np.arange(n_tried)
    spreads = []
    for bandwidth in tried:
        weights = np.exp(-apart / (2 * bandwidth**2))
        total = weights.sum()
        if total * n_rows / len(rows) ** 2 < _FEWEST:
            break
        spreads.append((weights * differences).sum() / total)
    if not spreads:
        return silverman
    enough = np.array(spreads) <= _WIDENED * min(spreads)
    return float(tried[enough.argmax()])


def silverman_bandwidth(n_rows: int, n_conditions: int) -> float:
    """Return Silverman's bandwidth for conditions of unit variance, to a factor."""
    return float(n_rows ** (-1 / (4 + n_conditions)))
