"""Tables: valid rows, laws of columns and pairs, utility, novelty, conditions.

The mixed table has 5000 training rows and as many test rows; breast_cancer, wine and
digits are halved, stratified. Every seed splits, fits and draws anew, as many rows as
there are for training. Printed for each table, means over the seeds:

valid      share of drawn rows with the dtypes, categories, ranges, whole numbers and
           repeated values of the training table
TV, TV2    total variation of a column, and of a pair of columns, to the test rows, mean
           over them; numbers are cut into ten classes
corr       mean absolute difference of correlations to those of the test rows
AUC        random forest, drawn against test rows
mem        excess memorisation
TSTR       test accuracy of gradient boosting that was fitted to drawn rows, as many as
           for training, over that of one fitted to training rows, with its standard
           error; then the same of 1000 drawn rows where there are fewer for training

Lines "true rows" give the training rows themselves in place of drawn ones. Then, on the
mixed table, how far the law of each column given a condition is from that of the test
rows which meet it (TV, mean over columns; beside it training rows that meet it), the
seconds that took, and the error of imputed cells over that of drawing them from their
column.

    python benchmarks/bench_tables.py [--seeds 3] [--network]
"""

import argparse
import itertools
import time

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

from manidiff import CoarseScoreDiffusion, metrics
from manidiff.datasets import make_mixed_table
from manidiff.tabular import SyntheticTable

LOADERS = {
    "breast_cancer": load_breast_cancer,
    "wine": load_wine,
    "digits": load_digits,
}
CONDITIONS = [
    {"city": "Funchal"},
    {"member": True},
    {"age": 30},
    {"rating": None},
    {"visits": 0},
    {"education": "master", "churned": True},
]
N_CLASSES = 10
# A model gives as many rows as are asked for: so many to train on are no luxury.
MIN_TRAINING = 1000


def load(name, seed):
    """Return training and test tables, and the column that is predicted."""
    if name == "mixed":
        table = make_mixed_table(10000, random_state=seed)
        return table[:5000], table[5000:].reset_index(drop=True), "churned"
    X, y = LOADERS[name](return_X_y=True, as_frame=True)
    table = X.assign(target=y.astype("category"))
    train, test = train_test_split(table, test_size=0.5, random_state=seed, stratify=y)
    return train.reset_index(drop=True), test.reset_index(drop=True), "target"


def valid_rows(drawn, train):
    """Return which drawn rows the training table allows."""
    assert list(drawn.columns) == list(train.columns)
    assert (drawn.dtypes == train.dtypes).all()
    valid = np.ones(len(drawn), dtype=bool)
    for name, values in train.items():
        is_number = types.is_numeric_dtype(values) and not types.is_bool_dtype(values)
        is_number |= types.is_datetime64_any_dtype(values)
        if is_number:
            allowed = drawn[name].between(values.min(), values.max())
        if not is_number or values.nunique() * 5 <= values.count():
            allowed = drawn[name].isin(values.dropna())
        if values.hasnans:
            allowed |= drawn[name].isna()
        valid &= allowed.to_numpy()
    return valid


def as_numbers(table):
    """Return the table with codes for categories and days for moments."""
    numbers = {}
    for name, values in table.items():
        if isinstance(values.dtype, pd.CategoricalDtype):
            values = values.cat.codes
        elif types.is_datetime64_any_dtype(values):
            values = (values - pd.Timestamp("2015-01-01")).dt.days
        elif not types.is_numeric_dtype(values):
            values = pd.Series(pd.factorize(values)[0], index=values.index)
        numbers[name] = values.astype(float)
    return pd.DataFrame(numbers)


def classes(table, test):
    """Return small integers (n_columns, n_rows), cut as the test table is."""
    numbers, cut = as_numbers(table), as_numbers(test)
    codes = []
    for name in test:
        cuts = np.unique(cut[name].dropna())
        if len(cuts) > 2 * N_CLASSES:
            cuts = np.quantile(cut[name].dropna(), np.arange(1, N_CLASSES) / N_CLASSES)
        codes.append(np.searchsorted(cuts, numbers[name]))
    return np.array(codes)


def total_variation(x, y):
    """Return half the sum of the absolute differences of shares of integers."""
    size = max(x.max(), y.max()) + 1
    shares = (np.bincount(part, minlength=size) / len(part) for part in (x, y))
    return np.abs(np.subtract(*shares)).sum() / 2


def column_variation(drawn, test):
    """Return the mean total variation of columns."""
    codes = zip(classes(drawn, test), classes(test, test), strict=True)
    return np.mean([total_variation(x, y) for x, y in codes])


def pair_variation(drawn, test):
    """Return the mean total variation of pairs of columns, of at most 200 of them."""
    x, y = classes(drawn, test), classes(test, test)
    pairs = np.array(list(itertools.combinations(range(len(x)), 2)))
    width = 2 * N_CLASSES + 2
    chosen = np.random.default_rng(0).permutation(len(pairs))[:200]
    found = [
        total_variation(x[i] * width + x[j], y[i] * width + y[j])
        for i, j in pairs[chosen]
    ]
    return np.mean(found)


