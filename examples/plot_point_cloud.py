"""
Denoise and even out a point cloud
==================================

A scanner sees a surface with noise, and one side of it better than the other. Here such
a cloud of a torus is denoised by projecting each point onto the surface through the
points around it, and then drawn anew with the same number of points to each piece of
area. Nothing is told of the torus but its points.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from manidiff import LocalPolynomialScoreDiffusion, datasets

# %%
# The cloud
# ---------
# 3000 points, up to seven times as dense on the right as on the left, with normal noise
# of 2 % of the radius in each coordinate.

torus = datasets.Torus(minor_radius=0.4)
rng = np.random.default_rng(0)


def angle(points):
    """Return where along the torus points are, in degrees from the right."""
    return np.degrees(np.arctan2(points[:, 1], points[:, 0]))


points = torus.sample(12_000, random_state=0)
seen = np.exp(np.cos(np.radians(angle(points))) - 1)
clean = points[rng.random(len(points)) < seen][:3000]
cloud = clean + 0.02 * rng.standard_normal(clean.shape)

# %%
# Denoise
# -------
# By default the rows themselves decide whether they lie on a surface, and of this cloud
# they say no: noise is nearly as large as the spacing of the points. Where a surface is
# known to be there, say so, and let each piece of it rest on more points than the few
# that a clean surface needs.

noisy = LocalPolynomialScoreDiffusion(random_state=0).fit(cloud)
print("final step of the default:", noisy.final_step_)

surface = LocalPolynomialScoreDiffusion(
    final_step="local_polynomial",
    intrinsic_dim=2,
    degree=2,
    n_neighbors=50,
    random_state=0,
)
denoised = surface.fit(cloud).project(cloud)

# %%
# Even it out
# -----------
# The denoised points do lie on a surface, and ``target="uniform"`` draws from it by
# area, whatever the density of the points it was fitted to.

even = LocalPolynomialScoreDiffusion(random_state=0).fit(denoised)
uniform = even.sample(3000, target="uniform", random_state=0)

# %%
# Look at them
# ------------
# Colours tell the distance to the true torus. Below, how many points there are to the
# same area all along the torus: 1 everywhere would be perfectly even, and the band
# holds 95 % of the counts of a uniform draw of 3000 points.

clouds = {"scanned": cloud, "denoised": denoised, "drawn evenly": uniform}
sectors = np.linspace(-180, 180, 13)
middle = (sectors[1:] + sectors[:-1]) / 2
figure = plt.figure(figsize=(11, 5.6), layout="constrained")
grid = figure.add_gridspec(2, 3, height_ratios=(2.4, 1))
print(
    "{:<14}{:>22}{:>20}".format("cloud", "mean distance to torus", "density, max / min")
)
for column, (name, rows) in enumerate(clouds.items()):
    off = torus.distance(rows)
    count = np.histogram(angle(rows), sectors)[0]
    density = count * len(middle) / len(rows)
    print(f"{name:<14}{off.mean():>22.4f}{density.max() / density.min():>20.2f}")

    space = figure.add_subplot(grid[0, column], projection="3d", computed_zorder=False)
    order = np.argsort(rows[:, 2])
    drawn = space.scatter(
        *rows[order].T, c=off[order], s=3, vmin=0, vmax=0.04, cmap="viridis"
    )
    space.set(title=name, xlim=(-1.4, 1.4), ylim=(-1.4, 1.4), zlim=(-0.5, 0.5))
    space.set_box_aspect((2.8, 2.8, 1), zoom=1.3)
    space.view_init(elev=50, azim=-90)
    space.set_axis_off()

    sides = figure.add_subplot(grid[1, column])
    spread = 1.96 * np.sqrt((len(middle) - 1) / len(rows))
    sides.axhspan(1 - spread, 1 + spread, color="0.9")
    sides.plot(middle, density, "o-", color="#0072b2", markersize=4)
    sides.set(ylim=(0, 2.3), xticks=[-180, -90, 0, 90, 180], xlabel="degrees")
    sides.spines[["top", "right"]].set_visible(False)
    if column == 0:
        sides.set_ylabel("relative density")
figure.colorbar(
    drawn, ax=figure.axes[4], label="distance to the torus", shrink=0.8, pad=0.01
)

if len(sys.argv) > 1:
    figure.savefig(Path(sys.argv[1]), dpi=110)
plt.show()
