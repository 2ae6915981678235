"""How well the default `score` chooses the coarseness, or the smoothing.

A grid search on the rows of `bench_quality.py`: each split fits every candidate to one
half and compares it with the other half, by `score` and by the metrics of 2000 draws.
`score` chooses well when the winner's excess memorisation is at most .03 and its energy
distance within 10 %, or one standard error of the difference over the splits, of the
least: among all candidates, and among those that do not copy, as the energy distance
does not tell copies from new rows. Metrics are printed with their own sign.

    python benchmarks/bench_model_selection.py [--data torus] [--searches LocalPoly]
"""

import argparse

import numpy as np
from bench_quality import ESTIMATORS, load
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, ShuffleSplit

from manidiff.model_selection import get_sample_scorer

DATA = ("torus", "sphere", "SO(3)", "digits", "breast_cancer")
GRID = [0, 0.25, 0.5, 1, 2, 4]
SEARCHES = {
    "LocalPoly": ("LocalPoly", "coarseness"),
    "Empirical": ("Empirical", "coarseness"),
    "smoothing": ("Empirical", "smoothing"),
    "Coarse": ("Coarse", "coarseness"),
}
METRICS = ("energy_distance", "excess_memorization", "coverage", "precision")
N_DRAWN = 2000
MAX_EXCESS, TOLERANCE = 0.03, 0.1


def search(name, label, n_splits, n_jobs):
    """Return {score: its values (n_candidates, n_splits)}."""
    train, held_out, _ = load(name, 0)
    X = np.vstack([train, held_out])
    estimator, parameter = SEARCHES[label]
    model = ESTIMATORS[estimator](0)
    scoring = {
        metric: get_sample_scorer(metric, X, n_samples=N_DRAWN) for metric in METRICS
    }
    results = (
        GridSearchCV(
            model,
            {parameter: GRID},
            scoring={"score": check_scoring(model), **scoring},
            refit=False,
            cv=ShuffleSplit(n_splits, test_size=0.5, random_state=0),
            n_jobs=n_jobs,
            error_score="raise",
        )
        .fit(X)
        .cv_results_
    )
    return {
        key: np.column_stack([results[f"split{i}_test_{key}"] for i in range(n_splits)])
        for key in ("score", *METRICS)
    }


def verdict(values):
    """Return in words what `score` takes, and how it compares with the best."""
    energy = -values["energy_distance"]
    excess = -values["excess_memorization"].mean(axis=1)
    winner = int(np.argmax(values["score"].mean(axis=1)))
    words = [f"score takes {GRID[winner]}, excess {excess[winner]:.3f}"]
    words.append("ok" if excess[winner] <= MAX_EXCESS else "COPIES")
    novel = excess <= MAX_EXCESS
    for kind, among in (("all", novel | True), ("novel", novel)):
        if among.any():
            means = np.where(among, energy.mean(axis=1), np.inf)
            best = int(np.argmin(means))
            gap = energy[winner] - energy[best]
            error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
            is_close = gap.mean() <= max(TOLERANCE * means[best], error)
            words.append(
                f"energy {gap.mean() / means[best]:+.1%} (standard error "
                f"{error / means[best]:.1%}) of the best of {kind}, {GRID[best]}: "
                f"{'ok' if is_close else 'FAR'}"
            )
    return "; ".join(words)


def main():
    """Print one table a search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=SEARCHES)
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.data:
        for label in arguments.searches:
            values = search(name, label, arguments.splits, arguments.n_jobs)
            print(f"\n{name}, {label} by {SEARCHES[label][1]}")
            print("candidate".ljust(22), *(f"{value:9}" for value in GRID))
            for key, rows in values.items():
                sign = -1 if key in METRICS[:2] else 1
                figures = (f"{value:9.4f}" for value in sign * rows.mean(axis=1))
                print(key.ljust(22), *figures)
            print(verdict(values), flush=True)


if __name__ == "__main__":
    main()
