"""Time of each metric for 10 000 generated, training and held-out rows of 50 columns.

Beside the seconds, their ratio to one search for the nearest training row of every
generated row in the same run. Rows are standard normal, which no tree helps with.

    python benchmarks/bench_metrics.py [--rows 10000] [--columns 50] [--only NAME ...]
"""

import argparse
import time
from types import SimpleNamespace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from manidiff import EmpiricalScoreDiffusion, metrics


def keywords(name, sets):
    """Return what a metric needs beside its sets."""
    if name == "off_manifold_distance":
        plane = SimpleNamespace(distance=lambda X: np.abs(X[:, 0]))
        return {"manifold": plane}
    if name == "mass_coverage":
        return {"delta": np.sqrt(1.5 * sets[0].shape[1])}
    if name == "train_on_synthetic":
        labels = (rows[:, 0] > 0 for rows in sets)
        y = dict(zip(("y_gen", "y_train", "y_heldout"), labels, strict=True))
        return {**y, "estimator": LogisticRegression()}
    return {}


def timed(call, *arguments, **keywords):
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call(*arguments, **keywords)
    return time.perf_counter() - started


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=50)
    names = [name for name in metrics.__all__ if name != "SampleReport"]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    arguments = parser.parse_args()
    shape = (3, arguments.rows, arguments.columns)
    sets = np.random.RandomState(0).normal(size=shape)
    generated, training, _ = sets
    search = min(
        timed(
            lambda: NearestNeighbors(n_neighbors=1).fit(training).kneighbors(generated)
        )
        for _ in range(3)
    )
    estimator = None
    if "loss_attack" in arguments.only:
        estimator = EmpiricalScoreDiffusion(random_state=0).fit(training)
    print(f"{'metric':<34}{'seconds':>10}{'searches':>10}")
    total = 0.0
    for name in arguments.only:
        first = estimator if name == "loss_attack" else generated
        more = keywords(name, sets)
        seconds = timed(getattr(metrics, name), first, *sets[1:], **more)
        show(name, seconds, search)
        total += seconds * (name != "report")
    show("all but the report", total, search)
    show("one nearest-neighbour search", search, search)


def show(name, seconds, search):
    """Print a line of the table."""
    print(f"{name:<34}{seconds:>10.2f}{seconds / search:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
