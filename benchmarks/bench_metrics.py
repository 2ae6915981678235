"""Time of each metric for 10 000 generated, training and held-out rows of 50 columns.

Beside the seconds, their ratio to one search for the nearest training row of every
generated row in the same run, and the peak memory of the process so far, which begins
with the libraries and the sets. Rows are standard normal, which no tree helps with. The
last lines are the whole report, by itself, of rows and with `max_rows` as it is.

    python benchmarks/bench_metrics.py [--rows 10000] [--columns 50] [--only NAME ...]

Metrics whose library is missing are left out. `--only report` times the report alone.
"""

import argparse
import resource
import sys
import time
from importlib.util import find_spec
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


def available():
    """Return the names of the metrics that can be called here, the report last."""
    missing = {"SampleReport"}
    if find_spec("anonymeter") is None:
        missing.add("singling_out_attack")
    names = [name for name in metrics.__all__ if name not in missing]
    return sorted(names, key=lambda name: name == "report")


def peak():
    """Return the peak memory of the process in MiB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


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
    names = available()
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
    print(f"{'metric':<34}{'seconds':>10}{'searches':>10}{'peak MiB':>10}")
    show("the libraries and the sets", 0.0, search)
    total = 0.0
    for name in arguments.only:
        first = estimator if name == "loss_attack" else generated
        more = keywords(name, sets)
        if name == "report":
            more["random_state"] = 0
        seconds = timed(getattr(metrics, name), first, *sets[1:], **more)
        show(name, seconds, search)
        total += seconds * (name != "report")
    if total:
        show("all but the report", total, search)
    show("one nearest-neighbour search", search, search)


def show(name, seconds, search):
    """Print a line of the table."""
    figures = f"{seconds:>10.2f}{seconds / search:>10.1f}{peak():>10.0f}"
    print(f"{name:<34}{figures}", flush=True)


if __name__ == "__main__":
    main()
