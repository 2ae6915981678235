"""Generated rows beside the training rows."""

from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array

from manidiff._utils.draws import draw_rows
from manidiff.plotting._style import GENERATED, TRAINING, marker_size, panels, unclutter

_N_IMAGES = 10


class SamplesDisplay:
    """Generated rows over training rows.

    Rows of one column are shown as histograms, of two as points in the plane, of three
    as points in space, the training rows beside the generated ones. Of more columns the
    first three principal axes of the training rows are shown, in pairs. With
    `image_shape`, the first generated rows are shown as images, each over the training
    row nearest to it.

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
    axes_ : ndarray of matplotlib Axes
        One a panel.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        Figure of the axes.
    artists_ : dict
        What was drawn for "train" and for "generated": of pairs of principal axes a
        list, one a pair.

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
        ax : matplotlib Axes or array-like of them, default=None
            Axes to draw in, three-dimensional ones for rows of three columns: one for
            both sets, or two. Of more columns there are up to three pairs of principal
            axes: the first few are shown where there are fewer axes to draw in. None
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
        elif n_features == 2:
            self._plot_plane(ax)
        elif n_features == 3:
            self._plot_space(ax)
        else:
            self._plot_pairs(ax)
        self.ax_ = self.axes_[0]
        self.figure_ = self.ax_.figure
        return self

    def _plot_plane(self, ax):
        self.axes_ = panels(1, ax, size=(5.0, 4.6))
        self.artists_ = _scatter(self.axes_[0], self._sets)
        self.axes_[0].set_aspect("equal", adjustable="datalim")
        self.axes_[0].legend(markerscale=1.6)
        unclutter(self.axes_[0])

    def _plot_pairs(self, ax):
        pca = PCA(n_components=min(3, *self.X_train.shape)).fit(self.X_train)
        sets = {name: pca.transform(rows) for name, rows in self._sets.items()}
        names = [
            f"principal axis {index + 1} ({share:.0%})"
            for index, share in enumerate(pca.explained_variance_ratio_)
        ]
        pairs = list(combinations(range(len(names)), 2))
        if ax is not None:
            pairs = pairs[: max(np.size(ax), 1)]
        self.axes_ = panels(len(pairs), ax, size=(3.8, 3.6), n_columns=3)
        self.artists_ = {name: [] for name in sets}
        for axes, pair in zip(self.axes_, pairs, strict=True):
            of_pair = {name: rows[:, pair] for name, rows in sets.items()}
            for name, artist in _scatter(axes, of_pair).items():
                self.artists_[name].append(artist)
            axes.set(xlabel=names[pair[0]], ylabel=names[pair[1]])
            axes.set_aspect("equal", adjustable="datalim")
            unclutter(axes)
        self.axes_[0].legend(markerscale=1.6)

    def _plot_space(self, ax):
        if ax is None:
            figure = plt.figure(figsize=(8.6, 4.2), layout="constrained")
            ax = figure.subplots(1, 2, subplot_kw={"projection": "3d"})
        self.axes_ = np.ravel(ax)
        if any(axes.name != "3d" for axes in self.axes_):
            raise ValueError(
                "ax is plane, but rows have three columns. Make it with "
                "figure.add_subplot(projection='3d'), or pass ax=None."
            )
        # One over the other hides what is behind.
        groups = [self._sets]
        if len(self.axes_) > 1:
            groups = [{name: rows} for name, rows in self._sets.items()]
        panels(len(groups), self.axes_)
        both = np.concatenate([self.X_train, self.X_gen])
        low, high = both.min(axis=0), both.max(axis=0)
        self.artists_ = {}
        for axes, sets in zip(self.axes_, groups, strict=True):
            self.artists_.update(_scatter(axes, sets))
            _set_box(axes, low, high)
            axes.legend(markerscale=1.6, loc="upper left")

    @property
    def _sets(self):
        return {"train": self.X_train, "generated": self.X_gen}

    def _plot_histograms(self, ax):
        self.axes_ = panels(1, ax)
        (axes,) = self.axes_
        both = np.concatenate([self.X_train, self.X_gen])
        edges = np.histogram_bin_edges(both, "auto")
        looks = {"bins": edges, "density": True, "histtype": "stepfilled"}
        self.artists_ = {
            "train": axes.hist(
                self.X_train[:, 0], color=TRAINING, alpha=0.6, label="train", **looks
            )[2],
            "generated": axes.hist(
                self.X_gen[:, 0],
                color=GENERATED,
                **{**looks, "histtype": "step"},
                label="generated",
            )[2],
        }
        axes.set_ylabel("density")
        axes.legend()
        unclutter(axes)

    def _plot_images(self, ax):
        self.axes_ = panels(1, ax, size=(7.0, 2.0))
        (axes,) = self.axes_
        generated = self.X_gen[:_N_IMAGES]
        search = NearestNeighbors(n_neighbors=1).fit(self.X_train)
        nearest = self.X_train[search.kneighbors(generated)[1][:, 0]]
        lines = [
            np.hstack(images.reshape(-1, *self.image_shape))
            for images in (generated, nearest)
        ]
        gap = np.full((1, lines[0].shape[1]), np.nan)
        picture = axes.imshow(
            np.vstack([lines[0], gap, lines[1]]),
            cmap="gray_r",
            vmin=self.X_train.min(),
            vmax=self.X_train.max(),
        )
        self.artists_ = {"train": picture, "generated": picture}
        height = self.image_shape[0]
        axes.set_yticks(
            [height / 2 - 0.5, 1.5 * height + 0.5], ["generated", "nearest\ntrain"]
        )
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)


def _scatter(axes, sets):
    """Draw the sets as points; return what was drawn."""
    looks = {
        "train": {"color": TRAINING, "alpha": 0.7},
        "generated": {"color": GENERATED, "alpha": 0.8},
    }
    return {
        name: axes.scatter(
            *rows.T,
            s=marker_size(len(rows)),
            linewidths=0,
            label=f"{name} ({len(rows)})",
            **looks[name],
        )
        for name, rows in sets.items()
    }


def _set_box(axes, low, high):
    """Show a box of space in its proportions, with as many ticks as have room."""
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
    axes.set_aspect("equal")
    longest = max(high - low)
    directions = (axes.xaxis, axes.yaxis, axes.zaxis)
    for axis, length in zip(directions, high - low, strict=True):
        n_steps = max(int(np.ceil(4 * length / longest)), 1) if longest > 0 else 1
        axis.set_major_locator(MaxNLocator(n_steps))
        axis.set_tick_params(labelsize="small")
