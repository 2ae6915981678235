"""Categories of a column as indicators or ranks, constants as nothing, and back."""

import numpy as np
import pandas as pd
from pandas.api import types

from manidiff.tabular._numbers import NOISE_IN_GAPS, NumberCodec
from manidiff.tabular._plain import index_of, plain_index

# The value of an indicator: any two categories are then 2 apart, as are the values of a
# standardised column that holds two equally often.
_INDICATOR = 2**0.5


class CategoryCodec:
    """Categories: one column for two of them, else an indicator for each.

    Parameters
    ----------
    ordered : bool
        Whether the categories have an order: one column holds their rank.
    known : sequence, default=None
        All categories in their order; None sorts those that are met.
    """

    def __init__(self, ordered=False, known=None):
        self.ordered = ordered
        self.known = known

    def __getstate__(self):
        state = dict(vars(self))
        if "categories" in state:
            state["categories"] = plain_index(self.categories)
        return state

    def __setstate__(self, state):
        vars(self).update(state)
        if "categories" in state:
            self.categories = index_of(state["categories"])

    def fit(self, values):
        """Learn the categories that are met."""
        values = pd.Index(values)
        check_told_apart(values)
        met = values.unique()
        known = _sorted(met) if self.known is None else self.known
        self.categories = pd.Index([value for value in known if value in met])
        n_categories = len(self.categories)
        self.ranks = None
        self.width, self.noise = n_categories, NOISE_IN_GAPS * _INDICATOR
        if self.ordered or n_categories == 2:
            self.ranks = NumberCodec(whole=True).fit(self._codes(values))
            self.ranks.is_discrete = True
            self.width = 1
            self.noise = self.ranks.noise
        return self

    def read(self, value):
        """Return a single value as an Index; 0 and 1 stand for False and True."""
        if types.is_bool_dtype(self.categories.dtype) and _is_truth(value):
            value = bool(value)
        return pd.Index([value])

    def encode(self, values):
        """Return indicators (n, k), or normal scores of ranks (n, 1)."""
        codes = self._codes(values)
        if self.ranks is not None:
            return self.ranks.encode(codes)
        return _INDICATOR * np.eye(self.width)[codes]

    def decode(self, Z):
        """Return categories (n,): the one of the largest value."""
        if self.ranks is not None:
            codes = self.ranks.decode(Z).astype(np.intp)
        else:
            codes = Z.argmax(axis=1)
        return self.categories.take(codes)

    def check(self, value):
        """Raise if a single value is no category."""
        self._codes(self.read(value))

    def describe(self):
        """Return in words what was learned."""
        shown = ", ".join(str(value) for value in self.categories[:5])
        more = ", ..." if len(self.categories) > 5 else ""
        return f"{len(self.categories)} values: {shown}{more}"

    def _codes(self, values):
        codes = self.categories.get_indexer(pd.Index(values))
        if (codes < 0).any():
            unknown = pd.Index(values)[codes < 0].unique().tolist()
            raise ValueError(
                f"holds categories that were not in the training table: {unknown[:5]}. "
                f"Known are {self.categories.tolist()[:20]}"
            )
        return codes


class ConstantCodec:
    """One value, which takes no column to encode."""

    width, noise = 0, 0.0

    def fit(self, values):
        """Learn the value."""
        check_told_apart(values)
        self.value = pd.Series(values).iloc[0]
        return self

    def read(self, value):
        """Return a single value in a list."""
        return [value]

    def encode(self, values):
        """Return an array (n, 0)."""
        others = [value for value in pd.Series(values).unique() if not self._is(value)]
        if others:
            raise ValueError(
                f"is {plain(self.value)!r} in every row of the training table, but "
                f"here also {[plain(value) for value in others[:5]]}"
            )
        return np.empty((len(values), 0))

    def decode(self, Z):
        """Return the value n times."""
        return [self.value] * len(Z)

    def check(self, value):
        """Raise if a single value is another one."""
        self.encode([value])

    def describe(self):
        """Return in words what was learned."""
        return f"always {plain(self.value)!r}"

    def _is(self, value):
        return bool(value == self.value)


def plain(value):
    """Return a number of numpy as one of Python, which is shown without its type."""
    is_number = isinstance(value, np.number | np.bool_ | np.str_)
    return value.item() if is_number else value


def check_told_apart(values):
    """Raise if truth values and the numbers 0 or 1 are mixed, which are equal."""
    index = pd.Index(values)
    if not types.is_object_dtype(index.dtype):
        return
    truths = [isinstance(value, bool | np.bool_) for value in index if _is_truth(value)]
    if any(truths) and not all(truths):
        raise ValueError(
            "holds True or False beside the numbers 0 or 1, which Python takes for "
            "equal: make them text, or all of them numbers"
        )


def _is_truth(value):
    """Return whether a value is True, False, or a number that equals one of them."""
    return isinstance(value, bool | int | float | np.generic) and value in (0, 1)


def _sorted(values):
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)
