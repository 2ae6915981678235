"""Whether generated rows are copies, more often than chance explains."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from manidiff.metrics._neighbors import (
    check_at_least_one,
    check_sets,
    nearest_distances,
)


class MemorizationInterval(NamedTuple):
    """What `memorization_interval` returns."""

    raw: float
    heldout: float
    excess: float
    low: float
    high: float


def memorization_ratio(
    X_gen: Any, X_train: Any, X_heldout: Any, *, threshold: float = 1 / 3
) -> float:
    """Return the share of generated rows much nearer to one training row than others.

    A row counts when the distance to its nearest training row is below `threshold`
    times that to the second nearest. Lower is better, but fresh true rows do not score
    0: on a k-dimensional manifold they score `threshold` to the power k. So compare
    with the score of held-out rows, as `excess_memorization` does.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The held-out rows do not enter.
    threshold : float, default=1/3
        Ratio of distances, between 0 and 1.

    Returns
    -------
    ratio : float
        Between 0 and 1.

    References
    ----------
    Yoon et al. (2023), "Diffusion Probabilistic Models Generalize when They Fail to
    Memorize"; Gu et al. (2023), "On Memorization in Diffusion Models".

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import memorization_ratio
    >>> X_train = np.array([[0.0], [1.0], [2.0]])
    >>> memorization_ratio([[0.01], [0.5]], X_train, [[1.5]])
    0.5
    """
    X_gen, X_train, _ = check_sets(X_gen, X_train, X_heldout)
    return float(_copies(X_gen, X_train, threshold).mean())


def excess_memorization(
    X_gen: Any, X_train: Any, X_heldout: Any, *, threshold: float = 1 / 3
) -> float:
    """Return how much more often generated rows are copies than chance explains.

    With f the memorisation ratio of the generated rows and h that of held-out rows, it
    is (f - h) / (1 - h): 1 for copies, about 0 for fresh true rows, below 0 for rows
    that keep away from the training rows. Lower is better.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.
    threshold : float, default=1/3
        See `memorization_ratio`.

    Returns
    -------
    excess : float
        At most 1; 0 is ideal.

    Raises
    ------
    ValueError
        If threshold is out of its range, X_train has one row, or every held-out row
        counts as a copy.

    See Also
    --------
    memorization_interval : The same with an interval for it.

    References
    ----------
    Yoon et al. (2023), "Diffusion Probabilistic Models Generalize when They Fail to
    Memorize", for the ratio. The share beyond chance is Cohen's (1960), "A Coefficient
    of Agreement for Nominal Scales".
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    return _shares(X_gen, X_train, X_heldout, threshold)[2]


def memorization_interval(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    threshold: float = 1 / 3,
    level: float = 0.95,
    n_bootstrap: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> MemorizationInterval:
    """Return the memorisation ratios and a bootstrap interval for their excess.

    The interval is for the given training rows: generated and held-out rows are drawn
    anew, training rows are not. To draw rows with replacement is to draw the number of
    copies among them binomially; half a row is added to the copies and to the others,
    so that no copy among 50 rows is not taken for certainty. Lower is better: an
    interval above 0 shows copies. The excess of fresh true rows is 0, so about a share
    `level` of their intervals hold 0. Rows of one `sample`
    call that cover the law more evenly than independent rows make the interval a
    little too wide.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.
    threshold : float, default=1/3
        See `memorization_ratio`.
    level : float, default=0.95
        Share of intervals that hold the excess, between 0 and 1.
    n_bootstrap : int, default=2000
        Number of times that the rows are drawn anew.
    random_state : int, RandomState instance or None, default=None
        Draws them.

    Returns
    -------
    result : named tuple of floats
        `raw` and `heldout`, the memorisation ratios of generated and held-out rows,
        between 0 and 1; `excess`, as `excess_memorization` returns it, at most 1; `low`
        and `high`, the ends of its interval.

    References
    ----------
    Efron, Tibshirani (1993), "An Introduction to the Bootstrap", chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import memorization_interval
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout, X_fresh = rng.normal(size=(3, 200, 2))
    >>> copies = memorization_interval(X_train, X_train, X_heldout, random_state=0)
    >>> copies.excess, copies.low > 0.95
    (1.0, True)
    >>> fresh = memorization_interval(X_fresh, X_train, X_heldout, random_state=0)
    >>> fresh.low <= 0 <= fresh.high
    True
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must lie between 0 and 1, for example 0.95.")
    check_at_least_one(n_bootstrap=n_bootstrap)
    raw, heldout, excess = _shares(X_gen, X_train, X_heldout, threshold)
    rng = check_random_state(random_state)
    drawn_raw, drawn_heldout = (
        rng.binomial(n, (share * n + 0.5) / (n + 1), n_bootstrap) / n
        for share, n in ((raw, len(X_gen)), (heldout, len(X_heldout)))
    )
    # Where every held-out row drawn is a copy, half a row is not.
    rest = np.maximum(1 - drawn_heldout, 0.5 / len(X_heldout))
    tail = (1 - level) / 2
    ends = np.quantile((drawn_raw - drawn_heldout) / rest, [tail, 1 - tail])
    return MemorizationInterval(raw, heldout, excess, *ends.tolist())


def _shares(
    X_gen: np.ndarray, X_train: np.ndarray, X_heldout: np.ndarray, threshold: float
) -> tuple[float, float, float]:
    """Return the shares of generated and of held-out copies, and the excess."""
    chance = float(_copies(X_heldout, X_train, threshold).mean())
    if chance == 1:
        raise ValueError(
            f"Every held-out row counts as a copy at threshold={threshold!r}, so an "
            "excess is not defined. Lower threshold."
        )
    raw = float(_copies(X_gen, X_train, threshold).mean())
    return raw, chance, (raw - chance) / (1 - chance)


def _copies(X: np.ndarray, X_train: np.ndarray, threshold: float) -> np.ndarray:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold!r} must lie between 0 and 1.")
    if len(X_train) < 2:
        raise ValueError("X_train has one row, but the two nearest are compared.")
    first, second = nearest_distances(X, X_train, 2).T
    # A row on top of two equal training rows is a copy too.
    return (first < threshold * second) | (first == 0)
