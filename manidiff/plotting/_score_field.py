"""The score of a plane model as a field of arrows, at several noise levels."""

import numpy as np
from matplotlib import colormaps
from sklearn.utils.validation import check_is_fitted

from manidiff.plotting._style import TRAINING, marker_size, panels, unclutter

# How far below its largest value the log-density is told apart, and by which colours.
_DEPTH = 12.0
_SHADES = colormaps["Blues"](np.linspace(0, 0.6, 12))


class ScoreFieldDisplay:
    """Arrows of the score over the log-density, in the plane, at several noise levels.

    Arrows show where one denoising step leads. Colours show how far the log-density is
    below its largest value in the panel, as its bar of colours says.

    Use `from_estimator` to make one.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Coordinates of the grid.
    sigmas : sequence of float
        Noise levels in the scaled space.
    scores : ndarray of shape (n_sigmas, n, n, 2)
        The scores times the square of the noise: from each point to its denoised one.
    log_densities : ndarray of shape (n_sigmas, n, n)
        At the grid.
    X : ndarray of shape (n_rows, 2), default=None
        Rows to show.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One a noise level.
    figure_ : matplotlib Figure
        Figure of the axes.
    quivers_, contours_, colorbars_ : list
        The artists of each panel.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff import EmpiricalScoreDiffusion
    >>> from manidiff.datasets import make_circle
    >>> from manidiff.plotting import ScoreFieldDisplay
    >>> X, _ = make_circle(50, random_state=0)
    >>> model = EmpiricalScoreDiffusion(random_state=0).fit(X)
    >>> display = ScoreFieldDisplay.from_estimator(model, X, grid_resolution=10)
    >>> display.scores.shape
    (3, 10, 10, 2)
    >>> plt.close(display.figure_)
    """

    def __init__(self, x, y, sigmas, scores, log_densities, *, X=None):
        self.x = x
        self.y = y
        self.sigmas = sigmas
        self.scores = scores
        self.log_densities = log_densities
        self.X = X

    @classmethod
    def from_estimator(
        cls, estimator, X, *, sigmas=None, grid_resolution=24, margin=0.25, ax=None
    ):
        """Evaluate the score of a fitted estimator around rows and plot.

        Parameters
        ----------
        estimator : estimator of manidiff
            Fitted to two columns, with `conditional=False`.
        X : array-like of shape (n_rows, 2)
            Rows that say where to look; they are shown.
        sigmas : sequence of float, default=None
            Noise levels in the scaled space, > 0. None takes three, from four times
            the nearest-neighbour distance to a standard deviation of the data.
        grid_resolution : int, default=24
            Points along each side.
        margin : float, default=0.25
            What is shown around the rows, in their extent.
        ax : array-like of matplotlib Axes, default=None
            One a noise level. None makes a figure.

        Returns
        -------
        display : ScoreFieldDisplay
            With the artists.

        Raises
        ------
        ValueError
            If the estimator was not fitted to two columns.
        """
        check_is_fitted(estimator)
        if estimator.n_features_in_ != 2:
            raise ValueError(
                f"The estimator was fitted to {estimator.n_features_in_} columns, but "
                "a field can be drawn of two only. Use SamplesDisplay."
            )
        X = np.asarray(X, dtype=float)
        if sigmas is None:
            low = min(4 * estimator.nn_distance_, 0.5)
            sigmas = np.geomspace(low, 1.0, 3)
        low, high = X.min(axis=0), X.max(axis=0)
        pad = margin * np.where(high > low, high - low, 1)
        x, y = np.linspace(low - pad, high + pad, grid_resolution).T
        points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        shape = (grid_resolution, grid_resolution)
        steps = [estimator.denoise(points, s) - points for s in sigmas]
        densities = [estimator.score_samples(points, sigma=s) for s in sigmas]
        return cls(
            x,
            y,
            list(sigmas),
            np.reshape(steps, (len(sigmas), *shape, 2)),
            np.reshape(densities, (len(sigmas), *shape)),
            X=X,
        ).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the fields.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            One a noise level. None makes a figure.

        Returns
        -------
        display : ScoreFieldDisplay
            Itself, with the artists.
        """
        n_panels = len(self.sigmas)
        self.axes_ = panels(n_panels, ax, size=(3.6, 4.2), n_columns=3)
        self.figure_ = self.axes_[0].figure
        self.quivers_, self.contours_, self.colorbars_ = [], [], []
        for axes, sigma, steps, log_p in zip(
            self.axes_, self.sigmas, self.scores, self.log_densities, strict=True
        ):
            self._shade(axes, log_p - log_p.max())
            if self.X is not None:
                size = marker_size(len(self.X)) / 3
                axes.scatter(*self.X.T, s=size, color=TRAINING, linewidths=0, zorder=2)
            self.quivers_.append(
                axes.quiver(
                    self.x, self.y, *np.moveaxis(steps, -1, 0), color="0.15", zorder=3
                )
            )
            axes.set_title(f"sigma = {sigma:.2g}")
            axes.set_aspect("equal")
            unclutter(axes)
        return self

    def _shade(self, axes, below):
        """Draw the log-density below its largest value, and a bar of its colours."""
        # Far away it falls without end, and under much noise by little.
        depth = min(_DEPTH, -below.min()) or 1.0
        levels = np.linspace(-depth, 0, len(_SHADES) + 1)
        contours = axes.contourf(self.x, self.y, below, levels, colors=_SHADES)
        bar = self.figure_.colorbar(
            contours, ax=axes, location="bottom", shrink=0.9, aspect=30, pad=0.02
        )
        bar.set_ticks(
            [-depth, -depth / 2, 0], labels=[f"{-depth:.2g}", f"{-depth / 2:.2g}", "0"]
        )
        bar.set_label("log-density minus its peak", fontsize="small")
        bar.outline.set_visible(False)
        self.contours_.append(contours)
        self.colorbars_.append(bar)
