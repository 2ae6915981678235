"""Losses and metrics of a fit, epoch by epoch."""

from numbers import Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from manidiff.plotting._style import (
    GENERATED,
    HELD_OUT,
    add_legends,
    mark_ideal,
    name_panel,
    panels,
    unclutter,
)

# What an epoch's record says of itself.
_CLOCK = {"epoch", "n_iter", "seconds"}
_LOSSES = ("train_loss", "valid_loss")


class TrainingCurveDisplay:
    """The history of a fit against its gradient steps.

    One panel shows the losses, and one each other number in the history, such as those
    of `manidiff.model_selection.HeldOutMonitor`. Compare the course of the two losses,
    not their heights: the network may be taught smoother targets than held-out rows
    are. The "held_out_gap" of the monitor compares like with like. Labels say whether
    higher or lower is better, dotted lines what fresh rows score where that is one
    number.

    Use `from_estimator` or `from_history` to make one.

    Parameters
    ----------
    n_iter : ndarray of shape (n_epochs,)
        Gradient steps at the end of each epoch.
    series : dict of ndarrays of shape (n_epochs,)
        Values by name; NaN where an epoch has none.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One a panel.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict
        The curve of each series.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff.plotting import TrainingCurveDisplay
    >>> history = [{"n_iter": i, "train_loss": 1 / i, "coverage": 0.9} for i in (1, 2)]
    >>> display = TrainingCurveDisplay.from_history(history)
    >>> sorted(display.lines_)
    ['coverage', 'train_loss']
    >>> plt.close(display.figure_)
    """

    def __init__(self, n_iter, series):
        self.n_iter = n_iter
        self.series = series

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the `history_` of a fitted estimator.

        Parameters
        ----------
        estimator : CoarseScoreDiffusion
            Fitted.
        ax : array-like of matplotlib Axes, default=None
            One a panel. None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            With the artists.
        """
        check_is_fitted(estimator)
        return cls.from_history(getattr(estimator, "history_", []), ax=ax)

    @classmethod
    def from_history(cls, history, *, ax=None):
        """Plot a history: a list with one dict an epoch."""
        if not history:
            raise ValueError(
                "The history is empty: nothing was trained. Use a fitted "
                "CoarseScoreDiffusion."
            )
        names = dict.fromkeys(
            name
            for record in history
            for name, value in record.items()
            if name not in _CLOCK and isinstance(value, Real)
        )
        series = {
            name: np.array([record.get(name, np.nan) for record in history], float)
            for name in names
        }
        n_iter = np.array([record["n_iter"] for record in history])
        return cls(n_iter, series).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One a panel. None makes a figure.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself, with the artists.
        """
        losses = [name for name in _LOSSES if name in self.series]
        others = [name for name in self.series if name not in _LOSSES]
        groups = [losses] * bool(losses) + [[name] for name in others]
        self.axes_ = panels(len(groups), ax)
        self.figure_ = self.axes_[0].figure
        self.lines_ = {}
        for axes, names in zip(self.axes_, groups, strict=True):
            for name in names:
                self.lines_[name] = self._draw(axes, name)
            axes.set_xlabel("gradient steps")
            name = "loss" if names is losses else names[0]
            name_panel(axes, name)
            mark_ideal(axes, name)
            unclutter(axes)
        add_legends(self.axes_)
        return self

    def _draw(self, axes, name):
        known = np.isfinite(self.series[name])
        look = {"color": HELD_OUT if name == "valid_loss" else GENERATED}
        if known.sum() < 40:
            look.update(marker="o", markersize=3)
        label = {"train_loss": "training", "valid_loss": "held-out"}.get(name)
        (line,) = axes.plot(
            self.n_iter[known], self.series[name][known], label=label, **look
        )
        return line
