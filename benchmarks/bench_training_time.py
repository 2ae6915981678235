"""Whether a network generalises before it memorises, in steps and in coarseness.

Part "steps": a network of fixed size learns the score of N points of the rotation
group, noise and all (coarseness 0, no local law). Along the way, 1000 draws are
compared with held-out points. tau_gen is the step at which coverage has reached 90 % of
its best, tau_mem that at which the excess memorisation passes .1. Bonnaire et al.
(2025, arXiv:2505.17638) find tau_gen independent of N and tau_mem in proportion to it.
The learning rate hardly falls, as in theirs: it is that of a quarter of a cosine.

Part "coarseness": the closed-form score of the same points, which is what the network
tends to. Here the noise that is left, instead of the time, keeps it from copying.

    python benchmarks/bench_training_time.py [--parts steps] [--save FOLDER]
"""

import argparse
import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import linregress

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion, datasets, metrics

SIZES = (50, 100, 200)
N_STEPS = 6000
MARKS = (100, 200, 300, 400, 500, 600, 800, 1000, 1300, 1600, 2000, 2500, 3100, 3800)
MARKS += (4800, N_STEPS)
LEVELS = (0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
MEASURES = {
    "precision": metrics.precision,
    "coverage": metrics.coverage,
    "excess memorisation": metrics.excess_memorization,
}
GENERALIZED, MEMORIZED = 0.9, 0.1
MANIFOLD = datasets.RotationGroup()


def measure(model, rows, seed):
    """Return the measures of 1000 draws against 1000 held-out points."""
    held_out = MANIFOLD.sample(1000, random_state=seed + 1000)
    drawn = model.sample(1000, random_state=seed)
    return [metric(drawn, rows, held_out) for metric in MEASURES.values()]


def along_training(n_rows, seed):
    """Return the measures (n_marks, n_measures) of one training, step after step."""
    rows = MANIFOLD.sample(n_rows, random_state=seed)
    found = []

    def watch(model):
        n_iter = model.history_[-1]["n_iter"]
        if n_iter in MARKS:
            found.append(measure(model, rows, seed))
        return n_iter >= N_STEPS

    CoarseScoreDiffusion(
        coarseness=0,
        sigma_min=0.1,
        training_law="empirical",
        final_step="none",
        width=128,
        depth=2,
        learning_rate=1e-3,
        max_iter=4 * N_STEPS,
        callbacks=[watch],
        random_state=seed,
    ).fit(rows)
    return np.array(found)


def along_coarseness(n_rows, seed):
    """Return the measures (n_levels, n_measures) of the closed-form score."""
    rows = MANIFOLD.sample(n_rows, random_state=seed)
    models = (EmpiricalScoreDiffusion(coarseness=level) for level in LEVELS)
    return np.array([measure(model.fit(rows), rows, seed) for model in models])


def crossing(places, values, bound):
    """Return where values first pass a bound, on a line between logarithms."""
    above = np.flatnonzero(np.asarray(values) >= bound)
    if len(above) == 0:
        return np.inf
    last = above[0]
    if last == 0:
        return float(places[0])
    share = (bound - values[last - 1]) / (values[last] - values[last - 1])
    ends = np.log([places[last - 1], places[last]])
    return float(np.exp(ends[0] + share * (ends[1] - ends[0])))


def print_table(label, places, found):
    """Print one table: a line a place, a column a measure."""
    print(f"\n{label:>10} " + " ".join(f"{name:>20}" for name in MEASURES))
    for place, values in zip(places, found, strict=True):
        print(f"{place:10g} " + " ".join(f"{value:20.3f}" for value in values))


def report_times(curves):
    """Print when each training generalises and memorises, and the slope in N."""
    print(f"\n{'N':>6} {'tau_gen':>9} {'tau_mem':>9}")
    times = []
    for n_rows, found in curves.items():
        coverage, memorized = found[:, 1], found[:, 2]
        generalizes = crossing(MARKS, coverage, GENERALIZED * coverage.max())
        times.append(crossing(MARKS, memorized, MEMORIZED))
        print(f"{n_rows:6} {generalizes:9.0f} {times[-1]:9.0f}")
    if np.isfinite(times).all() and len(times) > 2:
        slope = linregress(np.log(list(curves)), np.log(times)).slope
        print(f"tau_mem grows as N^{slope:.2f}")


def report_levels(curves):
    """Print at which coarseness each score no longer copies, and what it covers."""
    print(f"\n{'N':>6} {'no copies from':>15} {'best coverage at':>17}")
    for n_rows, found in curves.items():
        copies = found[:, 2] > MEMORIZED
        free = LEVELS[np.flatnonzero(copies)[-1] + 1] if copies.any() else LEVELS[0]
        print(f"{n_rows:6} {free:15g} {LEVELS[found[:, 1].argmax()]:17g}")


def write(curves, places, path):
    """Save the tables: number of points, place, measures."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        for n_rows, found in curves.items():
            for place, values in zip(places, found, strict=True):
                writer.writerow([n_rows, place, *values])


def draw(curves, places, label, path):
    """Save the measures as curves, one panel a number of points."""
    figure, grid = plt.subplots(
        1, len(curves), figsize=(4 * len(curves), 3.4), sharey=True, squeeze=False
    )
    colors = ("#0072b2", "#009e73", "#d55e00")
    for axes, (n_rows, found) in zip(grid[0], curves.items(), strict=True):
        for name, color, values in zip(MEASURES, colors, found.T, strict=True):
            axes.plot(places, values, "o-", markersize=4, color=color, label=name)
        axes.set(title=f"{n_rows} training points", xlabel=label, ylim=(-0.1, 1.05))
        if label == "step":
            axes.set_xscale("log")
        axes.spines[["top", "right"]].set_visible(False)
    grid[0, 0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


PARTS = {
    "steps": (along_training, MARKS, "step", report_times),
    "coarseness": (along_coarseness, LEVELS, "coarseness", report_levels),
}


def main():
    """Print the tables; save them and their figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--save", type=Path, help="folder of the tables and figures")
    arguments = parser.parse_args()
    for part in arguments.parts:
        along, places, label, report = PARTS[part]
        curves = {}
        for n_rows in arguments.sizes:
            found = [along(n_rows, seed) for seed in arguments.seeds]
            curves[n_rows] = np.mean(found, axis=0)
            print(f"\n{n_rows} points", end="")
            print_table(label, places, curves[n_rows])
        report(curves)
        if arguments.save:
            write(curves, places, arguments.save / f"training_{part}.csv")
            draw(curves, places, label, arguments.save / f"training_{part}.png")


if __name__ == "__main__":
    main()
