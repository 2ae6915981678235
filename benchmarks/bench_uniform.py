"""Uniform draws from manifolds whose rows are anything but uniform.

Each estimator is fitted with its defaults to 2000 rows of a law whose density varies
20 : 1 over the manifold, and draws 20 000 rows with target="uniform". Printed is the
total variation to the uniform law over 24 cells of equal area, of the training rows, of
exactly uniform rows (the floor) and of the draws; their distance to the manifold, over
the radius of the data; and the seconds of drawing.

    python benchmarks/bench_uniform.py [--data torus] [--estimators Coarse]
"""

import argparse
import time

import numpy as np
from bench_quality import ESTIMATORS

from manidiff import datasets

N_ROWS, N_DRAWN, N_CELLS = 2000, 20_000, 24
CONTRAST = 20.0


def angle(rows, i, j):
    """Return the angle in the plane of two columns, over the full turn, in [0, 1)."""
    return np.arctan2(rows[:, j], rows[:, i]) / (2 * np.pi) % 1


def cells_of_circle(rows):
    """Return the arc, of 24, of each row."""
    return (N_CELLS * angle(rows, 0, 1)).astype(int)


def cells_of_sphere(rows):
    """Return the cell, of 4 zones of equal area by 6 meridians."""
    height = rows[:, 2] / np.linalg.norm(rows, axis=1)
    zone = np.clip((2 * (height + 1)).astype(int), 0, 3)
    return 6 * zone + (6 * angle(rows, 0, 1)).astype(int)


def cells_of_torus(rows):
    """Return the cell, of 4 belts of equal area by 6 meridians."""
    torus = datasets.Torus()
    ratio = torus.minor_radius / torus.major_radius
    around = np.linalg.norm(rows[:, :2], axis=1) - torus.major_radius
    theta = np.arctan2(rows[:, 2], around) % (2 * np.pi)
    # The area grows like 1 + ratio cos(theta).
    area = (theta + ratio * np.sin(theta)) / (2 * np.pi)
    belt = np.clip((4 * area).astype(int), 0, 3)
    return 6 * belt + (6 * angle(rows, 0, 1)).astype(int)


MANIFOLDS = {
    "circle": (datasets.Circle, cells_of_circle),
    "sphere": (datasets.Sphere, cells_of_sphere),
    "torus": (datasets.Torus, cells_of_torus),
}


def uneven_rows(manifold, n_samples, seed):
    """Draw rows of a density that varies 20 : 1 along the first column."""
    rng = np.random.default_rng(seed)
    pool = manifold.sample_uniform(40 * n_samples, random_state=seed)
    first = pool[:, 0] / np.abs(pool[:, 0]).max()
    share = CONTRAST ** ((first - 1) / 2)
    return pool[rng.random(len(pool)) < share][:n_samples]


def total_variation(cells):
    """Return the distance of the cells' frequencies to equal ones."""
    shares = np.bincount(cells, minlength=N_CELLS) / len(cells)
    return np.abs(shares - 1 / N_CELLS).sum() / 2


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=MANIFOLDS, default=list(MANIFOLDS))
    parser.add_argument(
        "--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    header = ("rows", "floor", "draws", "off", "seconds")
    print("data".ljust(8), "estimator".ljust(10), *(name.rjust(8) for name in header))
    for name in arguments.data:
        make, cells = MANIFOLDS[name]
        manifold = make()
        for label in arguments.estimators:
            found = []
            for seed in arguments.seeds:
                rows = uneven_rows(manifold, N_ROWS, seed)
                uniform = manifold.sample_uniform(N_DRAWN, random_state=seed + 100)
                model = ESTIMATORS[label](seed).fit(rows)
                started = time.perf_counter()
                drawn = model.sample(N_DRAWN, target="uniform", random_state=seed)
                seconds = time.perf_counter() - started
                laws = (rows, uniform, drawn)
                radius = np.sqrt(rows.var(axis=0).sum())
                off = manifold.distance(drawn).mean() / radius
                tv = [total_variation(cells(law)) for law in laws]
                found.append([*tv, off, seconds])
            figures = (f"{value:8.4f}" for value in np.mean(found, axis=0))
            print(name.ljust(8), label.ljust(10), *figures, flush=True)


if __name__ == "__main__":
    main()
