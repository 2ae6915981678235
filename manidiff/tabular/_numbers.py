"""Numbers of a column as normal scores, and back.

A codec sees the present values of a column alone. Its encoded columns have variance 1
over them, or are indicators.
"""

import numpy as np
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
NOISE_IN_GAPS = 0.25


class NumberCodec:
    """Numbers as normal scores of their ranks; repeated values come back exactly.

    A value becomes the normal quantile of the share of rows below it, ties counted
    half: skewed and heavy-tailed columns become normal, and nothing depends on the
    scale that the values are written in. Between values both ways are linear.

    `sklearn.preprocessing.QuantileTransformer` does not serve: it puts the ends at 5.2
    standard deviations, where a 0 that half of the rows hold does not belong, and cuts
    off what is beyond them.

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
        self.precision = "f8"
        if _is_narrow(values):
            self.precision = np.asarray(values).dtype.str
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
            self.noise = NOISE_IN_GAPS * np.median(np.diff(self.scores))
        return self

    def read(self, value):
        """Return a single value as an array of numbers (1,)."""
        try:
            number = np.asarray([value], dtype=object).astype(self.precision)
            return _finite(number)
        except (TypeError, ValueError) as error:
            raise ValueError("is no finite number") from error

    def encode(self, values):
        """Return normal scores (n, 1), on straight lines beyond the ends.

        Each line goes from the middle of the scores through an end: the step between
        the last two values, which is a matter of chance, has no say in its slope.
        """
        numbers = _finite(values)
        scores = np.interp(numbers, self.seen, self.scores)
        middle = np.interp(0.0, self.scores, self.seen)
        for end, beyond in (
            (0, numbers < self.seen[0]),
            (-1, numbers > self.seen[-1]),
        ):
            slope = self.scores[end] / (self.seen[end] - middle)
            scores[beyond] += slope * (numbers[beyond] - self.seen[end])
        return scores[:, None]

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


def _finite(values):
    """Return values as float64, or raise if some are no finite numbers.

    Floats of less precision become the decimal numbers that they are written as: 13.27
    in float32 is 13.27 and not 13.27000046, and back in float32 it is the same.
    """
    try:
        if _is_narrow(values):
            values = np.asarray(values).astype(str)
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError("holds values that are not numbers") from error
    if not np.isfinite(numbers).all():
        raise ValueError("holds infinite values")
    return numbers


def _is_narrow(values):
    return np.asarray(values).dtype in (np.float16, np.float32)


def _decimals(numbers):
    """Return the fewest decimals that represent all numbers, or None."""
    for decimals in range(_MAX_DECIMALS + 1):
        if np.array_equal(np.round(numbers, decimals), numbers):
            return decimals
    return None


def _nearest(numbers, seen):
    """Return for each number the nearest of some sorted ones."""
    return seen[np.searchsorted((seen[1:] + seen[:-1]) / 2, numbers)]
