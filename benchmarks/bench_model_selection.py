"""How well the default `score` chooses the coarseness, or the smoothing.

The sets are those of `bench_quality.py`. `GridSearchCV` chooses by the default `score`
and folds of the training rows alone; held-out rows judge what it chose. Every candidate
is fitted to all training rows for that, and 2000 of its draws are compared with the
held-out rows. Manifolds are drawn anew for every split, rows of tables dealt anew.

`score` chooses well when the winner's excess memorisation is at most .03, and its
energy distance exceeds that of the best candidate by at most 10 % or one standard error
of the difference over the splits. The best candidate is the one of the least mean
energy distance, known only afterwards: of all candidates, and of those that do not
copy, as the energy distance does not tell copies from new rows. Splits of a table share
rows, for which the standard error is corrected (Nadeau and Bengio).

    python benchmarks/bench_model_selection.py [--data torus] [--searches smoothing]
"""

import argparse

import numpy as np
from bench_quality import ESTIMATORS, load
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

from manidiff import metrics
from manidiff._utils.draws import draw_rows

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


def one_split(name, label, seed, n_folds):
    """Return {score: its values (n_candidates,)} and whether the rows are a table."""
    train, held_out, manifold = load(name, seed)
    estimator, parameter = SEARCHES[label]
    model = ESTIMATORS[estimator](seed)
    folds = KFold(n_folds, shuffle=True, random_state=seed)
    grid = {parameter: GRID}
    search = GridSearchCV(model, grid, cv=folds, refit=False, error_score="raise")
    found = {"score": search.fit(train).cv_results_["mean_test_score"]}
    draws = [
        draw_rows(clone(model).set_params(**{parameter: value}).fit(train), N_DRAWN, 0)
        for value in GRID
    ]
    for metric in METRICS:
        measure = getattr(metrics, metric)
        found[metric] = np.array([measure(rows, train, held_out) for rows in draws])
    return found, manifold is None


def standard_error(values, is_table):
    """Return that of the mean over splits, of which those of a table share rows."""
    if len(values) < 2:
        return np.nan
    # As many rows are held out as are trained on.
    share = 1.0 if is_table else 0.0
    return float(values.std(ddof=1) * np.sqrt(1 / len(values) + share))


def verdict(values, is_table):
    """Yield in words what `score` takes, and how it compares with the best."""
    splits = np.arange(values["score"].shape[1])
    winners = np.argmax(values["score"], axis=0)
    excess = values["excess_memorization"][winners, splits]
    energy = values["energy_distance"][winners, splits]
    error = standard_error(excess, is_table)
    yield (
        f"score takes {', '.join(str(GRID[winner]) for winner in winners)}; excess "
        f"memorisation {excess.mean():.3f} ± {error:.3f} (standard error): "
        f"{'ok' if excess.mean() <= MAX_EXCESS else 'COPIES'}"
    )
    is_novel = values["excess_memorization"].mean(axis=1) <= MAX_EXCESS
    for kind, among in (("all", is_novel | True), ("novel", is_novel)):
        if not among.any():
            yield f"energy distance: no candidate of {kind}"
            continue
        means = np.where(among, values["energy_distance"].mean(axis=1), np.inf)
        best = int(np.argmin(means))
        gap = energy - values["energy_distance"][best]
        error = standard_error(gap, is_table)
        is_close = gap.mean() <= np.nanmax([TOLERANCE * means[best], error])
        yield (
            f"energy distance {energy.mean():.5f}, {gap.mean() / means[best]:+.1%} "
            f"(standard error {error / means[best]:.1%}) of the best of {kind}, "
            f"{GRID[best]}: {'ok' if is_close else 'FAR'}"
        )


def main():
    """Print one table a search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=DATA)
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=SEARCHES)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--n-jobs", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.data:
        for label in arguments.searches:
            found, kinds = zip(
                *Parallel(n_jobs=arguments.n_jobs)(
                    delayed(one_split)(name, label, seed, arguments.folds)
                    for seed in range(arguments.splits)
                ),
                strict=True,
            )
            values = {
                key: np.column_stack([split[key] for split in found])
                for key in found[0]
            }
            print(f"\n{name}, {label} by {SEARCHES[label][1]}")
            print("candidate".ljust(22), *(f"{value:9}" for value in GRID))
            for key, rows in values.items():
                figures = (f"{value:9.4f}" for value in rows.mean(axis=1))
                print(key.ljust(22), *figures)
            print("\n".join(verdict(values, kinds[0])), flush=True)


if __name__ == "__main__":
    main()
