"""Whether generated rows are new."""

from typing import Any

import numpy as np

from manidiff.metrics._neighbors import check_sets, nearest_distances


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
    return _ratio(X_gen, X_train, threshold)


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
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    chance = _ratio(X_heldout, X_train, threshold)
    if chance == 1:
        raise ValueError(
            f"Every held-out row counts as a copy at threshold={threshold!r}, so an "
            "excess is not defined. Lower threshold."
        )
    return (_ratio(X_gen, X_train, threshold) - chance) / (1 - chance)


def distance_to_closest_record(X_gen: Any, X_train: Any, X_heldout: Any) -> float:
    """Return the median distance to the training rows, over that of held-out rows.

    0 for copies, about 1 for fresh true rows, above 1 for rows farther from the
    training rows than true ones are. Nearest to 1 is best. Distances alone do not prove
    privacy ("The DCR Delusion", arXiv:2505.01524).

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.

    Returns
    -------
    ratio : float
        At least 0.
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    expected = np.median(nearest_distances(X_heldout, X_train, 1))
    if expected == 0:
        raise ValueError(
            "More than half of the held-out rows equal a training row, so there is no "
            "distance to compare with."
        )
    return float(np.median(nearest_distances(X_gen, X_train, 1)) / expected)


def _ratio(X: np.ndarray, X_train: np.ndarray, threshold: float) -> float:
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold={threshold!r} must lie between 0 and 1.")
    if len(X_train) < 2:
        raise ValueError("X_train has one row, but the two nearest are compared.")
    first, second = nearest_distances(X, X_train, 2).T
    # A row on top of two equal training rows is a copy too.
    return float(np.mean((first < threshold * second) | (first == 0)))
