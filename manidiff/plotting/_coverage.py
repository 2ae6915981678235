"""Which share of the manifold is covered, against the scale one looks at."""

import numpy as np

from manidiff._utils.draws import draw_rows
from manidiff.metrics import mass_coverage
from manidiff.metrics._neighbors import check_sets, choose, spacing
from manidiff.plotting._style import GENERATED, HELD_OUT, TRAINING, panels, unclutter

_N_RADII = 16


class CoverageCurveDisplay:
    """Coverage by mass against the radius of the balls that are to be covered.

    A ball is covered when generated rows give it at least the share c of its true mass.
    Shown are generated rows, the training rows themselves (what copies cover), and half
    of the held-out rows in the place of fresh ones, as many of each: the fewer the
    rows, the wider the balls they cover. Balls are about the other half.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    radii : ndarray of shape (n_radii,)
        In nearest-neighbour distances of the training rows.
    curves : dict of ndarrays of shape (n_radii,)
        Covered shares by name.
    c : float
        The share of the true mass that counts as covering.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the curves.
    figure_ : matplotlib Figure
        Figure of the axes.
    lines_ : dict
        The curves by name.

    See Also
    --------
    manidiff.metrics.mass_coverage : One point of a curve.
    manidiff.metrics.coverage_resolution : The radius from which on all is covered.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff.datasets import make_torus
    >>> from manidiff.plotting import CoverageCurveDisplay
    >>> X, _ = make_torus(600, random_state=0)
    >>> display = CoverageCurveDisplay.from_predictions(X[:200], X[200:300], X[300:])
    >>> sorted(display.curves)
    ['fresh rows', 'generated', 'training rows']
    >>> plt.close(display.figure_)
    """

    def __init__(self, radii, curves, *, c):
        self.radii = radii
        self.curves = curves
        self.c = c

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_train,
        X_heldout,
        *,
        n_samples=1000,
        c=0.5,
        random_state=0,
        ax=None,
    ):
        """Draw from a fitted estimator and plot.

        Parameters
        ----------
        estimator : object with a method `sample`
            Fitted.
        X_train, X_heldout : array-like of shape (n_rows, n_features)
            The rows it was fitted to, and others, at least four.
        n_samples : int, default=1000
            Rows to draw.
        c : float, default=0.5
            Share of the true mass that counts as covering, above 0 and at most 1.
        random_state : int, default=0
            Seed of the draws and of the split of the held-out rows.
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : CoverageCurveDisplay
            With the artists.
        """
        X_gen = draw_rows(estimator, n_samples, random_state)
        return cls.from_predictions(
            X_gen, X_train, X_heldout, c=c, random_state=random_state, ax=ax
        )

    @classmethod
    def from_predictions(
        cls, X_gen, X_train, X_heldout, *, c=0.5, random_state=0, ax=None
    ):
        """Plot rows that were drawn already; parameters as in `from_estimator`."""
        X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
        if len(X_heldout) < 4:
            raise ValueError(
                f"X_heldout has {len(X_heldout)} rows, but half of them stand for "
                "fresh ones: pass at least 4."
            )
        rng = np.random.RandomState(random_state)
        fresh, true = np.array_split(X_heldout[rng.permutation(len(X_heldout))], 2)
        unit = spacing(X_train)
        widest = np.linalg.norm(X_heldout - X_heldout.mean(axis=0), axis=1).max() / unit
        radii = np.geomspace(0.5, max(2 * widest, 1.0), _N_RADII)
        sets = {"fresh rows": fresh, "training rows": X_train, "generated": X_gen}
        size = min(map(len, sets.values()))
        sets = {name: choose(rows, size, rng) for name, rows in sets.items()}
        curves = {
            name: np.array(
                [
                    mass_coverage(
                        rows, X_train, true, delta=radius * unit, c=c, random_state=0
                    )
                    for radius in radii
                ]
            )
            for name, rows in sets.items()
        }
        return cls(radii, curves, c=c).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in. None makes a figure.

        Returns
        -------
        display : CoverageCurveDisplay
            Itself, with the artists.
        """
        (self.ax_,) = panels(1, ax, size=(5.0, 3.4))
        self.figure_ = self.ax_.figure
        looks = {
            "fresh rows": {"color": HELD_OUT, "linestyle": "--"},
            "training rows": {"color": TRAINING, "linestyle": ":"},
            "generated": {"color": GENERATED},
        }
        self.lines_ = {}
        for name, curve in self.curves.items():
            (self.lines_[name],) = self.ax_.plot(
                self.radii, curve, label=name, linewidth=1.8, **looks.get(name, {})
            )
        self.ax_.set(
            xscale="log",
            xlabel="radius, in nearest-neighbour distances",
            ylabel=f"share of balls with {self.c:g} of their mass",
            ylim=(0, 1.02),
        )
        self.ax_.legend(loc="lower right")
        unclutter(self.ax_)
        return self
