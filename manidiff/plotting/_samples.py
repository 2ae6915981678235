"""Generated rows beside the training rows."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from manidiff._utils.draws import draw_rows
from manidiff.plotting._style import GENERATED, TRAINING, marker_size, panels, unclutter

_N_IMAGES = 10


class SamplesDisplay:
    """Generated rows over training rows.

    Rows of one column are shown as histograms, of two and three as points, of more as
    points along the first two principal axes of the training rows. With `image_shape`,
    the first generated rows are shown as images, each over the training row nearest to
    it.

    Use `from_estimator` or `from_predictions` to make one.

    Parameters
    ----------
    X_gen, X_train : ndarray of shape (n_rows, n_features)
        Generated and training rows.
    image_shape : tuple of two ints, default=None
        Height and width of the images that rows are, of as many pixels as there are
        columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the rows.
    figure_ : matplotlib Figure
        Figure of the axes.
    artists_ : dict
        What was drawn for "train" and for "generated".

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from manidiff import LocalPolynomialScoreDiffusion
    >>> from manidiff.datasets import make_torus
    >>> from manidiff.plotting import SamplesDisplay
    >>> X, _ = make_torus(500, random_state=0)
    >>> model = LocalPolynomialScoreDiffusion(random_state=0).fit(X)
    >>> display = SamplesDisplay.from_estimator(model, X)
    >>> display.X_gen.shape
    (1000, 3)
    >>> plt.close(display.figure_)
    """

    def __init__(self, X_gen, X_train, *, image_shape=None):
        self.X_gen = X_gen
        self.X_train = X_train
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X_train,
        *,
        n_samples=1000,
        image_shape=None,
        random_state=0,
        ax=None,
    ):
        """Draw from a fitted estimator and plot.

        Parameters
        ----------
        estimator : object with a method `sample`
            Fitted.
        X_train : array-like of shape (n_rows, n_features)
            The rows it was fitted to.
        n_samples : int, default=1000
            Rows to draw.
        image_shape : tuple of two ints, default=None
            See `SamplesDisplay`.
        random_state : int, default=0
            Seed of the draws.
        ax : matplotlib Axes, default=None
            Axes to draw in, three-dimensional ones for rows of three columns. None
            makes a figure.

        Returns
        -------
        display : SamplesDisplay
            With the artists.
        """
        X_gen = draw_rows(estimator, n_samples, random_state)
        return cls.from_predictions(X_gen, X_train, image_shape=image_shape, ax=ax)

    @classmethod
    def from_predictions(cls, X_gen, X_train, *, image_shape=None, ax=None):
        """Plot rows that were drawn already; parameters as in `from_estimator`."""
        X_gen, X_train = (
            check_array(X, dtype=np.float64, input_name=name)
            for X, name in ((X_gen, "X_gen"), (X_train, "X_train"))
        )
        if X_gen.shape[1] != X_train.shape[1]:
            raise ValueError(
                f"X_gen has {X_gen.shape[1]} columns, but X_train has "
                f"{X_train.shape[1]}. Pass rows of one width."
            )
        if image_shape is not None and np.prod(image_shape) != X_gen.shape[1]:
            raise ValueError(
                f"image_shape={image_shape!r} has {np.prod(image_shape)} pixels, but "
                f"rows have {X_gen.shape[1]} columns. Pass (height, width) of a row."
            )
        return cls(X_gen, X_train, image_shape=image_shape).plot(ax=ax)

    def plot(self, ax=None):
        """Draw the rows.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            See `from_estimator`.

        Returns
        -------
        display : SamplesDisplay
            Itself, with the artists.
        """
        n_features = self.X_gen.shape[1]
        if self.image_shape is not None:
            self._plot_images(ax)
        elif n_features == 1:
            self._plot_histograms(ax)
        elif n_features == 3:
            self._plot_space(ax)
        else:
            self._plot_plane(ax)
        self.figure_ = self.ax_.figure
        return self

    def _plot_plane(self, ax):
        (self.ax_,) = panels(1, ax, size=(5.0, 4.6))
        sets = {"train": self.X_train, "generated": self.X_gen}
        if self.X_gen.shape[1] > 2:
            pca = PCA(n_components=2).fit(self.X_train)
            sets = {name: pca.transform(rows) for name, rows in sets.items()}
            share = pca.explained_variance_ratio_
            self.ax_.set_xlabel(f"first principal axis ({share[0]:.0%})")
            self.ax_.set_ylabel(f"second ({share[1]:.0%})")
        self._scatter(sets)
        self.ax_.set_aspect("equal", adjustable="datalim")
        self.ax_.legend(markerscale=1.6)
        unclutter(self.ax_)

    def _plot_space(self, ax):
        if ax is None:
            figure = plt.figure(figsize=(6.4, 5.4), layout="constrained")
            ax = figure.add_subplot(projection="3d")
        elif ax.name != "3d":
            raise ValueError(
                "ax is plane, but rows have three columns. Make it with "
                "figure.add_subplot(projection='3d'), or pass ax=None."
            )
        self.ax_ = ax
        self._scatter({"train": self.X_train, "generated": self.X_gen})
        ax.set_aspect("equal")
        ax.legend(markerscale=1.6, loc="upper left")

    def _scatter(self, sets):
        looks = {
            "train": {"color": TRAINING, "alpha": 0.7},
            "generated": {"color": GENERATED, "alpha": 0.8},
        }
        self.artists_ = {
            name: self.ax_.scatter(
                *rows.T,
                s=marker_size(len(rows)),
                linewidths=0,
                label=f"{name} ({len(rows)})",
                **looks[name],
            )
            for name, rows in sets.items()
        }

    def _plot_histograms(self, ax):
        (self.ax_,) = panels(1, ax)
        both = np.concatenate([self.X_train, self.X_gen])
        edges = np.histogram_bin_edges(both, "auto")
        looks = {"bins": edges, "density": True, "histtype": "stepfilled"}
        self.artists_ = {
            "train": self.ax_.hist(
                self.X_train[:, 0], color=TRAINING, alpha=0.6, label="train", **looks
            )[2],
            "generated": self.ax_.hist(
                self.X_gen[:, 0],
                color=GENERATED,
                **{**looks, "histtype": "step"},
                label="generated",
            )[2],
        }
        self.ax_.set_ylabel("density")
        self.ax_.legend()
        unclutter(self.ax_)

    def _plot_images(self, ax):
        (self.ax_,) = panels(1, ax, size=(7.0, 2.0))
        generated = self.X_gen[:_N_IMAGES]
        search = NearestNeighbors(n_neighbors=1).fit(self.X_train)
        nearest = self.X_train[search.kneighbors(generated)[1][:, 0]]
        lines = [
            np.hstack(images.reshape(-1, *self.image_shape))
            for images in (generated, nearest)
        ]
        gap = np.full((1, lines[0].shape[1]), np.nan)
        picture = self.ax_.imshow(
            np.vstack([lines[0], gap, lines[1]]),
            cmap="gray_r",
            vmin=self.X_train.min(),
            vmax=self.X_train.max(),
        )
        self.artists_ = {"train": picture, "generated": picture}
        height = self.image_shape[0]
        self.ax_.set_yticks(
            [height / 2 - 0.5, 1.5 * height + 0.5], ["generated", "nearest\ntrain"]
        )
        self.ax_.set_xticks([])
        self.ax_.tick_params(length=0)
        self.ax_.spines[:].set_visible(False)
