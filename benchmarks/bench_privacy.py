"""Whom an estimator and its draws give away, over coarseness and over training time.

Half of each table is learned, the other half held out. "loss" is the membership
inference of whoever has the fitted estimator, "rows" that of whoever has the draws: the
areas under their ROC curves, .5 for guessing. "TPR" is the share of training rows that
the first attack finds at 1 % false alarms. Excess memorisation, distance to the closest
record, precision, coverage and the energy ratio say what the privacy costs.
"Coarse, steps" is CoarseScoreDiffusion at its default coarseness over `max_iter`, "law"
the same over `training_law`.

    python benchmarks/bench_privacy.py [--data digits] [--estimators Empirical]
"""

import argparse

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
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
    "wine": lambda: StandardScaler().fit_transform(load_wine().data),
}
LEVELS = ("auto", 0, 0.25, 0.5, 0.75, 1.0, 2.0)
# Class, the parameter that is varied, and its values.
ESTIMATORS = {
    "Empirical": (EmpiricalScoreDiffusion, "coarseness", LEVELS),
    "LocalPoly": (LocalPolynomialScoreDiffusion, "coarseness", LEVELS),
    "Coarse": (CoarseScoreDiffusion, "coarseness", LEVELS),
    "Coarse, law": (CoarseScoreDiffusion, "training_law", ("local", "cross_fitted")),
    "Coarse, steps": (CoarseScoreDiffusion, "max_iter", (300, 1000, 3000)),
}
COLUMNS = (
    "loss",
    "TPR",
    "rows",
    "excess",
    "C_T",
    "DCR",
    "precision",
    "coverage",
    "energy",
)


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
        metrics.data_copying_test(drawn, train, held_out, random_state=seed).statistic,
        metrics.distance_to_closest_record(drawn, train, held_out),
        metrics.precision(drawn, train, held_out),
        metrics.coverage(drawn, train, held_out),
        metrics.energy_ratio(drawn, train, held_out, random_state=seed),
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
            make, parameter, values = ESTIMATORS[name]
            for value in values:
                found = []
                for seed in arguments.seeds:
                    sets = halves(X, seed)
                    model = make(random_state=seed, **{parameter: value}).fit(sets[0])
                    found.append(measure(model, *sets, seed))
                cells = "".join(f"{number:11.3f}" for number in np.mean(found, axis=0))
                print(f"{name:14}{value!s:10}{cells}", flush=True)


if __name__ == "__main__":
    main()
