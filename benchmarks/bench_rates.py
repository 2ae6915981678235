"""How fast the manifold is covered, and approached, as rows are added.

Part "coverage": the coverage resolution (Shen, Hsieh, He 2026; constants ours) with
c = 1/4 and 95 % of 500 exact centres, of 200 generated points per training row, against
the number of rows N. Copies cover at the spacing of the rows, N^(-1/k). Fresh points of
the law are the floor that the number of generated points sets.

Part "distance": how far the local polynomial projection of points half a spacing off
the torus ends from it, for degrees 1, 2 and 3. Theory (Aamari and Levrard 2019) has
N^(-(degree + 1) / k).

Slopes are those of a line through the logarithms, with a 95 % interval from Student's
law. Tables and figures are saved where `--save` says.

    python benchmarks/bench_rates.py [--parts coverage] [--data torus] [--save FOLDER]
"""

import argparse
import csv
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import matplotlib.ticker
import numpy as np
import torch
from joblib import Parallel, delayed
from scipy.stats import linregress, t
from sklearn.neighbors import KernelDensity, NearestNeighbors

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    datasets,
    metrics,
)
from manidiff.geometry.moving_least_squares import MovingLeastSquares, n_monomials

MANIFOLDS = {
    "circle, irregular": lambda: datasets.Circle(law="irregular"),
    "torus": lambda: datasets.Torus(),
    "SO(3)": lambda: datasets.RotationGroup(),
}
SIZES = (125, 250, 500, 1000, 2000, 4000)
PER_ROW, TRUE_PER_ROW, N_CENTERS, C = 200, 400, 500, 0.25
# The exact sampler passes every draw by every row 40 times: only few rows.
MAX_EXACT = 250


def kernel_density(rows, seed):
    """Return a kernel density whose bandwidth is half the spacing of the rows."""
    gaps = NearestNeighbors(n_neighbors=1).fit(rows).kneighbors()[0]
    return KernelDensity(bandwidth=np.median(gaps) / 2).fit(rows)


METHODS = {
    "copies": None,
    "Empirical": lambda rows, seed: EmpiricalScoreDiffusion().fit(rows),
    "smoothed": lambda rows, seed: EmpiricalScoreDiffusion(
        smoothing=1.0, random_state=seed
    ).fit(rows),
    "KDE": kernel_density,
    "LocalPoly": lambda rows, seed: LocalPolynomialScoreDiffusion(
        random_state=seed
    ).fit(rows),
    "Coarse": lambda rows, seed: CoarseScoreDiffusion(random_state=seed).fit(rows),
    "fresh": None,
}
DEGREES = (1, 2, 3)


def resolution(manifold, method, n_rows, seed):
    """Return the coverage resolution of one method for n_rows training rows."""
    rows = manifold.sample(n_rows, random_state=seed)
    true = manifold.sample(TRUE_PER_ROW * n_rows, random_state=seed + 1000)
    centers = manifold.sample(N_CENTERS, random_state=seed + 2000)
    if method == "copies":
        drawn = rows
    elif method == "fresh":
        drawn = manifold.sample(PER_ROW * n_rows, random_state=seed + 3000)
    else:
        model = METHODS[method](rows, seed)
        drawn = model.sample(PER_ROW * n_rows, random_state=seed)
    found = metrics.coverage_resolution(
        drawn, rows, true, c=C, centers=centers, random_state=seed
    )
    return found.resolution


def distance(degree, n_rows, seed):
    """Return the mean distance to the torus after projection of a degree."""
    torus = datasets.Torus()
    rows = torus.sample(n_rows, random_state=seed)
    points = torus.sample(1000, random_state=seed + 1000)
    gaps = NearestNeighbors(n_neighbors=1).fit(rows).kneighbors()[0]
    noise = np.random.default_rng(seed).normal(size=points.shape)
    points += np.median(gaps) / 2 * noise / np.sqrt(3)
    n_neighbors = 2 * n_monomials(2, degree) + 2
    surface = MovingLeastSquares(rows, dim=2, degree=degree, n_neighbors=n_neighbors)
    projected = surface.project(torch.from_numpy(points)).numpy()
    return torus.distance(projected).mean()


def slope(sizes, values):
    """Return the slope of log(values) on log(sizes) and its 95 % half-width."""
    fit = linregress(np.log(sizes), np.log(values))
    half = t.ppf(0.975, len(sizes) - 2) * fit.stderr if len(sizes) > 2 else np.nan
    return fit.slope, half


