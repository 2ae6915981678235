"""
New points, on the manifold
===========================

A diffusion model whose score is exact returns its training rows. One whose score is
only coarse cannot: it keeps the geometry of the data and drops its finest detail, so
what it draws is new and still lies where data lies. Here both are fitted to 1000
points of a torus and to 898 images of handwritten digits, and compared with rows they
have never seen.
"""

import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion, datasets, metrics

# %%
# The data
# --------
# Half of the rows are held out: novelty and coverage mean something only against rows
# that were not used to fit.

torus = datasets.Torus()
points = torus.sample(2000, random_state=0)
data = {
    "torus": train_test_split(points, test_size=0.5, random_state=0),
    "digits": train_test_split(load_digits().data, test_size=0.5, random_state=0),
}

# %%
# Fit and draw
# ------------
# The empirical estimator has nothing to train: it is the memorising baseline. The
# coarse one trains a network, here for fewer steps than its default of 3000.

drawn = {}
header = ("data", "estimator", "fidelity", "excess mem", "coverage", "seconds")
print("{:<8}{:<26}{:<22}{:>12}{:>10}{:>9}".format(*header))
for name, (train, held_out) in data.items():
    for estimator in (
        EmpiricalScoreDiffusion(),
        CoarseScoreDiffusion(max_iter=2000, random_state=0),
    ):
        started = time.perf_counter()
        rows = estimator.fit(train).sample(1000, random_state=0)
        seconds = time.perf_counter() - started
        drawn[name, type(estimator).__name__] = rows
        if name == "torus":
            gaps = NearestNeighbors(n_neighbors=1).fit(train).kneighbors()[0]
            off = torus.distance(rows).mean() / np.median(gaps)
            fidelity = f"{off:.3f} spacings off"
        else:
            precision = metrics.precision(rows, train, held_out)
            fidelity = f"{precision:.3f} precision"
        excess = metrics.excess_memorization(rows, train, held_out)
        coverage = metrics.coverage(rows, train, held_out)
        print(
            f"{name:<8}{type(estimator).__name__:<26}{fidelity:<22}"
            f"{excess:>12.3f}{coverage:>10.3f}{seconds:>9.1f}"
        )

# %%
# Look at them
# ------------
# Above, half of the torus from the top: a line ties each draw to the training point
# nearest to it. The baseline sits on its rows, the coarse draws fill the surface
# between them. Below, each drawn digit stands over the training image nearest to it.


def nearest(rows, train):
    """Return the training row nearest to each row."""
    index = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(rows)[1]
    return train[index[:, 0]]


def draw_torus(axes, rows, train, color):
    """Draw the upper side of half the torus, rows tied to the data."""
    upper = train[train[:, 2] > 0]
    axes.scatter(upper[:, 0], upper[:, 1], s=16, color="0.78", linewidths=0)
    if rows is not None:
        rows = rows[(rows[:, 2] > 0) & (rows[:, 1] > 0)]
        ties = np.stack([rows, nearest(rows, train)], axis=1)[:, :, :2]
        axes.add_collection(LineCollection(ties, color=color, linewidths=0.8))
        axes.scatter(rows[:, 0], rows[:, 1], s=6, color=color, linewidths=0)
    axes.set(xlim=(-1.35, 1.35), ylim=(-0.02, 1.35), aspect="equal")
    axes.set_axis_off()


def draw_digits(axes, rows, train):
    """Draw a line of images over the training images nearest to them."""
    lines = [np.hstack(images.reshape(-1, 8, 8)) for images in (rows, train)]
    gap = np.full((1, lines[0].shape[1]), np.nan)
    axes.imshow(np.vstack([lines[0], gap, lines[1]]), cmap="gray_r", vmin=0, vmax=16)
    axes.set(xticks=[], yticks=[])


columns = {
    "training rows": (None, "0.3"),
    "exact score: copies": ("EmpiricalScoreDiffusion", "#d55e00"),
    "coarse score: new rows": ("CoarseScoreDiffusion", "#0072b2"),
}
figure, grid = plt.subplots(
    2, 3, figsize=(13, 4.2), height_ratios=(2.2, 1), layout="constrained"
)
for (title, (estimator, color)), (top, bottom) in zip(
    columns.items(), grid.T, strict=True
):
    top.set_title(title, color=color, fontweight="bold")
    draw_torus(top, drawn.get(("torus", estimator)), data["torus"][0], color)
    train = data["digits"][0]
    if estimator is None:
        draw_digits(bottom, train[:10], train[10:20])
        bottom.set_xlabel("training images")
    else:
        rows = drawn["digits", estimator][:10]
        draw_digits(bottom, rows, nearest(rows, train))
        bottom.set_xlabel("draws, each over the training image nearest to it")

if len(sys.argv) > 1:
    figure.savefig(Path(sys.argv[1]), dpi=110)
plt.show()
