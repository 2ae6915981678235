"""How the values of one column become numbers, and numbers become values again.

A codec sees the present values of a column alone. Its encoded columns have variance 1
over them, or are indicators.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri

# A column of which each value is met so many times on average has few values: what is
# decoded is one of them.
_MIN_REPEATS = 5
# Elsewhere a value that holds this share of the rows is one that repeats: nothing is
# decoded to between it and its neighbours.
_MIN_SHARE = 0.01
# Numbers that are whole in so many decimals or fewer stay so.
_MAX_DECIMALS = 6
# Doubles hold all whole numbers up to this.
_LARGEST_WHOLE = 2**53
# The standard deviation of the noise under which a value is observed, and that in gaps
# between neighbouring values where there are few.
_NOISE = 0.05
_NOISE_IN_GAPS = 0.25
# The value of an indicator: any two categories are then 2 apart, as are the values of a
# standardised column that holds two equally often.
_INDICATOR = 2**0.5


class NumberCodec:
    """Numbers as normal scores of their ranks; repeated values come back exactly.

    A value becomes the normal quantile of the share of rows below it, ties counted
    half: skewed and heavy-tailed columns become normal, and nothing depends on the
    scale that the values are written in. Between values both ways are linear.

    Parameters
    ----------
    whole : bool
        Whether only integers are allowed.
    """

    width = 1

    def __init__(self, whole):
        self.whole = whole

    def fit(self, values):
        """Learn the values, their ranks, decimals and repetitions."""
        numbers = _finite(values)
        if self.whole and np.abs(numbers).max() > _LARGEST_WHOLE:
            raise ValueError(
                "holds whole numbers beyond 2**53, which are no longer told apart: "
                "drop it, or make it text if they are labels"
            )
        self.seen, counts = np.unique(numbers, return_counts=True)
        self.decimals = 0 if self.whole else _decimals(self.seen)
        self.is_discrete = len(self.seen) * _MIN_REPEATS <= len(numbers)
        self.is_repeated = counts >= max(_MIN_SHARE * len(numbers), 2)
        scores = ndtri((np.cumsum(counts) - counts / 2) / len(numbers))
        shares = counts / len(numbers)
        center = shares @ scores
        self.scores = (scores - center) / np.sqrt(shares @ (scores - center) ** 2)
        self.noise = _NOISE
        if self.is_discrete:
            self.noise = _NOISE_IN_GAPS * np.median(np.diff(self.scores))
        return self

    def read(self, value):
        """Return a single value as an array of numbers (1,)."""
        try:
            return _finite(np.array([value], dtype=object))
        except ValueError as error:
            raise ValueError("is no finite number") from error

    def encode(self, values):
        """Return normal scores (n, 1), those of the ends for what is beyond them."""
        return np.interp(_finite(values), self.seen, self.scores)[:, None]

    def decode(self, Z):
        """Return numbers (n,) that the training values allow."""
        numbers = np.interp(Z[:, 0], self.scores, self.seen)
        if self.is_discrete:
            return _nearest(numbers, self.seen)
        if self.decimals is not None:
            numbers = np.round(numbers, self.decimals)
        # Beside a repeated value the gap to the next one is kept free.
        above = np.searchsorted(self.seen, numbers).clip(1, len(self.seen) - 1)
        in_gap = self.is_repeated[above - 1] | self.is_repeated[above]
        return np.where(in_gap, _nearest(numbers, self.seen), numbers)

    def check(self, value):
        """Raise if a single value contradicts the training table."""
        (number,), lowest, highest = self.read(value), self.seen[0], self.seen[-1]
        if not lowest <= number <= highest:
            raise ValueError(
                f"is outside the range of the training table, {lowest:.12g} to "
                f"{highest:.12g}"
            )
        if self.is_discrete and number not in self.seen:
            nearest = _nearest(np.array([number]), self.seen)[0]
            raise ValueError(
                f"is not among the {len(self.seen)} values of the training table; the "
                f"nearest is {nearest:.12g}"
            )
        if self.decimals is not None and number != np.round(number, self.decimals):
            raise ValueError(
                f"has more than the {self.decimals} decimals of the training table"
            )

    def describe(self):
        """Return in words what was learned."""
        what = "whole numbers" if self.decimals == 0 else "numbers"
        if self.decimals:
            what += f" of {self.decimals} decimals"
        what += f" from {self.seen[0]:.6g} to {self.seen[-1]:.6g}"
        if self.is_discrete:
            what += f", one of {len(self.seen)} values"
        elif self.is_repeated.any():
            what += ", some repeated"
        return what


class DatetimeCodec(NumberCodec):
    """Dates and times, as multiples of their common step since the first one."""

    def __init__(self, dtype):
        super().__init__(whole=True)
        self.timezone = getattr(dtype, "tz", None)
        self.unit = np.datetime_data(getattr(dtype, "base", dtype))[0]
        if self.timezone is not None:
            self.unit = dtype.unit

    def fit(self, values):
        """Learn the first moment and the step, and what NumberCodec learns."""
        ticks = self._ticks(values)
        self.first = ticks.min()
        self.step = max(int(np.gcd.reduce(ticks - self.first)), 1)
        return super().fit((ticks - self.first) // self.step)

    def encode(self, values):
        """Return normal scores (n, 1)."""
        return super().encode((self._ticks(values) - self.first) / self.step)

    def decode(self, Z):
        """Return moments (n,)."""
        steps = np.rint(super().decode(Z)).astype(np.int64)
        return self._moments(self.first + self.step * steps)

    def check(self, value):
        """Raise if a single moment contradicts the training table."""
        (tick,), (low, high) = self._ticks(self.read(value)), self._ends()
        is_within = low <= tick <= high
        low, high = self._moments(np.array([low, high]))
        if not is_within:
            raise ValueError(
                f"is outside the range of the training table, {low} to {high}"
            )
        if (tick - self.first) % self.step:
            apart = pd.Timedelta(np.timedelta64(self.step, self.unit))
            raise ValueError(
                "is not among the moments that the training table allows: they are "
                f"whole multiples of {apart} after {low}"
            )

    def read(self, value):
        """Return a single value, which may be text, as a Series of moments."""
        try:
            moment = pd.Timestamp(value)
        except (TypeError, ValueError) as error:
            raise ValueError("is no moment, such as '2020-12-31'") from error
        if self.timezone is not None and moment.tzinfo is None:
            moment = moment.tz_localize(self.timezone)
        return pd.Series([moment])

    def describe(self):
        """Return in words what was learned."""
        first, last = self._moments(np.array(self._ends()))
        return f"moments from {first} to {last}"

    def _ends(self):
        return [self.first + self.step * int(end) for end in self.seen[[0, -1]]]

    def _moments(self, ticks):
        moments = pd.Series(ticks.view(f"datetime64[{self.unit}]"))
        if self.timezone is None:
            return moments
        return moments.dt.tz_localize("UTC").dt.tz_convert(self.timezone)

    def _ticks(self, values):
        values = pd.to_datetime(pd.Series(values))
        if values.dt.tz is not None:
            values = values.dt.tz_convert("UTC").dt.tz_localize(None)
        return values.to_numpy(f"datetime64[{self.unit}]").astype(np.int64)


class CategoryCodec:
    """Categories: one indicator column for two of them, else one for each.

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

    def fit(self, values):
        """Learn the categories that are met."""
        met = pd.Index(values).unique()
        known = _sorted(met) if self.known is None else self.known
        self.categories = pd.Index([value for value in known if value in met])
        n_categories = len(self.categories)
        self.ranks = None
        self.width, self.noise = n_categories, _NOISE_IN_GAPS * _INDICATOR
        if self.ordered or n_categories == 2:
            self.ranks = NumberCodec(whole=True).fit(self._codes(values))
            self.ranks.is_discrete = True
            self.width = 1
            self.noise = self.ranks.noise
        return self

    def read(self, value):
        """Return a single value as an Index."""
        return pd.Index([value])

    def encode(self, values):
        """Return indicators (n, k), or standardised ranks (n, 1)."""
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
        self.value = pd.Series(values).iloc[0]
        return self

    def read(self, value):
        """Return a single value in a list."""
        return [value]

    def encode(self, values):
        """Return an array (n, 0)."""
        others = [
            value for value in pd.unique(pd.Series(values)) if not self._is(value)
        ]
        if others:
            raise ValueError(
                f"is {self.value!r} in every row of the training table, but here also "
                f"{others[:5]}"
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
        return f"always {self.value!r}"

    def _is(self, value):
        return bool(value == self.value)


def _finite(values):
    """Return values as float64, or raise if some are no finite numbers."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("holds values that are not numbers") from error
    if not np.isfinite(numbers).all():
        raise ValueError("holds infinite values")
    return numbers


def _decimals(numbers):
    """Return the fewest decimals that represent all numbers, or None."""
    for decimals in range(_MAX_DECIMALS + 1):
        if np.array_equal(np.round(numbers, decimals), numbers):
            return decimals
    return None


def _nearest(numbers, seen):
    """Return for each number the nearest of some sorted ones."""
    return seen[np.searchsorted((seen[1:] + seen[:-1]) / 2, numbers)]


def _sorted(values):
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)
