"""
Draw through Isomap
===================

A Swiss roll is a sheet that is rolled up. Isomap unrolls it, but has no way back.
:class:`~manidiff.pipeline.SamplingPipeline` learns one when it is fitted, so new rows
can be drawn in the sheet, where the law is simple, and come out on the roll.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.manifold import Isomap
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from manidiff import LocalPolynomialScoreDiffusion
from manidiff.datasets import SwissRoll
from manidiff.pipeline import SamplingPipeline

roll = SwissRoll()
X = roll.sample(1000, random_state=0)

# %%
# Fit
# ---
# ``invert="auto"`` wraps Isomap in an
# :class:`~manidiff.inverse.InvertibleTransformer`. It holds some rows out to measure
# how well the way back was learned: the error, in units of the spread of the rows.

pipeline = SamplingPipeline(
    [
        ("scale", StandardScaler()),
        ("isomap", Isomap(n_neighbors=10)),
        ("law", LocalPolynomialScoreDiffusion(random_state=0)),
    ],
    invert="auto",
).fit(X)
print(f"reconstruction error: {pipeline['isomap'].reconstruction_error_:.1%}")

# %%
# Draw
# ----
# The last step draws in the sheet, `sample` of the pipeline on the roll. With one seed
# they are the same draws.

sheet = pipeline[:-1].transform(X)
drawn_in_sheet = pipeline["law"].sample(1000, random_state=0)
drawn = pipeline.sample(1000, random_state=0)

spacing = np.median(NearestNeighbors(n_neighbors=1).fit(X).kneighbors()[0])
print(f"distance to the roll: {roll.distance(drawn).mean() / spacing:.2f} spacings")

# %%
# Side by side
# ------------
# The colour is the position along the sheet. It runs once along the roll, from end to
# end: layers that lie close in space do not mix.

figure = plt.figure(figsize=(9, 6.4))
grid = figure.add_gridspec(
    2, 2, height_ratios=(1, 2.6), left=0.06, right=0.98, top=0.94, bottom=0, hspace=0.16
)
sides = (("training rows", sheet, X), ("drawn rows", drawn_in_sheet, drawn))
for column, (name, flat, rolled) in enumerate(sides):
    style = {"c": flat[:, 0], "vmin": -6.5, "vmax": 6.5, "s": 11}
    axes = figure.add_subplot(grid[0, column], title=f"In the sheet: {name}")
    axes.scatter(*flat.T, **style)
    axes.set(xlim=(-7.5, 7.5), ylim=(-2.3, 2.3), aspect="equal")
    axes = figure.add_subplot(grid[1, column], projection="3d")
    axes.scatter(*rolled.T, depthshade=False, edgecolor="white", lw=0.1, **style)
    axes.set_title(f"In space: {name}", y=1.03)
    axes.set(xticklabels=[], yticklabels=[], zticklabels=[])
    axes.set_box_aspect(np.ptp(X, axis=0), zoom=1.2)
    axes.view_init(elev=12, azim=-72)

if len(sys.argv) > 1:
    figure.savefig(Path(sys.argv[1]), dpi=110)
plt.show()
