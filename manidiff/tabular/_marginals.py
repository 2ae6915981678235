"""The law of each column of what is drawn, brought to that of the training table.

A model of continuous rows smears values that repeat: it hardly draws one twice.
Rounding restores the values and not their shares. The map from the quantiles of the
drawn column to those of the training column restores both: an interval of drawn values
goes to each repeated value. It is monotone in each column and so leaves the dependence
between columns, their copula, as it is (Sklar 1959).
"""

import numpy as np

# Steps in which the offsets of indicators are sought, and their size.
_N_STEPS = 100
_STEP = 0.2


class QuantileMap:
    """The increasing map from the law of drawn numbers to that of training numbers.

    Parameters
    ----------
    drawn : ndarray of shape (n,)
        Numbers that a model draws.
    training : ndarray of shape (m,)
        Numbers of the training table.
    """

    def __init__(self, drawn, training):
        self.values = np.sort(training)
        self.drawn, counts = np.unique(drawn, return_counts=True)
        # Ties count half below, half above.
        self.shares = (np.cumsum(counts) - counts / 2) / len(drawn)

    def __call__(self, drawn):
        """Return the mapped numbers (n,)."""
        rank = np.interp(drawn, self.drawn, self.shares) * len(self.values) - 0.5
        return np.interp(rank, np.arange(len(self.values)), self.values)


class OffsetMap:
    """Offsets of indicators, under which each is as often the largest as it should be.

    Parameters
    ----------
    drawn, training : ndarray of shape (n, k) and (m, k)
        Drawn and training indicators.
    """

    def __init__(self, drawn, training):
        shares = (training > 0).mean(axis=0)
        self.offsets = np.zeros(len(shares))
        for step in np.linspace(_STEP, 0, _N_STEPS, endpoint=False):
            largest = (drawn + self.offsets).argmax(axis=1)
            found = np.bincount(largest, minlength=len(shares)) / len(drawn)
            self.offsets += step * (shares - found) / np.sqrt(shares)

    def __call__(self, drawn):
        """Return the shifted indicators (n, k)."""
        return drawn + self.offsets


class ColumnMap:
    """The map of the encoded columns of one column, its flag among them.

    Parameters
    ----------
    column : Column
        The column.
    drawn, training : ndarray of shape (n, width) and (m, width)
        Drawn and training values of its encoded columns.
    """

    def __init__(self, column, drawn, training):
        self.width = column.codec_.width
        self.flag = None
        if column.is_flagged_:
            self.flag = QuantileMap(drawn[:, -1], training[:, -1])
            half = training[:, -1].max() / 2
            drawn = drawn[self.flag(drawn[:, -1]) < half]
            training = training[training[:, -1] < half]
        # Values of rows that lack them mean nothing.
        drawn, training = drawn[:, : self.width], training[:, : self.width]
        self.values = None
        if self.width == 1 and len(drawn):
            self.values = QuantileMap(drawn[:, 0], training[:, 0])
        elif self.width > 1 and len(drawn):
            self.values = OffsetMap(drawn, training)

    def __call__(self, drawn):
        """Return the mapped encoded columns (n, width)."""
        mapped = drawn.copy()
        if self.flag is not None:
            mapped[:, -1] = self.flag(drawn[:, -1])
        if self.values is not None:
            values = drawn[:, : self.width]
            values = values[:, 0] if self.width == 1 else values
            mapped[:, : self.width] = self.values(values).reshape(len(drawn), -1)
        return mapped