def in_turn(n_jobs, measure, cases):
    """Yield what is measured of each case, in the order of the cases."""
    jobs = (delayed(measure)(*case) for case in cases)
    return Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1)(jobs)


def sizes_of(method, sizes):
    """Return the numbers of rows for which a method is measured."""
    slow = method in ("Empirical", "smoothed")
    return [n for n in sizes if not slow or n <= MAX_EXACT]


def measure_coverage(arguments):
    """Yield rows (data, method, N, resolution), printing the table."""
    found = in_turn(
        arguments.n_jobs,
        resolution,
        (
            (MANIFOLDS[name](), method, n_rows, seed)
            for name in arguments.data
            for method in arguments.methods
            for n_rows in sizes_of(method, arguments.sizes)
            for seed in arguments.seeds
        ),
    )
    for name in arguments.data:
        dim = MANIFOLDS[name]().intrinsic_dim
        print(f"\n{name}, k = {dim}: coverage resolution, c = {C}")
        for method in arguments.methods:
            values, sizes = [], sizes_of(method, arguments.sizes)
            for n_rows in sizes:
                of_seeds = [next(found) for _ in arguments.seeds]
                values.append(float(np.exp(np.mean(np.log(of_seeds)))))
                yield name, method, n_rows, values[-1]
            report(method, sizes, values)


def measure_distance(arguments):
    """Yield rows (torus, degree, N, distance), printing the table."""
    print("\ntorus, k = 2: distance after projection")
    found = in_turn(
        arguments.n_jobs,
        distance,
        (
            (degree, n_rows, seed)
            for degree in DEGREES
            for n_rows in arguments.sizes
            for seed in arguments.seeds
        ),
    )
    for degree in DEGREES:
        values = []
        for n_rows in arguments.sizes:
            values.append(float(np.mean([next(found) for _ in arguments.seeds])))
            yield "torus", f"degree {degree}", n_rows, values[-1]
        report(f"degree {degree}", arguments.sizes, values)


def report(label, sizes, values):
    """Print one line of a table."""
    cells = " ".join(f"{value:10.2e}" for value in values)
    line = f"{label:12} {cells}"
    if len(sizes) > 2:
        found, half = slope(sizes, values)
        line += f"   slope {found:6.2f} +- {half:.2f}"
    print(line, flush=True)


def draw(table, path, ylabel):
    """Save the curves of a table, one panel a data set."""
    names = list(dict.fromkeys(row[0] for row in table))
    figure, grid = plt.subplots(
        1,
        len(names),
        figsize=(4.2 * len(names), 3.6),
        layout="constrained",
        squeeze=False,
    )
    colors = mpl.color_sequences["petroff10"]
    methods = list(dict.fromkeys(row[1] for row in table))
    for axes, name in zip(grid[0], names, strict=True):
        for color, method in zip(colors, methods, strict=False):
            points = [(n, v) for d, m, n, v in table if (d, m) == (name, method)]
            look = {"color": "0.4", "linestyle": ":"} if method == "copies" else {}
            look = {"color": "0.4", "linestyle": "--"} if method == "fresh" else look
            axes.loglog(
                *zip(*points, strict=True),
                marker="o",
                markersize=4,
                **{"color": color, "label": method, **look},
            )
        axes.set(title=name, xlabel="training rows")
        sizes = sorted({row[2] for row in table})
        axes.set_xticks(sizes, sizes)
        axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
        axes.spines[["top", "right"]].set_visible(False)
    grid[0, 0].set_ylabel(ylabel)
    handles = grid[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=len(methods))
    figure.savefig(path, dpi=110)
    plt.close(figure)


PARTS = {
    "coverage": (measure_coverage, "coverage resolution"),
    "distance": (measure_distance, "distance to the torus"),
}


def main():
    """Print the tables; save them and their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--data", nargs="+", choices=MANIFOLDS, default=list(MANIFOLDS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--save", type=Path, help="folder of the tables and figures")
    arguments = parser.parse_args()
    for part in arguments.parts:
        measure, ylabel = PARTS[part]
        table = list(measure(arguments))
        if arguments.save:
            with (arguments.save / f"rates_{part}.csv").open("w", newline="") as file:
                csv.writer(file).writerows(table)
            draw(table, arguments.save / f"rates_{part}.png", ylabel)


if __name__ == "__main__":
    main()
