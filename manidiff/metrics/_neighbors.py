"""Checked inputs and nearest-neighbour distances, which all metrics need."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from manidiff._utils.chunking import chunk_slices

# Entries of a distance matrix held at once: 64 MiB.
_MAX_ENTRIES = 2**23


def check_sets(X_gen: Any, X_train: Any, X_heldout: Any) -> tuple[np.ndarray, ...]:
    """Return the three sets as float64 arrays of one width.

    Raises
    ------
    ValueError
        If a set is not a finite table of rows, or their widths differ.

    Warns
    -----
    UserWarning
        If more than half of the held-out rows are training rows: every comparison then
        favours copies.
    """
    sets = {"X_gen": X_gen, "X_train": X_train, "X_heldout": X_heldout}
    arrays = {
        name: check_array(X, dtype=np.float64, input_name=name)
        for name, X in sets.items()
    }
    widths = {name: X.shape[1] for name, X in arrays.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"The sets have different numbers of features: {widths}.")
    seen = {row.tobytes() for row in arrays["X_train"]}
    n_shared = sum(row.tobytes() in seen for row in arrays["X_heldout"])
    if n_shared > len(arrays["X_heldout"]) / 2:
        warnings.warn(
            f"{n_shared} of {len(arrays['X_heldout'])} rows of X_heldout are rows of "
            "X_train. Pass rows that were not used to fit.",
            UserWarning,
            stacklevel=3,
        )
    return tuple(arrays.values())


def nearest_distances(X: np.ndarray, rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distances (n, n_neighbors) from X to the nearest rows."""
    if n_neighbors > len(rows):
        raise ValueError(f"{n_neighbors} rows are needed, but there are {len(rows)}.")
    # In many dimensions neighbours are found by inner products, which round: so near
    # the origin, and the distances of the found ones anew from their differences.
    middle = rows.mean(axis=0)
    search = NearestNeighbors(n_neighbors=n_neighbors).fit(rows - middle)
    found = search.kneighbors(X - middle, return_distance=False)
    distances = np.empty(found.shape)
    size = max(_MAX_ENTRIES // (n_neighbors * rows.shape[1]), 1)
    for part in chunk_slices(len(X), size):
        differences = X[part, None] - rows[found[part]]
        distances[part] = np.sort(np.linalg.norm(differences, axis=2), axis=1)
    return distances


def radii(rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distance (n,) of each row to its n_neighbors-th nearest other row."""
    if not isinstance(n_neighbors, Integral) or not 1 <= n_neighbors < len(rows):
        raise ValueError(
            f"n_neighbors={n_neighbors!r} must be an int of at least 1 and below the "
            f"{len(rows)} rows there are."
        )
    return nearest_distances(rows, rows, n_neighbors + 1)[:, -1]


def counts_in_balls(
    points: np.ndarray, centers: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return in how many balls each point lies, and how many points each ball holds."""
    in_balls = np.zeros(len(points), dtype=int)
    held = np.zeros(len(centers), dtype=int)
    for rows in chunk_slices(len(points), max(_MAX_ENTRIES // len(centers), 1)):
        inside = cdist(points[rows], centers) <= radius
        in_balls[rows] = inside.sum(axis=1)
        held += inside.sum(axis=0)
    return in_balls, held


def mean_distance(X: np.ndarray, Y: np.ndarray) -> float:
    """Return the mean of |x - y| over all pairs."""
    total = sum(
        cdist(X[rows], Y).sum()
        for rows in chunk_slices(len(X), max(_MAX_ENTRIES // len(Y), 1))
    )
    return float(total) / (len(X) * len(Y))
