"""A test of whether generated rows are nearer to the training rows than chance."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import mannwhitneyu, norm
from sklearn.cluster import KMeans

from manidiff.metrics._neighbors import (
    check_at_least_one,
    check_sets,
    nearest_distances,
)

# With fewer rows on either side the rank statistic is not near normal.
_MIN_ROWS = 8
_ROWS_A_CELL = 100
_MAX_CELLS = 20


class CopyingTest(NamedTuple):
    """What `data_copying_test` returns."""

    statistic: float
    pvalue: float


def data_copying_test(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    n_cells: int | None = None,
    random_state: int | np.random.RandomState | None = None,
) -> CopyingTest:
    """Test whether generated rows are nearer to training rows than held-out rows are.

    Space is cut into cells about the k-means of the training rows. In each cell the
    distances to the nearest training row of generated and of held-out rows are compared
    by a Mann-Whitney test; the statistic C_T is the mean of its z-scores, weighted by
    the held-out rows of the cells. Nearest to 0 is best: below -3 is strong evidence of
    copying, above 3 of rows too far from the data. Fresh true rows score about 0 and a
    p-value that is uniform between 0 and 1. The more rows, the larger the statistic of
    a given fault.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.
    n_cells : int or None, default=None
        Number of cells. None takes one for every 100 rows of the smallest set, at least
        1 and at most 20. Cells with fewer than 8 generated or 8 held-out rows are left
        out.
    random_state : int, RandomState instance or None, default=None
        Starts the k-means.

    Returns
    -------
    result : named tuple of floats
        `statistic`, C_T, any number; `pvalue`, between 0 and 1: the chance that fresh
        true rows score as low. Its law is exact for many rows.

    Raises
    ------
    ValueError
        If no cell holds enough rows, or n_cells is not between 1 and the number of
        training rows.

    References
    ----------
    Meehan, Chaudhuri, Dasgupta (2020), "A Non-Parametric Test to Detect Data-Copying in
    Generative Models". There the nearest training row is sought within the cell; here
    it may be in another.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import data_copying_test
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout, X_fresh = rng.normal(size=(3, 300, 2))
    >>> near = X_train + 0.01 * rng.normal(size=(300, 2))
    >>> data_copying_test(near, X_train, X_heldout, random_state=0).statistic < -3
    True
    >>> data_copying_test(X_fresh, X_train, X_heldout, random_state=0).pvalue > 0.01
    True
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    if n_cells is None:
        fewest = min(len(X_gen), len(X_train), len(X_heldout))
        n_cells = int(np.clip(fewest // _ROWS_A_CELL, 1, _MAX_CELLS))
    check_at_least_one(n_cells=n_cells)
    if n_cells > len(X_train):
        raise ValueError(
            f"n_cells={n_cells} must be at most the {len(X_train)} rows of X_train."
        )
    cells = KMeans(n_cells, random_state=random_state).fit(X_train)
    of_gen, of_heldout = cells.predict(X_gen), cells.predict(X_heldout)
    d_gen = nearest_distances(X_gen, X_train, 1)[:, 0]
    d_heldout = nearest_distances(X_heldout, X_train, 1)[:, 0]
    scores, weights = [], []
    for cell in range(n_cells):
        generated, heldout = d_gen[of_gen == cell], d_heldout[of_heldout == cell]
        if min(len(generated), len(heldout)) >= _MIN_ROWS:
            scores.append(_rank_score(generated, heldout))
            weights.append(len(heldout))
    if not scores:
        raise ValueError(
            f"With n_cells={n_cells} no cell holds {_MIN_ROWS} generated and "
            f"{_MIN_ROWS} held-out rows. Lower n_cells or pass more rows."
        )
    shares = np.array(weights) / np.sum(weights)
    statistic = float(shares @ scores)
    # The cells are independent given the training rows, each score standard normal.
    return CopyingTest(statistic, float(norm.cdf(statistic / np.linalg.norm(shares))))


def _rank_score(x: np.ndarray, y: np.ndarray) -> float:
    """Return the z-score of the Mann-Whitney statistic; negative where x is smaller."""
    n_x, n_y = len(x), len(y)
    n = n_x + n_y
    _, ties = np.unique(np.concatenate([x, y]), return_counts=True)
    variance = n_x * n_y / 12 * (n + 1 - np.sum(ties**3.0 - ties) / (n * (n - 1)))
    if variance <= 0:
        return 0.0
    # The p-value is not turned into the score: it underflows where copies are plain.
    statistic = mannwhitneyu(x, y, method="asymptotic").statistic
    return float((statistic - n_x * n_y / 2) / np.sqrt(variance))
