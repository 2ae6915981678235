"""Distances between laws by a kernel and by projections to lines."""

from typing import Any

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import wasserstein_distance
from sklearn.utils import check_random_state

from manidiff.metrics._neighbors import check_at_least_one, check_sets, choose
from manidiff.metrics._pairs import mean_over_pairs, mean_within

# The median distance between so many rows is that between all to a percent.
_MEDIAN_ROWS = 1000

RandomState = int | np.random.RandomState | None


def maximum_mean_discrepancy(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    bandwidth: float | None = None,
    max_rows: int = 10_000,
    random_state: RandomState = None,
) -> float:
    """Return the squared maximum mean discrepancy, by its unbiased estimate.

    It is E k(X, X') + E k(Y, Y') - 2 E k(X, Y) for generated X, held-out Y and the
    Gaussian kernel ``exp(-|x - y|^2 / (2 bandwidth^2))``, over pairs of different
    rows. Lower is better. Fresh true rows score 0 on average, so often a little below;
    it cannot exceed 2.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    bandwidth : float or None, default=None
        Width of the kernel in the units of X. None takes the median distance between
        held-out rows (1000 of them where there are more). The generated rows do not
        enter it, so that all models are measured by one kernel.
    max_rows : int, default=10000
        Of larger sets so many rows are drawn, as the time grows with their square.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    mmd : float
        At most 2; 0 is ideal.

    Raises
    ------
    ValueError
        If there are fewer than two generated or held-out rows, or the bandwidth is not
        above 0.

    References
    ----------
    Gretton et al. (2012), "A Kernel Two-Sample Test", lemma 6.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import maximum_mean_discrepancy
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout, X_fresh = rng.normal(size=(3, 200, 2))
    >>> fresh = maximum_mean_discrepancy(X_fresh, X_train, X_heldout)
    >>> moved = maximum_mean_discrepancy(X_fresh + 1, X_train, X_heldout)
    >>> abs(fresh) < 0.02 < 0.1 < moved
    True
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    check_at_least_one(max_rows=max_rows)
    rng = check_random_state(random_state)
    X, Y = (choose(rows, max_rows, rng) for rows in (X_gen, X_heldout))
    if min(len(X), len(Y)) < 2:
        raise ValueError(
            f"At least two generated and two held-out rows are compared, but there are "
            f"{len(X)} and {len(Y)}."
        )
    if bandwidth is None:
        bandwidth = float(np.median(pdist(choose(Y, _MEDIAN_ROWS, rng))))
    if not 0 < bandwidth < np.inf:
        raise ValueError(
            f"bandwidth={bandwidth!r} must be a finite number above 0. Without one it "
            "is the median distance between held-out rows, which is 0 where most of "
            "them are equal."
        )

    def kernel(squares: np.ndarray) -> np.ndarray:
        squares /= -2 * bandwidth**2
        return np.exp(squares, out=squares)

    # Without the pairs of a row and itself, whose kernel is 1.
    within = sum(
        (len(rows) * mean_within(kernel, rows) - 1) / (len(rows) - 1) for rows in (X, Y)
    )
    return within - 2 * mean_over_pairs(kernel, X, Y)


def sliced_wasserstein_distance(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    n_projections: int = 100,
    random_state: RandomState = None,
) -> float:
    """Return the mean Wasserstein-1 distance of projections to random directions.

    For each of many directions, drawn uniformly, the area between the distribution
    functions of the projected generated and held-out rows. Lower is better, but fresh
    true rows do not score 0: n of them against m held-out rows of a normal law score
    about ``1.25 * sqrt(1 / n + 1 / m)`` standard deviations. Compare with what training
    rows score in the place of `X_gen`, equally many of them.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    n_projections : int, default=100
        Number of directions.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    distance : float
        At least 0, in the units of X.

    References
    ----------
    Bonneel et al. (2015), "Sliced and Radon Wasserstein Barycenters of Measures".

    Examples
    --------
    >>> from manidiff.metrics import sliced_wasserstein_distance
    >>> sliced_wasserstein_distance([[0.0], [1.0]], [[9.0]], [[3.0], [2.0]])
    2.0
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    check_at_least_one(n_projections=n_projections)
    rng = check_random_state(random_state)
    directions = rng.normal(size=(n_projections, X_gen.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return float(
        np.mean([wasserstein_distance(X_gen @ u, X_heldout @ u) for u in directions])
    )
