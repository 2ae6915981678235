"""How far generated rows lie from the training rows, against held-out rows."""

import numpy as np

from manidiff._utils.draws import draw_rows
from manidiff.metrics._neighbors import check_sets, nearest_distances
from manidiff.plotting._style import GENERATED, HELD_OUT, panels, unclutter


class NeighborDistanceDisplay:
    """Distances to the closest training row, of generated and of held-out rows.

    Drawn as the share of rows within a distance. Where nothing was copied the two
    curves agree; copies lift that of the generated rows on the left.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    generated, held_out : ndarray of shape (n_rows,)
        Distances of the rows to the closest training row.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict
        The curves of "generated" and "held-out".

    See Also
    --------
    manidiff.metrics.distance_to_closest_record : The ratio of the medians.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff import EmpiricalScoreDiffusion
    >>> from manidiff.datasets import make_torus
    >>> from manidiff.plotting import NeighborDistanceDisplay
    >>> X, _ = make_torus(400, random_state=0)
    >>> copies = EmpiricalScoreDiffusion(random_state=0).fit(X[:200])
    >>> display = NeighborDistanceDisplay.from_estimator(copies, X[:200], X[200:])
    >>> bool(display.generated.max() < 1e-4)
    True
    >>> plt.close(display.figure_)
    """

    def __init__(self, generated, held_out):
        self.generated = generated
        self.held_out = held_out

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_train,
        X_heldout,
        *,
        n_samples=1000,
        random_state=0,
        ax=None,
    ):
        """Draw from a fitted estimator and plot.

        Parameters
        ----------
        estimator : object with a method `sample`
            Fitted.
        X_train, X_heldout : array-like of shape (n_rows, n_features)
            The rows it was fitted to, and others.
        n_samples : int, default=1000
            Rows to draw.
        random_state : int, default=0
            Seed of the draws.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : NeighborDistanceDisplay
            With the artists.
        """
        X_gen = draw_rows(estimator, n_samples, random_state)
        return cls.from_predictions(X_gen, X_train, X_heldout, ax=ax)

    @classmethod
    def from_predictions(cls, X_gen, X_train, X_heldout, *, ax=None):
        """Plot rows that were drawn already; parameters as in `from_estimator`."""
        X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
        distances = (nearest_distances(X, X_train, 1)[:, 0] for X in (X_gen, X_heldout))
        return cls(*distances).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : NeighborDistanceDisplay
            Itself, with the artists.
        """
        (self.ax_,) = panels(1, ax, size=(5.0, 3.4))
        self.figure_ = self.ax_.figure
        looks = {
            "held-out": (self.held_out, {"color": HELD_OUT, "linestyle": "--"}),
            "generated": (self.generated, {"color": GENERATED}),
        }
        self.lines_ = {
            name: self.ax_.ecdf(distances, label=name, linewidth=1.8, **look)
            for name, (distances, look) in looks.items()
        }
        both = np.concatenate([self.generated, self.held_out])
        widest = np.quantile(both, 0.995) * 1.05 or 1
        self.ax_.set(
            xlabel="distance to the closest training row",
            ylabel="share of rows within it",
            # Copies, all at 0, stand off the axis, and off the upper edge.
            xlim=(-0.04 * widest, widest),
            ylim=(0, 1.04),
        )
        self.ax_.legend(loc="lower right")
        unclutter(self.ax_)
        return self
