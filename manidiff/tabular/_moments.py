"""Dates and times of a column as normal scores, and back."""

import numpy as np
import pandas as pd

from manidiff.tabular._numbers import NumberCodec


class DatetimeCodec(NumberCodec):
    """Dates and times, as multiples of their common step since the first one.

    With a time zone, the step is that of the clock on the wall where it is the longer
    one: local midnights are whole days apart there, and not in UTC.

    Parameters
    ----------
    dtype : dtype
        That of the column.
    """

    def __init__(self, dtype):
        super().__init__(whole=True)
        self.timezone = getattr(dtype, "tz", None)
        self.unit = np.datetime_data(getattr(dtype, "base", dtype))[0]
        if self.timezone is not None:
            self.unit = dtype.unit

    def fit(self, values):
        """Learn the first moment and the step, and what NumberCodec learns."""
        self.is_local = False
        ticks = self._ticks(values)
        self.step = _step(ticks)
        if self.timezone is not None:
            self.is_local = True
            local = self._ticks(values)
            # An hour that the clock shows twice would be told apart no longer.
            self.is_local = _step(local) > self.step and _is_same(
                self._moments(local), values
            )
            if self.is_local:
                ticks, self.step = local, _step(local)
        self.first = ticks.min()
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
        if self.timezone is None and moment.tzinfo is not None:
            raise ValueError(
                "has a time zone, and the moments of the training table have none: "
                "leave it out"
            )
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
        if not self.is_local:
            return moments.dt.tz_localize("UTC").dt.tz_convert(self.timezone)
        # Of an hour that is shown twice the first; an hour that is skipped, after it.
        return moments.dt.tz_localize(
            self.timezone,
            ambiguous=np.ones(len(ticks), dtype=bool),
            nonexistent="shift_forward",
        )

    def _ticks(self, values):
        try:
            moments = pd.to_datetime(pd.Series(values))
        except (TypeError, ValueError) as error:
            raise ValueError("holds values that are no moments") from error
        if moments.dt.tz is not None and self.timezone is None:
            raise ValueError(
                "holds moments with a time zone, and those of the training table have "
                "none: take it off with Series.dt.tz_localize(None)"
            )
        if self.timezone is not None:
            moments = self._on_the_clock(moments)
        return moments.to_numpy(f"datetime64[{self.unit}]").astype(np.int64)

    def _on_the_clock(self, moments):
        """Return moments without their zone: as on the wall, or in UTC."""
        if moments.dt.tz is None:
            raise ValueError(
                "holds moments without a time zone, and those of the training table "
                f"are in {self.timezone}: give it with Series.dt.tz_localize"
            )
        zone = self.timezone if self.is_local else "UTC"
        return moments.dt.tz_convert(zone).dt.tz_localize(None)


def _step(ticks):
    """Return the largest step of which all moments are multiples after the first."""
    return max(int(np.gcd.reduce(ticks - ticks.min())), 1)


def _is_same(moments, values):
    return bool((moments.array == pd.Series(values).array).all())
