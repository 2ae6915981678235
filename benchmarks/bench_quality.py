"""Quality of the draws at default settings, on manifolds and on real tables.

Each estimator is fitted with its defaults to 1000 rows of a manifold, or to a random
half of a table, and draws 2000 rows; means over seeds. Off-manifold distances are in
median nearest-neighbour distances of the training rows. The metrics are those of
`manidiff.metrics`, against held-out rows.

    python benchmarks/bench_quality.py [--data torus wine] [--estimators Coarse]
"""

import argparse
import time

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    datasets,
    metrics,
)

MANIFOLDS = {
    "torus": lambda: datasets.Torus(),
    "sphere": lambda: datasets.Sphere(),
    "SO(3)": lambda: datasets.RotationGroup(),
    "circle, irregular": lambda: datasets.Circle(law="irregular"),
    "Swiss roll": lambda: datasets.SwissRoll(),
    "curved torus": lambda: datasets.CurvedFlatTorus(),
}
TABLES = {
    "digits": lambda: load_digits().data,
    "breast_cancer": lambda: StandardScaler().fit_transform(load_breast_cancer().data),
    "wine": lambda: StandardScaler().fit_transform(load_wine().data),
}
ESTIMATORS = {
    "Coarse": lambda seed: CoarseScoreDiffusion(random_state=seed),
    "Empirical": lambda seed: EmpiricalScoreDiffusion(random_state=seed),
    "LocalPoly": lambda seed: LocalPolynomialScoreDiffusion(random_state=seed),
}
COLUMNS = (
    "off",
    "excess mem",
    "DCR",
    "precision",
    "coverage",
    "energy",
    "AUC",
    "fit s",
    "draw s",
)
N_ROWS, N_DRAWN = 1000, 2000


def load(name, seed):
    """Return training rows, held-out rows, and the manifold or None."""
    if name in TABLES:
        train, held_out = train_test_split(
            TABLES[name](), test_size=0.5, random_state=seed
        )
        return train, held_out, None
    manifold = MANIFOLDS[name]()
    rows = manifold.sample(2 * N_ROWS, random_state=seed)
    return rows[:N_ROWS], rows[N_ROWS:], manifold


def measure(name, make, seed):
    """Return one row of figures."""
    train, held_out, manifold = load(name, seed)
    estimator = make(seed)
    started = time.perf_counter()
    estimator.fit(train)
    fitted = time.perf_counter()
    drawn = estimator.sample(N_DRAWN, random_state=seed)
    ended = time.perf_counter()
    off = np.nan
    if manifold is not None:
        neighbors = NearestNeighbors(n_neighbors=1).fit(train).kneighbors()[0]
        off = manifold.distance(drawn).mean() / np.median(neighbors)
    sets = (drawn, train, held_out)
    return [
        off,
        metrics.excess_memorization(*sets),
        metrics.distance_to_closest_record(*sets),
        metrics.precision(*sets),
        metrics.coverage(*sets),
        metrics.energy_ratio(*sets, random_state=seed),
        metrics.two_sample_auc(*sets, random_state=seed) if name in TABLES else np.nan,
        fitted - started,
        ended - fitted,
    ]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*MANIFOLDS, *TABLES]
    parser.add_argument("--data", nargs="+", choices=names, default=names)
    parser.add_argument(
        "--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    header = ["data".ljust(18), "estimator".ljust(10)]
    print(*header, *(column.rjust(10) for column in COLUMNS))
    for name in arguments.data:
        for label in arguments.estimators:
            rows = [measure(name, ESTIMATORS[label], seed) for seed in arguments.seeds]
            figures = (f"{value:10.3f}" for value in np.mean(rows, axis=0))
            print(name.ljust(18), label.ljust(10), *figures, flush=True)


if __name__ == "__main__":
    main()
