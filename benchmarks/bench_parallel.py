"""Whether two workers are nearly twice as fast as one.

The same grid searches, and the same draws, with `n_jobs=1` and `n_jobs=2`, in turns;
ratios of the medians. Workers are started before the clock. They mean little where the
machine does other things: the load before the start is printed first. Then, how many
threads torch takes here and in each of two workers; more than there are cores
altogether would be oversubscription. `--threads` sets what it may take here: with
n_jobs=1 a fit has all cores by default.

    python benchmarks/bench_parallel.py [--repeats 3] [--threads 1]
"""

import argparse
import os
import time

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed
from sklearn.model_selection import GridSearchCV

from manidiff import CoarseScoreDiffusion, LocalPolynomialScoreDiffusion
from manidiff.datasets import make_torus

GRID = {"coarseness": [0.5, 1.0, 2.0, 3.0]}
N_DRAWN = 100_000


def rows(n_rows):
    return make_torus(n_rows, random_state=0)[0]


def search(model, n_rows):
    """Return a function of n_jobs that searches."""
    X = rows(n_rows)
    return lambda n_jobs: GridSearchCV(
        model, GRID, cv=2, n_jobs=n_jobs, refit=False
    ).fit(X)


def draws(model):
    """Return a function of n_jobs that draws."""
    model.fit(rows(1000))
    return lambda n_jobs: model.sample(N_DRAWN, random_state=0, n_jobs=n_jobs)


def make_tasks():
    """Return {name: function of n_jobs}."""
    coarse = CoarseScoreDiffusion(max_iter=400, random_state=0)
    local = LocalPolynomialScoreDiffusion(random_state=0)
    return {
        "search Coarse": search(coarse, 1000),
        "search LocalPoly": search(local, 4000),
        "draw Coarse": draws(coarse),
    }


def seconds(task, n_jobs):
    """Return the wall time of a task."""
    started = time.perf_counter()
    task(n_jobs)
    return time.perf_counter() - started


def main():
    """Print one line a task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, help="threads of torch in the parent")
    arguments = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.2f}, cores: {cpu_count()}")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    tasks = make_tasks()
    tasks["search LocalPoly"](2)
    threads = Parallel(n_jobs=2)(delayed(torch.get_num_threads)() for _ in range(4))
    print(f"threads here: {torch.get_num_threads()}, in a worker: {max(threads)}")
    print(f"{'task':18}{'n_jobs=1':>10}{'n_jobs=2':>10}{'ratio':>8}")
    for name, task in tasks.items():
        times = [[seconds(task, n) for n in (1, 2)] for _ in range(arguments.repeats)]
        one, two = np.median(times, axis=0)
        print(f"{name:18}{one:9.1f}s{two:9.1f}s{one / two:8.2f}", flush=True)


if __name__ == "__main__":
    main()
