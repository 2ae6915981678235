"""Several estimators on several metrics, cross-validated."""

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from scipy.stats import t as student
from sklearn.base import clone
from sklearn.model_selection import KFold, check_cv
from sklearn.utils import indexable

from manidiff._utils.compat import safe_indexing
from manidiff._utils.draws import check_can_sample, draw_rows
from manidiff._utils.validation import check_n_samples
from manidiff.model_selection._evaluation import evaluate, name_of, one_seed
from manidiff.model_selection._scorers import named_metric

_TIMES = ("fit_time", "sample_time")
_N_SPLITS = 5


@dataclass(frozen=True, repr=False)
class EstimatorComparison:
    """What `compare_estimators` returns; printed, it is a table.

    Attributes
    ----------
    names : list of str
        The estimators.
    values : dict of str to ndarray of shape (n_estimators, n_folds)
        Every metric, "fit_time" and "sample_time" (seconds) on every fold.
    test_share : float
        Rows of a test fold over those of its training fold.
    level : float
        Level of the intervals.
    """

    names: list
    values: dict
    test_share: float
    level: float

    def half_widths(self, name):
        """Return half the width (n_estimators,) of the intervals of a metric.

        Folds share training rows, so their values vary less than independent ones: the
        variance is corrected for it (Nadeau, Bengio 2003, "Inference for the
        Generalization Error"). NaN with one fold.

        Parameters
        ----------
        name : str
            A key of `values`.
        """
        values = self.values[name]
        n_folds = values.shape[1]
        if n_folds == 1:
            return np.full(len(values), np.nan)
        error = values.std(axis=1, ddof=1) * np.sqrt(1 / n_folds + self.test_share)
        return error * student.ppf((1 + self.level) / 2, n_folds - 1)

    def to_dict(self):
        """Return the table as a dict of columns.

        Returns
        -------
        columns : dict
            "estimator", a list of names; for each metric its mean over the folds under
            its name, and the ends of its interval under ``<name>_low`` and
            ``<name>_high``; the mean "fit_time" and "sample_time" in seconds.
        """
        columns = {"estimator": list(self.names)}
        for name, values in self.values.items():
            columns[name] = mean = values.mean(axis=1)
            if name not in _TIMES:
                half = self.half_widths(name)
                columns[f"{name}_low"] = mean - half
                columns[f"{name}_high"] = mean + half
        return columns

    def to_frame(self):
        """Return the table of `to_dict` as a pandas DataFrame, a row an estimator."""
        from pandas import DataFrame

        return DataFrame(self.to_dict()).set_index("estimator")

    def __repr__(self):
        columns = [["", *self.names]]
        columns += [[name, *self._cells(name)] for name in self.values]
        lines = list(zip(*columns, strict=True))
        widths = [max(map(len, column)) for column in columns]
        return "\n".join(
            "  ".join([first.ljust(widths[0]), *map(str.rjust, rest, widths[1:])])
            for first, *rest in lines
        )

    def _cells(self, name):
        means = self.values[name].mean(axis=1)
        if name in _TIMES:
            return [f"{mean:.3g} s" for mean in means]
        half_widths = self.half_widths(name)
        return [
            f"{mean:.4f}" if np.isnan(half) else f"{mean:.4f} ± {half:.4f}"
            for mean, half in zip(means, half_widths, strict=True)
        ]


