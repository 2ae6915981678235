"""The intrinsic dimension that scores find, beside scikit-dimension's estimators.

Each estimator is fitted with its defaults to 1000 rows of a manifold; printed is the
mean of ``intrinsic_dimension`` over these rows, and what TwoNN, MLE and lPCA of
scikit-dimension find for them. Means over seeds.

    python benchmarks/bench_dimension.py [--data torus] [--estimators LocalPoly]
"""

import argparse

import numpy as np
from bench_quality import ESTIMATORS, MANIFOLDS, load

from manidiff.geometry.intrinsic_dimension import LIBRARY_ESTIMATORS, library_dimension

DATA = ("sphere", "torus", "SO(3)", "Swiss roll", "curved torus")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument(
        "--estimators", nargs="*", choices=ESTIMATORS, default=list(ESTIMATORS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    columns = ["truth", *arguments.estimators, *LIBRARY_ESTIMATORS]
    print("data".ljust(14), *(column.rjust(10) for column in columns))
    for name in arguments.data:
        found = []
        for seed in arguments.seeds:
            rows = load(name, seed)[0]
            own = [
                ESTIMATORS[label](seed).fit(rows).intrinsic_dimension(rows).mean()
                for label in arguments.estimators
            ]
            library = [library_dimension(rows, label) for label in LIBRARY_ESTIMATORS]
            found.append([MANIFOLDS[name]().intrinsic_dim, *own, *library])
        figures = (f"{value:10.2f}" for value in np.mean(found, axis=0))
        print(name.ljust(14), *figures, flush=True)


if __name__ == "__main__":
    main()