def accuracy(table, test, target):
    """Return the test accuracy of gradient boosting fitted to a table."""
    (X, X_test), (y, y_test) = (
        [as_numbers(rows.drop(columns=target)) for rows in (table, test)],
        [rows[target].astype(str) for rows in (table, test)],
    )
    model = HistGradientBoostingClassifier(random_state=0)
    return model.fit(X, y).score(X_test, y_test)


def measure(drawn, more, train, test, target):
    """Return the figures of drawn rows, and what more of them are good for."""
    sets = [as_numbers(table).fillna(-1.0) for table in (drawn, train, test)]
    real = accuracy(train, test, target)
    return {
        "valid": valid_rows(drawn, train).mean(),
        "TV": column_variation(drawn, test),
        "TV2": pair_variation(drawn, test),
        "corr": metrics.correlation_differences(*sets).mean(),
        "AUC": metrics.two_sample_auc(*sets, random_state=0),
        "mem": metrics.excess_memorization(*sets),
        "TSTR": accuracy(drawn, test, target) / real,
        "more": accuracy(more, test, target) / real,
    }


def line(label, runs, seconds):
    """Print the means of the figures of several seeds."""
    found = pd.DataFrame(runs)
    means = " ".join(f"{value:7.3f}" for value in found.mean())
    errors = found[["TSTR", "more"]].std(ddof=1) / np.sqrt(len(found))
    errors = " ".join(f"{error:.3f}" for error in errors)
    print(f"{label:<28}{means}  ± {errors} {seconds:7.1f}")


def compare_tables(makers, names, n_seeds):
    """Print the figures of each model on each table."""
    columns = ("valid", "TV", "TV2", "corr", "AUC", "mem", "TSTR", "more")
    print(" " * 28 + " ".join(f"{name:>7}" for name in columns), " " * 13, "seconds")
    for name in names:
        runs = {label: [] for label in ("true rows", *makers)}
        seconds = dict.fromkeys(runs, 0.0)
        for seed in range(n_seeds):
            train, test, target = load(name, seed)
            runs["true rows"].append(measure(train, train, train, test, target))
            for label, make in makers.items():
                started = time.perf_counter()
                model = make(seed).fit(train)
                drawn = model.sample(len(train), random_state=seed)
                seconds[label] += (time.perf_counter() - started) / n_seeds
                more = drawn
                if len(train) < MIN_TRAINING:
                    more = model.sample(MIN_TRAINING, random_state=seed)
                runs[label].append(measure(drawn, more, train, test, target))
        for label, found in runs.items():
            line(f"{name}, {label}", found, seconds[label])
        print(flush=True)


def meets(table, conditions):
    """Return the rows of a table that meet conditions."""
    kept = np.ones(len(table), dtype=bool)
    for name, value in conditions.items():
        same = table[name].isna() if value is None else table[name] == value
        kept &= same.to_numpy()
    return table[kept].reset_index(drop=True)


def compare_conditions(makers):
    """Print how near conditional draws are, and what they cost."""
    train, test, _ = load("mixed", 0)
    # Many test rows, so that few of them meeting a condition are no noise.
    test = make_mixed_table(100_000, random_state=1000)
    for label, make in makers.items():
        model = make(0).fit(train)
        for conditions in CONDITIONS:
            started = time.perf_counter()
            drawn = model.sample(2000, conditions=conditions, random_state=0)
            seconds = time.perf_counter() - started
            assert len(meets(drawn, conditions)) == len(drawn)
            true, known = meets(test, conditions), meets(train, conditions)
            print(
                f"{label:<12}{conditions!s:<46}TV {column_variation(drawn, true):.3f}"
                f"  training rows {column_variation(known, true):.3f} "
                f"({len(known)})  unconditional "
                f"{column_variation(train, true):.3f}  {seconds:.1f} s",
                flush=True,
            )
        compare_imputation(label, model, test[:2000])


def compare_imputation(label, model, test):
    """Print the error of imputed cells over that of draws from their column."""
    rng = np.random.default_rng(0)
    for name in ("age", "income", "visits", "spending", "city", "member", "joined"):
        holes = test.copy()
        hidden = rng.random(len(test)) < 0.2
        values = holes[name].astype(
            float if types.is_integer_dtype(holes[name]) else object
        )
        holes[name] = values.mask(hidden)
        if types.is_datetime64_any_dtype(test[name]):
            holes[name] = pd.to_datetime(holes[name])
        filled = model.impute(holes, random_state=0)
        codes = [as_numbers(t)[name][hidden].rank() for t in (filled, test)]
        codes.append(pd.Series(rng.permutation(codes[1])))
        true, drawn, chance = (np.asarray(c) for c in (codes[1], codes[0], codes[2]))
        wrong = np.abs(drawn - true).mean() / np.abs(chance - true).mean()
        print(f"{label:<12}impute {name:<12} error over chance {wrong:.3f}", flush=True)


def main():
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--network", action="store_true", help="and the coarse network")
    parser.add_argument("--tables", nargs="+", default=["mixed", *LOADERS])
    arguments = parser.parse_args()
    makers = {"mixture": lambda seed: SyntheticTable(random_state=seed)}
    if arguments.network:
        makers["network"] = lambda seed: SyntheticTable(
            CoarseScoreDiffusion(random_state=seed), random_state=seed
        )
    compare_tables(makers, arguments.tables, arguments.seeds)
    compare_conditions(makers)


if __name__ == "__main__":
    main()
