"""Rows of a class between its rows, with scatter borrowed from the other classes.

Of the few rows of a rare class neither a dimension nor a covariance can be learned.
What can be had is a step from one of them towards a neighbour, as in SMOTE: with x, x'
two draws of a local law of covariance C, and u uniform on [0, 1],

    Cov(x + u (x' - x)) = E[(1 - u)^2 + u^2] C = (2 / 3) C,

so such rows lie too close together: C / 3 is lost. The classes that have rows enough
tell how neighbours differ. With b, b' neighbours of another class, whose local
covariance is C too, and v uniform on [0, 1],

    E[v^2 (b' - b) (b' - b)^T] = (2 / 3) C,

and 1 / sqrt(2) of that step gives back what is lost. Local covariances of all classes
being alike is what linear discriminant analysis assumes of the global ones; borrowing
the differences of another class to make rows of a rare one is due to Hariharan and
Girshick (2017), the amplitude is our reading. A column in which rows do not differ
stays as it is, which noise would not leave it.
"""

from collections.abc import Sequence

import numpy as np
from sklearn.neighbors import NearestNeighbors

from manidiff._utils.scaling import Scaling

_N_NEIGHBORS = 5
# Share of a borrowed step: what interpolation takes from the variance.
_BORROWED = np.sqrt(0.5)
# Rows whose neighbours are sought, so that the cost is linear in the rows.
_MAX_STARTS = 10_000


def draw_between(
    rows: np.ndarray,
    others: Sequence[np.ndarray],
    n_samples: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw rows of a class.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, D)
        The rows of the class, two at least.
    others : sequence of ndarray of shape (n_other, D)
        The rows of each of the other classes. One of a single row lends nothing.
    n_samples : int
        Number of rows to draw.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    drawn : ndarray of shape (n_samples, D)
        The new rows.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.over_sampling._chords import draw_between
    >>> rng = np.random.default_rng(0)
    >>> many, few = rng.normal(size=(500, 2)), rng.normal(5, size=(20, 2))
    >>> draw_between(few, [many], 1000, rng).mean(axis=0).round() == 5
    array([ True,  True])
    """
    everything = np.concatenate([rows, *others])
    weights = np.full(len(everything), 1 / len(everything))
    scale = Scaling.fit(everything, weights, "feature").scale
    starts, drawn = _steps(rows, scale, n_samples, rng)
    drawn += starts
    lenders = [group for group in others if len(group) > 1]
    if lenders:
        sizes = np.array([len(group) for group in lenders])
        counts = rng.multinomial(n_samples, sizes / sizes.sum())
        borrowed = [
            _steps(group, scale, count, rng)[1]
            for group, count in zip(lenders, counts, strict=True)
        ]
        # Neighbours lie towards the middle of their class; either way the mean stays.
        signs = rng.choice([-1.0, 1.0], size=(n_samples, 1))
        drawn += _BORROWED * signs * rng.permutation(np.concatenate(borrowed))
    return drawn


def _steps(
    rows: np.ndarray, scale: np.ndarray, n_samples: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return some of the rows (n, D), and steps from them towards neighbours.

    Neighbours are close in columns divided by scale (D,).
    """
    starts = rng.permutation(len(rows))[:_MAX_STARTS]
    n_found = min(_N_NEIGHBORS + 1, len(rows))
    search = NearestNeighbors(n_neighbors=n_found).fit(rows / scale)
    # The nearest row is the row itself.
    near = search.kneighbors(rows[starts] / scale, return_distance=False)[:, 1:]
    # Dealt out evenly, since of a handful of rows chance would prefer some.
    dealt = _dealt(len(starts), n_samples, rng)
    first = rng.integers(near.shape[1], size=len(starts))
    turns = first[dealt] + np.arange(n_samples) // len(starts)
    ends = rows[near[dealt, turns % near.shape[1]]]
    origins = rows[starts[dealt]]
    shares = (rng.permutation(n_samples) + rng.uniform(size=n_samples)) / n_samples
    return origins, shares[:, None] * (ends - origins)


def _dealt(n_items: int, n_samples: int, rng: np.random.Generator) -> np.ndarray:
    """Return indices (n_samples,) in turns through all items, each shuffled."""
    rounds = -(-n_samples // n_items)
    shuffled = rng.permuted(np.tile(np.arange(n_items), (rounds, 1)), axis=1)
    return shuffled.ravel()[:n_samples]
