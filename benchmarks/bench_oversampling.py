"""Over-sampling of rare classes, against imbalanced-learn's samplers.

Five problems from scikit-learn's data, one class thinned to a ratio of 10 : 1 to
50 : 1. Half of the rows train, half test, stratified; each of ten seeds thins and
splits anew.
Printed are the mean balanced accuracy and average precision of two classifiers, the
mean rank of each sampler over problems, classifiers and metrics (1 is best), and where
ManifoldOverSampler is farthest behind SMOTE, in standard errors of SMOTE's own mean,
and of the paired difference.

    python benchmarks/bench_oversampling.py [--seeds 10]
"""

import argparse

import numpy as np
from imblearn.over_sampling import (
    ADASYN,
    SMOTE,
    BorderlineSMOTE,
    RandomOverSampler,
)
from scipy.stats import rankdata
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from manidiff.over_sampling import ManifoldOverSampler

# Loader, rare class, rows of other classes for each rare one.
PROBLEMS = {
    "breast_cancer": (load_breast_cancer, 0, 10),
    "digits, 8": (load_digits, 8, 50),
    "digits, 3": (load_digits, 3, 30),
    "wine, 2": (load_wine, 2, 10),
    "iris, virginica": (load_iris, 2, 10),
}
SAMPLERS = {
    "none": lambda seed: None,
    "random": lambda seed: RandomOverSampler(random_state=seed),
    "SMOTE": lambda seed: SMOTE(k_neighbors=3, random_state=seed),
    "borderline": lambda seed: BorderlineSMOTE(k_neighbors=3, random_state=seed),
    "ADASYN": lambda seed: ADASYN(n_neighbors=3, random_state=seed),
    "manifold": lambda seed: ManifoldOverSampler(random_state=seed),
}
CLASSIFIERS = {
    "logistic": lambda seed: LogisticRegression(max_iter=2000),
    "boosting": lambda seed: HistGradientBoostingClassifier(random_state=seed),
}


def load(name, seed):
    """Return training and test rows, standardised, and whether each is rare."""
    loader, rare, ratio = PROBLEMS[name]
    X, y = loader(return_X_y=True)
    rng = np.random.default_rng(seed)
    others, few = np.flatnonzero(y != rare), np.flatnonzero(y == rare)
    few = rng.permutation(few)[: max(round(len(others) / ratio), 10)]
    kept = np.concatenate([others, few])
    split = train_test_split(
        X[kept],
        y[kept] == rare,
        test_size=0.5,
        stratify=y[kept] == rare,
        random_state=seed,
    )
    scaler = StandardScaler().fit(split[0])
    return scaler.transform(split[0]), scaler.transform(split[1]), *split[2:]


def measure(name, seed):
    """Return the figures (samplers, classifiers, metrics) of one seed."""
    X, X_test, y, y_test = load(name, seed)
    figures = np.zeros((len(SAMPLERS), len(CLASSIFIERS), 2))
    for i, make in enumerate(SAMPLERS.values()):
        sampler = make(seed)
        try:
            rows = (X, y) if sampler is None else sampler.fit_resample(X, y)
        except (ValueError, RuntimeError):
            # ADASYN gives up where no rare row has another neighbour.
            rows = (X, y)
        for j, make_classifier in enumerate(CLASSIFIERS.values()):
            classifier = make_classifier(seed).fit(*rows)
            chance = classifier.predict_proba(X_test)[:, 1]
            figures[i, j] = (
                balanced_accuracy_score(y_test, classifier.predict(X_test)),
                average_precision_score(y_test, chance),
            )
    return figures


def main():
    """Print the table, the mean ranks and the worst deficit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    arguments = parser.parse_args()
    columns = [f"{c[:5]} {m}" for c in CLASSIFIERS for m in ("bal", "AP")]
    print("problem".ljust(16), "sampler".ljust(11), *(c.rjust(10) for c in columns))
    ranks, deficits = [], {"SMOTE's mean": [], "the difference": []}
    index = {label: i for i, label in enumerate(SAMPLERS)}
    for name in PROBLEMS:
        runs = np.stack([measure(name, seed) for seed in range(arguments.seeds)])
        means = runs.mean(axis=0).reshape(len(SAMPLERS), -1)
        for label, row in zip(SAMPLERS, means, strict=True):
            print(name.ljust(16), label.ljust(11), *(f"{v:10.3f}" for v in row))
        ranks.append(rankdata(-means, axis=0).mean(axis=1))
        rivals = runs[:, index["SMOTE"]]
        behind = rivals - runs[:, index["manifold"]]
        for kind, spread in (("SMOTE's mean", rivals), ("the difference", behind)):
            error = spread.std(axis=0, ddof=1) / np.sqrt(len(spread))
            worst = (behind.mean(axis=0) / np.maximum(error, 1e-12)).ravel()
            deficits[kind] += [
                (deficit, f"{name}, {column}")
                for deficit, column in zip(worst, columns, strict=True)
            ]
        print(flush=True)
    ranked = zip(SAMPLERS, np.mean(ranks, axis=0), strict=True)
    print("mean rank:", ", ".join(f"{label} {rank:.2f}" for label, rank in ranked))
    for kind, found in deficits.items():
        deficit, where = max(found)
        print(f"worst deficit, in standard errors of {kind}: {deficit:.2f} ({where})")


if __name__ == "__main__":
    main()
