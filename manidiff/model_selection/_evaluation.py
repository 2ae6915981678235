"""One metric of drawn rows: its seed, its training rows, its value."""

from collections import Counter
from numbers import Real

import numpy as np
from sklearn.utils import check_random_state

from manidiff._utils.draws import accepts
from manidiff._utils.random import draw_seed


def one_seed(random_state):
    """Return an int seed, the int itself where that is what is given."""
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return draw_seed(check_random_state(random_state))


def evaluate(metric, sets, seed, metric_params):
    """Return the float ``metric(X_gen, X_train, X_heldout)``, seeded if it can be."""
    if "random_state" not in metric_params and accepts(metric, "random_state"):
        metric_params = {"random_state": seed, **metric_params}
    value = metric(*sets, **metric_params)
    if not isinstance(value, Real):
        raise TypeError(
            f"{name_of(metric)} returned {value!r}, but one number is needed. Pass a "
            "function that returns one."
        )
    return float(value)


def other_rows(X, heldout):
    """Return the rows of X without the held-out ones, each taken out once.

    Which of several equal rows was held out makes no difference to any metric.
    """
    wanted = Counter(row.tobytes() for row in heldout)
    is_other = np.ones(len(X), dtype=bool)
    for index, row in enumerate(X):
        key = row.tobytes()
        if wanted[key] > 0:
            wanted[key] -= 1
            is_other[index] = False
    n_missing = wanted.total()
    if n_missing > 0:
        raise ValueError(
            f"X of the scorer lacks {n_missing} of the {len(heldout)} rows to score. "
            "Pass the scorer the very rows that the search is fitted to."
        )
    if not is_other.any():
        raise ValueError(
            "All rows of X are to be scored, so none is left that the estimator was "
            "fitted to. Pass the scorer all rows of the search."
        )
    return X[is_other]


def name_of(metric):
    """Return how to call a metric in a message."""
    return getattr(metric, "__name__", repr(metric))
