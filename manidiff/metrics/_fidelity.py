"""Whether generated rows look like data."""

from typing import Any

import numpy as np

from manidiff.metrics._neighbors import as_fitted, check_sets, radii, spacing
from manidiff.metrics._pairs import counts_in_balls


def off_manifold_distance(
    X_gen: Any, X_train: Any, X_heldout: Any, *, manifold: Any
) -> float:
    """Return how far generated rows are from a manifold, in spacings of the data.

    The mean distance, over r1, the median distance from a training row to its nearest
    other one. Lower is better. With the manifold that the data was drawn from, fresh
    true rows score 0; with a learned one compare with what held-out rows score in the
    place of `X_gen`, as a learned manifold passes near true rows, not through them.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The held-out rows do not enter.
    manifold : object with a method `distance`
        ``manifold.distance(X)`` returns the distance (n_rows,) of each row: a manifold
        of `manidiff.datasets`, or a fitted estimator that has the method.

    Returns
    -------
    distance : float
        At least 0.

    Raises
    ------
    TypeError
        If `manifold` has no method `distance`.
    ValueError
        If X_train has one distinct row.

    References
    ----------
    Genovese et al. (2012), "Minimax Manifold Estimation", measure an estimate by the
    greatest distance between it and the manifold, here by the mean one of its rows.

    Examples
    --------
    >>> from manidiff.datasets import Circle
    >>> from manidiff.metrics import off_manifold_distance
    >>> X_train = [[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]]
    >>> off_manifold_distance(
    ...     [[3.0, 0.0], [0.0, 1.0]], X_train, [[-1.0, 0.0]], manifold=Circle()
    ... )  # the mean of 2 and 0, over the square root of 2
    0.7071...
    """
    if not callable(getattr(manifold, "distance", None)):
        raise TypeError(
            f"manifold={manifold!r} has no method distance(X). Pass a manifold of "
            "manidiff.datasets or a fitted estimator with that method."
        )
    given = X_gen, X_train, X_heldout
    generated, X_train, _ = check_sets(*given)
    rows = as_fitted(manifold, generated, *given)
    return float(np.mean(manifold.distance(rows)) / spacing(X_train))


def precision(
    X_gen: Any, X_train: Any, X_heldout: Any, *, n_neighbors: int = 5
) -> float:
    """Return the share of generated rows within the reach of held-out rows.

    The reach of a held-out row is the ball up to its `n_neighbors`-th nearest held-out
    row. Higher is better; fresh true rows score a little under 1.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    n_neighbors : int, default=5
        Neighbours that set the radius of a ball.

    Returns
    -------
    precision : float
        Between 0 and 1.

    References
    ----------
    Kynkaanniemi et al. (2019), "Improved Precision and Recall Metric for Assessing
    Generative Models".
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    in_balls, _ = counts_in_balls(X_gen, X_heldout, radii(X_heldout, n_neighbors))
    return float(np.mean(in_balls > 0))


def density(X_gen: Any, X_train: Any, X_heldout: Any, *, n_neighbors: int = 5) -> float:
    """Return in how many held-out balls a generated row lies, over `n_neighbors`.

    About 1 for fresh true rows, near 0 for rows off the data, above 1 for rows that
    crowd where data is dense. Nearest to 1 is best: below it, higher is better.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    n_neighbors : int, default=5
        Neighbours that set the radius of a ball.

    Returns
    -------
    density : float
        At least 0; 1 is ideal.

    References
    ----------
    Naeem et al. (2020), "Reliable Fidelity and Diversity Metrics for Generative
    Models".
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    in_balls, _ = counts_in_balls(X_gen, X_heldout, radii(X_heldout, n_neighbors))
    return float(np.mean(in_balls) / n_neighbors)
