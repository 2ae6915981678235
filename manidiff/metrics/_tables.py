"""Differences column by column, and pair by pair of columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from manidiff.metrics._neighbors import check_sets


def column_differences(
    X_gen: Any, X_train: Any, X_heldout: Any, *, categorical: Sequence[int] = ()
) -> np.ndarray:
    """Return how far the law of each generated column is from the held-out one.

    For a column of numbers the Kolmogorov-Smirnov distance, the largest difference of
    the two distribution functions; for a column of codes of categories the total
    variation, half the sum of the absolute differences of their shares. Lower is
    better. Fresh true rows do not score 0: for n generated and m held-out rows the
    Kolmogorov-Smirnov distance is about ``0.87 * sqrt(1 / n + 1 / m)`` on average.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    categorical : sequence of int, default=()
        Indices of the columns of codes.

    Returns
    -------
    differences : ndarray of shape (n_features,)
        Between 0 and 1.

    Raises
    ------
    ValueError
        If an index in `categorical` is not that of a column.

    References
    ----------
    Patki, Wedge, Veeramachaneni (2016), "The Synthetic Data Vault".

    Examples
    --------
    >>> from manidiff.metrics import column_differences
    >>> X_gen, X_heldout = [[0.1, 0], [0.9, 1]], [[0.2, 0], [5.0, 0]]
    >>> column_differences(X_gen, [[1.0, 0]], X_heldout, categorical=[1])
    array([0.5, 0.5])
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    n_features = X_gen.shape[1]
    unknown = [index for index in categorical if index not in range(n_features)]
    if unknown:
        raise ValueError(
            f"categorical={list(categorical)} names columns {unknown}, but there are "
            f"{n_features}, counted from 0."
        )
    codes = set(categorical)
    return np.array(
        [
            (_total_variation if index in codes else _kolmogorov)(x, y)
            for index, (x, y) in enumerate(zip(X_gen.T, X_heldout.T, strict=True))
        ]
    )


def correlation_differences(X_gen: Any, X_train: Any, X_heldout: Any) -> np.ndarray:
    """Return how far each correlation of generated columns is from the held-out one.

    The absolute differences of Pearson's correlations. Lower is better. Fresh true rows
    do not score 0: for n generated and m held-out rows of independent columns a
    difference is about ``0.8 * sqrt(1 / n + 1 / m)`` on average, less for correlated
    ones. A column that is constant has correlation 0 with others.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.

    Returns
    -------
    differences : ndarray of shape (n_features, n_features)
        Between 0 and 2; symmetric, with zeros on the diagonal.

    Raises
    ------
    ValueError
        If there are fewer than two generated or held-out rows.

    References
    ----------
    Patki, Wedge, Veeramachaneni (2016), "The Synthetic Data Vault".

    Examples
    --------
    >>> from manidiff.metrics import correlation_differences
    >>> X_gen, X_heldout = [[0.0, 1.0], [1.0, 0.0]], [[0.0, 0.0], [1.0, 1.0]]
    >>> correlation_differences(X_gen, [[0.5, 0.5]], X_heldout)
    array([[0., 2.],
           [2., 0.]])
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    if min(len(X_gen), len(X_heldout)) < 2:
        raise ValueError(
            "Correlations need two generated and two held-out rows, but there are "
            f"{len(X_gen)} and {len(X_heldout)}."
        )
    return np.abs(_correlations(X_gen) - _correlations(X_heldout))


def _kolmogorov(x: np.ndarray, y: np.ndarray) -> float:
    # The exact p-value, which is not used, takes long.
    return float(ks_2samp(x, y, method="asymp").statistic)


def _total_variation(x: np.ndarray, y: np.ndarray) -> float:
    categories, codes = np.unique(np.concatenate([x, y]), return_inverse=True)
    shares = (
        np.bincount(part, minlength=len(categories)) / len(part)
        for part in np.split(codes, [len(x)])
    )
    return float(np.abs(np.subtract(*shares)).sum() / 2)


def _correlations(X: np.ndarray) -> np.ndarray:
    centered = X - X.mean(axis=0)
    lengths = np.linalg.norm(centered, axis=0)
    # What rounding leaves of a constant column has no correlation.
    constant = lengths <= 1e-13 * np.sqrt(len(X)) * np.abs(X).max(axis=0)
    unit = np.where(constant, 0.0, centered / np.where(constant, 1.0, lengths))
    correlations = np.clip(unit.T @ unit, -1.0, 1.0)
    np.fill_diagonal(correlations, 1.0)
    return correlations