def compare_estimators(
    estimators,
    X,
    y=None,
    *,
    metrics=("energy_distance", "excess_memorization", "precision", "coverage"),
    cv=None,
    n_samples=1000,
    level=0.95,
    n_jobs=None,
    random_state=0,
):
    """Compare estimators by what they draw, cross-validated.

    Each estimator is fitted to the training rows of each fold, and the rows it draws
    are compared with the held-out ones. All get the same folds and the same seeds.

    Parameters
    ----------
    estimators : list of estimators, or dict of str to estimator
        Anything with `fit` and `sample`, `KernelDensity` and `GaussianMixture` as they
        are. A list is named by classes, or in full where a class occurs twice.
    X : array-like of shape (n_rows, n_features)
        Rows.
    y : array-like of shape (n_rows,), default=None
        Passed to `fit`.
    metrics : list of str and callables, or dict of str to callable
        Names known to `get_sample_scorer`, and functions
        ``metric(X_gen, X_train, X_heldout)`` that return one number. Values are those
        of the metrics: no sign is turned.
    cv : int, cross-validation generator or iterable, default=None
        None is 5; an int is a number of shuffled folds, also where y holds classes.
    n_samples : int, default=1000
        Rows to draw from each fitted estimator, >= 1.
    level : float, default=0.95
        Level of the intervals for the mean over folds, between 0 and 1.
    n_jobs : int, default=None
        Fits at once (joblib). Times are of use only where each has a core.
    random_state : int, RandomState instance or None, default=0
        Seeds the folds, draws and metrics; estimators keep their own `random_state`.

    Returns
    -------
    comparison : EstimatorComparison
        Printed, it is a table; `to_frame` makes it a DataFrame.

    Raises
    ------
    TypeError
        If an estimator has no `sample`, or a metric returns more than one number.
    ValueError
        If two estimators have the same name, a metric is unknown, or n_samples or
        level is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.mixture import GaussianMixture
    >>> from sklearn.neighbors import KernelDensity
    >>> from manidiff.model_selection import compare_estimators
    >>> X = np.random.RandomState(0).normal(size=(300, 2))
    >>> table = compare_estimators(
    ...     [KernelDensity(bandwidth=0.001), GaussianMixture()],
    ...     X,
    ...     metrics=["excess_memorization"],
    ... )
    >>> copies, mixture = table.to_dict()["excess_memorization"]
    >>> bool(copies > 0.9), bool(abs(mixture) < 0.1)
    (True, True)
    """
    if not 0 < level < 1:
        raise ValueError(f"level={level!r} must lie between 0 and 1, for example 0.95.")
    n_samples = check_n_samples(n_samples)
    seed = one_seed(random_state)
    estimators = _named_estimators(estimators)
    metrics = _named_metrics(metrics)
    X, y = indexable(X, y)
    folds = list(_splitter(cv, seed).split(X, y))
    measured = Parallel(n_jobs=n_jobs)(
        delayed(_measure)(estimator, X, y, fold, metrics, n_samples, seed)
        for estimator in estimators.values()
        for fold in folds
    )
    values = {
        name: np.array([row[name] for row in measured]).reshape(-1, len(folds))
        for name in measured[0]
    }
    share = np.mean([len(test) / len(train) for train, test in folds])
    return EstimatorComparison(list(estimators), values, float(share), level)


def _measure(estimator, X, y, fold, metrics, n_samples, seed):
    """Return the metrics and times of one estimator on one fold."""
    train, test = fold
    X_train, X_heldout = safe_indexing(X, train), safe_indexing(X, test)
    y_train = None if y is None else safe_indexing(y, train)
    started = time.perf_counter()
    fitted = clone(estimator).fit(X_train, y_train)
    fitted_at = time.perf_counter()
    drawn = draw_rows(fitted, n_samples, seed)
    ended = time.perf_counter()
    sets = (drawn, X_train, X_heldout)
    values = {
        name: evaluate(metric, sets, seed, {}) for name, metric in metrics.items()
    }
    return {**values, "fit_time": fitted_at - started, "sample_time": ended - fitted_at}


def _splitter(cv, seed):
    if cv is None or isinstance(cv, int | np.integer):
        return KFold(_N_SPLITS if cv is None else cv, shuffle=True, random_state=seed)
    return check_cv(cv)


def _named_estimators(estimators):
    if not isinstance(estimators, dict):
        estimators = list(estimators)
        classes = Counter(type(estimator) for estimator in estimators)
        pairs = [
            (repr(e) if classes[type(e)] > 1 else type(e).__name__, e)
            for e in estimators
        ]
        estimators = _without_clash("estimators", pairs)
    if not estimators:
        raise ValueError("estimators is empty. Pass at least one.")
    for estimator in estimators.values():
        check_can_sample(estimator)
    return estimators


def _named_metrics(metrics):
    if isinstance(metrics, dict):
        return metrics
    metrics = [metrics] if isinstance(metrics, str) else metrics
    return _without_clash(
        "metrics",
        [
            (m, named_metric(m)[0]) if isinstance(m, str) else (name_of(m), m)
            for m in metrics
        ],
    )


def _without_clash(what, pairs):
    counts = Counter(name for name, _ in pairs)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(f"{what} has {twice[0]} twice. Pass a dict with names.")
    return dict(pairs)
