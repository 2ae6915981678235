"""Whether generated rows are new: their distances to the training rows."""

from typing import Any

import numpy as np

from manidiff.metrics._neighbors import (
    check_sets,
    nearest,
    nearest_distances,
)


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
        At least 0; 1 is ideal.

    Raises
    ------
    ValueError
        If more than half of the held-out rows equal a training row.

    References
    ----------
    Zhao et al. (2021), "CTAB-GAN: Effective Table Data Synthesizing", for the distance;
    Platzer, Reutterer (2021), "Holdout-Based Empirical Assessment of Mixed-Type
    Synthetic Data", for the comparison with held-out rows.
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    expected = np.median(nearest_distances(X_heldout, X_train, 1))
    if expected == 0:
        raise ValueError(
            "More than half of the held-out rows equal a training row, so there is no "
            "distance to compare with."
        )
    return float(np.median(nearest_distances(X_gen, X_train, 1)) / expected)


def nearest_neighbor_distance_ratio(X_gen: Any, X_train: Any, X_heldout: Any) -> float:
    """Return how alone the nearest training row is, against that of held-out rows.

    For each row, the distance to its nearest training row over that to the second
    nearest: near 0 where one training row stands out, near 1 where none does. The
    result is the median over generated rows, over the median of held-out rows: 0 for
    copies, about 1 for fresh true rows, above 1 for rows off the manifold. Nearest to
    1 is best.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.

    Returns
    -------
    ratio : float
        At least 0; 1 is ideal.

    Raises
    ------
    ValueError
        If X_train has one row, or more than half of the held-out rows equal a training
        row.

    References
    ----------
    Zhao et al. (2021), "CTAB-GAN: Effective Table Data Synthesizing".

    Examples
    --------
    >>> from manidiff.metrics import nearest_neighbor_distance_ratio
    >>> X_train, X_heldout = [[0.0], [2.0]], [[0.5], [1.5], [0.5]]
    >>> nearest_neighbor_distance_ratio([[0.25], [0.0], [0.3]], X_train, X_heldout)
    0.428...
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    if len(X_train) < 2:
        raise ValueError("X_train has one row, but the two nearest are compared.")
    expected = np.median(_distance_ratios(X_heldout, X_train))
    if expected == 0:
        raise ValueError(
            "More than half of the held-out rows equal a training row, so there is no "
            "ratio to compare with."
        )
    return float(np.median(_distance_ratios(X_gen, X_train)) / expected)


def authenticity(X_gen: Any, X_train: Any, X_heldout: Any) -> float:
    """Return the share of generated rows that do not crowd their nearest training row.

    A row is authentic when it is farther from its nearest training row than that row
    is from its own nearest other training row. 0 for copies; higher is more novel, and
    rows off the manifold score up to 1, so read it beside a measure of fidelity. Fresh
    true rows score a / (1 + a), where a is the share of a k-dimensional ball outside an
    equal ball about a point of its surface: 1/3, .38 and .41 on manifolds of dimension
    1, 2 and 3. That holds where the density changes little between neighbours; in many
    dimensions it changes much, and fresh rows may score .8 and more. So compare with
    what held-out rows score in the place of `X_gen`.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The held-out rows do not enter.

    Returns
    -------
    share : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If X_train has one row.

    References
    ----------
    Alaa et al. (2022), "How Faithful is your Synthetic Data? Sample-level Metrics for
    Evaluating and Auditing Generative Models".

    Examples
    --------
    >>> from manidiff.metrics import authenticity
    >>> X_train = [[0.0], [1.0], [5.0]]
    >>> authenticity([[0.1], [-1.5], [3.2], [9.5]], X_train, [[4.0]])
    0.5
    """
    X_gen, X_train, _ = check_sets(X_gen, X_train, X_heldout)
    if len(X_train) < 2:
        raise ValueError("X_train has one row, but it is compared with others.")
    distances, found = nearest(X_gen, X_train, 1)
    # Of the training rows only these matter: there may be many more.
    asked, places = np.unique(found[:, 0], return_inverse=True)
    reach = nearest_distances(X_train[asked], X_train, 2)[:, 1]
    return float(np.mean(distances[:, 0] > reach[places]))


def _distance_ratios(X: np.ndarray, X_train: np.ndarray) -> np.ndarray:
    """Return the ratios (n,) of the two nearest distances; 0 on equal rows."""
    first, second = nearest_distances(X, X_train, 2).T
    return np.divide(first, second, out=np.zeros_like(first), where=first > 0)
