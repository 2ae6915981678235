"""How likely held-out rows are under a mixture about generated rows."""

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from scipy.special import logsumexp
from sklearn.utils import check_random_state

from manidiff.metrics._neighbors import (
    check_at_least_one,
    check_sets,
    choose,
    spacing,
)

_N_STEPS = 50
# The least width of a normal law, of the length of its mean deviation, in spacings of
# the training rows. A narrower one would tell nothing more about a copy.
_LEAST_WIDTH = 0.1


def feature_likelihood_divergence(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    max_rows: int = 2000,
    random_state: int | np.random.RandomState | None = None,
) -> float:
    """Return how much less likely generated rows make held-out ones than true rows do.

    A normal law is put about each generated row, and the widths are fitted so that the
    mixture makes the training rows likely. A copy gets the least width by that, a tenth
    of the spacing of the training rows, and makes held-out rows unlikely. The result is
    their mean negative log-likelihood a feature, less that under a mixture about one
    half of the training rows fitted to the other half, times 100. Lower is better: it
    grows when rows are off the manifold, when parts of the data are missing and when
    training rows are copied. Fresh true rows score about 0, give or take some units
    where there are few rows, some tens on a curve and in one column. Copies of all
    training rows score thousands: 50 nats, so 5000, for a held-out row at the spacing
    from them, and more where the distances differ much, as on a curve.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The features are the columns,
        standardised by the held-out rows.
    max_rows : int, default=2000
        Of larger sets so many rows are drawn, as the time grows with their square.
        Mixtures are about at most half as many generated rows, and equally many
        training rows.
    random_state : int, RandomState instance or None, default=None
        Draws them and halves the training rows.

    Returns
    -------
    divergence : float
        Any number.

    Raises
    ------
    ValueError
        If there are fewer than 4 training rows or all of them are equal, or max_rows is
        not an int of at least 1.

    References
    ----------
    Jiralerspong et al. (2023), "Feature Likelihood Divergence: Evaluating the
    Generalization of Generative Models Using Samples". There the widths are fitted by
    Adam, here by expectation maximisation, and have no least; as there, a wide normal
    law about the mean of the training rows keeps single rows from ruling the fit, and
    is left out after.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.metrics import feature_likelihood_divergence
    >>> rng = np.random.RandomState(0)
    >>> X_train, X_heldout, X_fresh = rng.normal(size=(3, 200, 2))
    >>> sets = (X_train, X_heldout)
    >>> fresh = feature_likelihood_divergence(X_fresh, *sets, random_state=0)
    >>> copies = feature_likelihood_divergence(X_train, *sets, random_state=0)
    >>> fresh < 10 < copies
    True
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    check_at_least_one(max_rows=max_rows)
    rng = check_random_state(random_state)
    center, scale = X_heldout.mean(axis=0), X_heldout.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    generated, train, heldout = (
        (choose(X, max_rows, rng) - center) / scale for X in (X_gen, X_train, X_heldout)
    )
    size = min(len(train) // 2, len(generated))
    if len(train) < 4:
        raise ValueError(
            f"{len(train)} training rows are used, but each half needs two. Pass more "
            f"rows or raise max_rows={max_rows}."
        )
    # The square of a width is the variance in one of the columns.
    least = (_LEAST_WIDTH * spacing(train)) ** 2 / train.shape[1]
    found = _nll(generated[:size], train, heldout, least)
    # The rows are in random order.
    expected = _nll(train[:size], train[len(train) // 2 :], heldout, least)
    return 100 * (found - expected)


def _nll(
    centers: np.ndarray, rows: np.ndarray, heldout: np.ndarray, least: float
) -> float:
    """Return the negative log-likelihood a feature of held-out rows.

    Under the mixture about the centres whose variances make the rows most likely.
    """
    log_variances = fit_log_variances(centers, rows, least)
    distances = cdist(heldout, centers, "sqeuclidean")
    likelihoods = logsumexp(
        _log_densities(distances, log_variances, rows.shape[1]), axis=1
    )
    return float(np.log(len(centers)) - likelihoods.mean()) / rows.shape[1]


def fit_log_variances(
    centers: np.ndarray, rows: np.ndarray, least: float
) -> np.ndarray:
    """Return the logarithms (m,) of the variances that make the rows likely.

    Expectation maximisation for equal weights 1/m and fixed centres, beside a normal
    law about the mean of the rows that has their mean variance. No variance is below
    the least one.
    """
    n_features = rows.shape[1]
    distances = cdist(rows, centers, "sqeuclidean")
    wide = np.sum((rows - rows.mean(axis=0)) ** 2, axis=1, keepdims=True)
    log_wide = np.log(max(wide.mean() / n_features, least))
    background = _log_densities(wide, log_wide, n_features) + np.log(len(centers))
    log_variances = np.log(np.maximum(distances.min(axis=0) / n_features, least))
    for _ in range(_N_STEPS):
        logs = _log_densities(distances, log_variances, n_features)
        highest = np.maximum(logs.max(axis=1, keepdims=True), background)
        logs -= highest
        parts = np.exp(logs, out=logs)
        totals = parts.sum(axis=1) + np.exp(background - highest)[:, 0]
        weight = (1 / totals) @ parts
        parts *= distances
        moment = (1 / totals) @ parts / n_features
        # A centre that no row is near keeps its variance.
        held = weight > 0
        log_variances[held] = np.log(np.maximum(moment[held] / weight[held], least))
    return log_variances


def _log_densities(
    squares: np.ndarray, log_variances: np.ndarray, n_features: int
) -> np.ndarray:
    """Return log N(x; center, variance I) for the squared distances to the centres."""
    logs = squares * (-0.5 / np.exp(log_variances))
    logs -= n_features / 2 * (np.log(2 * np.pi) + log_variances)
    return logs
