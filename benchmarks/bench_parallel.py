"""Whether a search with two workers is nearly twice as fast as with one.

The same grid search with `n_jobs=1` and `n_jobs=2`, in turns; ratios of the medians.
Workers are started before the clock. `--threads` sets what torch may use in the parent:
with n_jobs=1 a fit has all cores by default.

    python benchmarks/bench_parallel.py [--repeats 3] [--threads 1]
"""

import argparse
import time

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.model_selection import GridSearchCV

from manidiff import CoarseScoreDiffusion, LocalPolynomialScoreDiffusion
from manidiff.datasets import make_torus

SEARCHES = {
    "Coarse": (CoarseScoreDiffusion(max_iter=400, random_state=0), 1000),
    "LocalPoly": (LocalPolynomialScoreDiffusion(random_state=0), 4000),
}


def seconds(name, n_jobs):
    """Return the wall time of one search."""
    model, n_rows = SEARCHES[name]
    X, _ = make_torus(n_rows, random_state=0)
    search = GridSearchCV(
        model, {"coarseness": [0.5, 1.0, 2.0, 3.0]}, cv=2, n_jobs=n_jobs, refit=False
    )
    started = time.perf_counter()
    search.fit(X)
    return time.perf_counter() - started


def warm_up(n_jobs):
    """Start the workers and let them import what they need."""
    Parallel(n_jobs=n_jobs)(delayed(seconds)("LocalPoly", 1) for _ in range(2 * n_jobs))


def main():
    """Print one line an estimator."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of torch in the parent")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    warm_up(2)
    print(f"{'estimator':12}{'n_jobs=1':>10}{'n_jobs=2':>10}{'ratio':>8}")
    for name in SEARCHES:
        times = [
            [seconds(name, n_jobs) for n_jobs in (1, 2)]
            for _ in range(arguments.repeats)
        ]
        one, two = np.median(times, axis=0)
        print(f"{name:12}{one:9.1f}s{two:9.1f}s{one / two:8.2f}", flush=True)


if __name__ == "__main__":
    main()
