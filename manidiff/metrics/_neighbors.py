"""Checked inputs and nearest-neighbour distances, which all metrics need."""

import warnings
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from manidiff._utils.chunking import chunk_slices
from manidiff.geometry.scale import nearest_neighbor_distance
from manidiff.metrics._overlap import count_shared

# Entries of the differences of neighbours held at once: 64 MiB.
_MAX_ENTRIES = 2**23


def check_sets(X_gen: Any, X_train: Any, X_heldout: Any) -> tuple[np.ndarray, ...]:
    """Return the three sets as float64 arrays of one width.

    Raises
    ------
    ValueError
        If a set is missing or not a finite table of rows, or the sets differ in their
        number of columns or in the names that DataFrames give those.

    Warns
    -----
    UserWarning
        If more held-out rows are training rows than equal values in the data explain:
        every comparison then favours copies.
    """
    return _checked({"X_gen": X_gen, "X_train": X_train, "X_heldout": X_heldout})


def check_real_sets(X_train: Any, X_heldout: Any) -> tuple[np.ndarray, ...]:
    """Return the two sets of true rows; as `check_sets` where none is generated."""
    return _checked({"X_train": X_train, "X_heldout": X_heldout})


def check_given(**sets: Any) -> None:
    """Raise for the first set that is None."""
    for name, X in sets.items():
        if X is None:
            raise ValueError(
                f"{name} is None, but a table of rows is needed. Hold rows out before "
                "fitting, for example by sklearn.model_selection.train_test_split."
            )


def column_names(sets: dict[str, Any]) -> list[str] | None:
    """Return the names of the columns of DataFrames, or None where there is none.

    Columns that a DataFrame has only counted have no names.
    """
    named = {
        label: [str(name) for name in X.columns]
        for label, X in sets.items()
        if hasattr(X, "columns") and list(X.columns) != list(range(len(X.columns)))
    }
    if not named:
        return None
    first, *others = named
    for other in others:
        if named[other] != named[first]:
            raise ValueError(
                f"The sets have different columns: {first} {named[first]} and {other} "
                f"{named[other]}. Give all of them the same, in the same order."
            )
    return named[first]


def as_fitted(model: Any, X: np.ndarray, *given: Any) -> Any:
    """Return rows with the column names of given DataFrames, if `model` knows names.

    scikit-learn warns where a model that was fitted to names meets rows without.
    """
    names = column_names({f"set {i}": rows for i, rows in enumerate(given)})
    if names is None or not hasattr(model, "feature_names_in_"):
        return X
    frame = next(rows for rows in given if hasattr(rows, "columns"))
    return type(frame)(X, columns=names)


def _checked(sets: dict[str, Any]) -> tuple[np.ndarray, ...]:
    check_given(**sets)
    arrays = {name: _numbers(name, X) for name, X in sets.items()}
    widths = {name: X.shape[1] for name, X in arrays.items()}
    if len(set(widths.values())) > 1:
        raise ValueError(f"The sets have different numbers of features: {widths}.")
    column_names(sets)
    n_shared, by_chance = count_shared(arrays["X_train"], arrays["X_heldout"])
    if not by_chance:
        warnings.warn(
            f"{n_shared} of {len(arrays['X_heldout'])} rows of X_heldout are rows of "
            "X_train, more than equal values in the data explain. Pass rows that were "
            "not used to fit.",
            UserWarning,
            # The line that called the metric, past the check and the metric.
            stacklevel=4,
        )
    return tuple(arrays.values())


def _numbers(name: str, X: Any) -> np.ndarray:
    try:
        return check_array(X, dtype=np.float64, input_name=name)
    except ValueError as error:
        if np.asarray(X).dtype.kind not in "OUS":
            raise
        raise ValueError(
            f"{name} holds more than numbers, which is all that metrics compare: "
            f"{error}. Pass all sets as manidiff.tabular.TableEncoder().fit(X_train) "
            "transforms them."
        ) from error


def choose(X: np.ndarray, size: int, rng: np.random.RandomState) -> np.ndarray:
    """Return at most `size` rows of X, drawn without replacement."""
    return X[rng.permutation(len(X))[:size]]


def check_at_least_one(**counts: Any) -> None:
    """Raise for the first argument that is not an int of at least 1."""
    for name, count in counts.items():
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"{name}={count!r} must be an int of at least 1.")


def spacing(X_train: np.ndarray) -> float:
    """Return r1, the median distance from a distinct row to its nearest other one.

    Among more than 5000 rows the median is over 5000 of them, always the same.
    """
    distinct = np.unique(X_train, axis=0)
    if len(distinct) < 2:
        raise ValueError(
            "X_train has one distinct row, but distances are in units of "
            "the spacing of its rows. Pass at least two."
        )
    return nearest_neighbor_distance(distinct, np.random.default_rng(0))


def nearest_distances(X: np.ndarray, rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distances (n, n_neighbors) from X to the nearest rows."""
    return nearest(X, rows, n_neighbors)[0]


def nearest(
    X: np.ndarray, rows: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the distances to the nearest rows, ascending, and which rows they are.

    Both are of shape (n, n_neighbors).
    """
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
        distances[part] = np.linalg.norm(differences, axis=2)
    order = np.argsort(distances, axis=1)
    return (
        np.take_along_axis(distances, order, axis=1),
        np.take_along_axis(found, order, axis=1),
    )


def radii(rows: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the distance (n,) of each row to its n_neighbors-th nearest other row."""
    if not isinstance(n_neighbors, Integral) or not 1 <= n_neighbors < len(rows):
        raise ValueError(
            f"n_neighbors={n_neighbors!r} must be an int of at least 1 and below the "
            f"{len(rows)} rows there are."
        )
    return nearest_distances(rows, rows, n_neighbors + 1)[:, -1]
