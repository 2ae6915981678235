"""Whether every part of the data is generated."""

from typing import Any

import numpy as np

from manidiff.metrics._neighbors import check_sets, radii
from manidiff.metrics._pairs import counts_in_balls


def coverage(
    X_gen: Any, X_train: Any, X_heldout: Any, *, n_neighbors: int = 5
) -> float:
    """Return the share of held-out rows with a generated row in their reach.

    The reach of a held-out row is the ball up to its `n_neighbors`-th nearest held-out
    row. Higher is better; as many fresh true rows as held-out ones score about
    ``1 - 2 ** -n_neighbors``.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    n_neighbors : int, default=5
        Neighbours that set the radius of a ball.

    Returns
    -------
    coverage : float
        Between 0 and 1.

    References
    ----------
    Naeem et al. (2020), "Reliable Fidelity and Diversity Metrics for Generative
    Models".
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    _, held = counts_in_balls(X_gen, X_heldout, radii(X_heldout, n_neighbors))
    return float(np.mean(held > 0))


def recall(X_gen: Any, X_train: Any, X_heldout: Any, *, n_neighbors: int = 5) -> float:
    """Return the share of held-out rows within the reach of generated rows.

    `precision` with the roles of the two sets exchanged. Higher is better; as many
    fresh true rows as held-out ones score what they score by `precision`, a little
    under 1. Stray generated rows have a far reach: `coverage` is not fooled by them.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows. The training rows do not enter.
    n_neighbors : int, default=5
        Neighbours that set the radius of a ball.

    Returns
    -------
    recall : float
        Between 0 and 1.

    References
    ----------
    Kynkaanniemi et al. (2019), "Improved Precision and Recall Metric for Assessing
    Generative Models".
    """
    X_gen, _, X_heldout = check_sets(X_gen, X_train, X_heldout)
    in_balls, _ = counts_in_balls(X_heldout, X_gen, radii(X_gen, n_neighbors))
    return float(np.mean(in_balls > 0))
