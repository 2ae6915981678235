"""Whom an estimator and its draws give away, over coarseness.

Half of each table is learned, the other half held out. "loss" is the membership
inference of whoever has the fitted estimator, "rows" that of whoever has the draws: the
areas under their ROC curves, .5 for guessing. "TPR" is the share of training rows that
the first attack finds at 1 % false alarms. Excess memorisation, distance to the closest
record and precision say what the privacy costs.

    python benchmarks/bench_privacy.py [--data digits] [--estimators Empirical]
"""

import argparse

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    metrics,
)

DATA = {
    "breast_cancer": lambda: StandardScaler().fit_transform(load_breast_cancer().data),
    "digits": lambda: load_digits().data,
}
ESTIMATORS = {
    "Empirical": EmpiricalScoreDiffusion,
    "LocalPoly": LocalPolynomialScoreDiffusion,
    "Coarse": CoarseScoreDiffusion,
}
LEVELS = ("auto", 0.25, 0.5, 0.75, 1.0, 2.0)
COLUMNS = ("loss", "TPR", "rows", "excess", "DCR", "precision")


def halves(X, seed):
    """Return two halves of the rows."""
    order = np.random.default_rng(seed).permutation(len(X))
    half = len(X) // 2
    return X[order[:half]], X[order[half : 2 * half]]


def measure(estimator, train, held_out, seed):
    """Return the figures of one fitted estimator."""
    drawn = estimator.sample(2000, random_state=seed)
    attack = metrics.loss_attack(estimator, train, held_out, random_state=seed)
    return (
        attack.auc,
        attack.tpr,
        metrics.nearest_generated_attack(drawn, train, held_out).auc,
        metrics.excess_memorization(drawn, train, held_out),
        metrics.distance_to_closest_record(drawn, train, held_out),
        metrics.precision(drawn, train, held_out),
    )


def main():
    """Print one table a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument(
        "--estimators", nargs="+", choices=ESTIMATORS, default=list(ESTIMATORS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    for data in arguments.data:
        print(f"\n{data:24}" + "".join(f"{name:>11}" for name in COLUMNS))
        X = DATA[data]()
        for name in arguments.estimators:
            for level in LEVELS:
                found = [
                    measure(
                        ESTIMATORS[name](coarseness=level, random_state=seed).fit(
                            halves(X, seed)[0]
                        ),
                        *halves(X, seed),
                        seed,
                    )
                    for seed in arguments.seeds
                ]
                cells = "".join(f"{value:11.3f}" for value in np.mean(found, axis=0))
                print(f"{name:12}{level!s:12}{cells}", flush=True)


if __name__ == "__main__":
    main()
