"""Time and peak memory over the number of rows: a torus, turned in 50 dimensions.

For each number of rows, in a process of its own: the time to fit, the time to draw 1000
rows, and the largest resident memory, which includes that of Python, torch and the rows
(0.4 GB of a million). For EmpiricalScoreDiffusion also the time of the exact sum for
1000 rows, from `--exact` of them and in proportion, and how the two agree: the share of
draws that are the very same training row, and the largest distance between the two in
nearest-neighbour distances.

    python benchmarks/bench_scale.py [--rows 10000 100000] [--estimators Empirical]
"""

import argparse
import copy
import multiprocessing
import resource
import time

import numpy as np

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.datasets import Torus

N_FEATURES = 50
N_DRAWN = 1000
ESTIMATORS = {
    "Empirical": EmpiricalScoreDiffusion(random_state=0),
    "LocalPoly": LocalPolynomialScoreDiffusion(random_state=0),
    "Coarse": CoarseScoreDiffusion(max_iter=300, random_state=0),
}


def make_rows(n_rows):
    rng = np.random.default_rng(0)
    torus = Torus().sample(n_rows, random_state=0)
    turned = np.linalg.qr(rng.normal(size=(N_FEATURES, N_FEATURES)))[0]
    return torus @ turned[: torus.shape[1]]


def timed(call):
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def compare_with_exact(model, n_exact):
    exact = copy.copy(model).set_params(tol=0)
    truth, seconds = timed(lambda: exact.sample(n_exact, random_state=1))
    drawn = model.sample(n_exact, random_state=1)
    apart = np.linalg.norm((drawn - truth) / model.scaling_.scale, axis=1)
    apart /= model.nn_distance_
    share = np.mean(apart < 1e-6)
    scaled = seconds * N_DRAWN / n_exact
    return f"{scaled:9.1f} {share:9.2f} {apart.max():9.2f}"


def measure(name, n_rows, n_exact):
    rows = make_rows(n_rows)
    model, fitting = timed(lambda: ESTIMATORS[name].fit(rows))
    _, drawing = timed(lambda: model.sample(N_DRAWN, random_state=0))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    line = f"{name:10}{n_rows:9}{fitting:9.1f}{drawing:9.1f}{peak:9.2f}"
    if name == "Empirical" and n_exact:
        line += compare_with_exact(model, n_exact)
    print(line, flush=True)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[10**4, 10**5, 10**6])
    parser.add_argument("--estimators", nargs="*", default=list(ESTIMATORS))
    parser.add_argument("--exact", type=int, default=32)
    arguments = parser.parse_args()
    titles = ["rows", "fit [s]", "draw [s]", "peak[GB]", "exact [s]", "same", "apart"]
    print("".ljust(10) + "".join(title.rjust(9) for title in titles))
    context = multiprocessing.get_context("spawn")
    for name in arguments.estimators:
        for n_rows in arguments.rows:
            process = context.Process(
                target=measure, args=(name, n_rows, arguments.exact)
            )
            process.start()
            process.join()


if __name__ == "__main__":
    main()
