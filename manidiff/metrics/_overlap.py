"""Whether held-out rows were used to fit, in spite of their name."""

from typing import Any

import numpy as np
from scipy.stats import betabinom

# Fresh rows whose values repeat are taken for training rows about so often.
_FALSE_ALARMS = 0.01
# A column of so many values, all different, is taken for continuous.
_MANY_VALUES = 10
_FORMATS = (np.float16, np.float32)


def count_shared(X_train: np.ndarray, X_heldout: np.ndarray) -> tuple[int, bool]:
    """Return how many held-out rows are training rows, and if chance explains it.

    Rows are compared column by column in the coarsest format that holds all values of
    either set: one may have been stored in fewer digits than the other.

    Chance explains what is shared where values repeat: fresh rows then equal training
    rows as often as those equal each other. Where some column never repeats beside
    others that may, chance explains nothing.
    """
    train, heldout = _comparable(X_train, X_heldout)
    seen = {row.tobytes() for row in train}
    n_shared = sum(row.tobytes() in seen for row in heldout)
    if n_shared == 0:
        return 0, True
    distinct, counts = np.unique(train, axis=0, return_counts=True)
    if len(distinct) >= _MANY_VALUES and _has_continuous_column(distinct):
        return n_shared, False
    expected = _law_of_shared(counts, len(heldout))
    return n_shared, bool(expected.sf(n_shared - 1) > _FALSE_ALARMS)


def _law_of_shared(counts: np.ndarray, n_rows: int) -> Any:
    """Return the law of how many of n fresh rows equal one of the training rows.

    The share that does is known from the training rows alone, by Good and Turing: it
    is that of rows which are not the only one of their kind. By their variance it is
    as well known as from that share of so many independent rows.
    """
    n_train, once, twice = counts.sum(), np.sum(counts == 1), np.sum(counts == 2)
    rows_a_trial = max(2.0, 1 + 2 * twice / (once + 1))
    a, b = (n_train - once) / rows_a_trial + 1, once / rows_a_trial
    return betabinom(n_rows, a, max(b, 0.5))


def _comparable(*sets: np.ndarray) -> list[np.ndarray]:
    """Return the sets rounded alike, as rows of bytes that can be compared."""
    rounded = list(sets)
    with np.errstate(over="ignore"):
        for kind in reversed(_FORMATS):
            coarse = [X.astype(kind).astype(np.float64) for X in sets]
            exact = [(X == Y).all(axis=0) for X, Y in zip(sets, coarse, strict=True)]
            either = np.logical_or(*exact)
            rounded = [
                np.where(either, Y, X) for X, Y in zip(rounded, coarse, strict=True)
            ]
    # A zero has a sign, and other bytes with it.
    return [np.ascontiguousarray(X + 0.0) for X in rounded]


def _has_continuous_column(distinct: np.ndarray) -> bool:
    """Return whether no value of some column occurs in two of the rows.

    One column alone does not tell: distinct rows have distinct values.
    """
    if distinct.shape[1] == 1:
        return False
    ordered = np.sort(distinct, axis=0)
    return bool((ordered[1:] != ordered[:-1]).all(axis=0).any())
