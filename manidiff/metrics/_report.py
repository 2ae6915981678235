"""All measures of generated rows in one call."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from manidiff._utils.draws import check_can_sample, draw_rows
from manidiff._utils.random import draw_seed
from manidiff._utils.validation import check_n_samples
from manidiff.metrics._neighbors import (
    check_at_least_one,
    check_given,
    check_sets,
    choose,
    column_names,
)
from manidiff.metrics._overlap import count_shared
from manidiff.metrics._report_findings import Rows
from manidiff.metrics._report_measures import Utility, entries, measure_columns
from manidiff.metrics._report_pictures import make_views
from manidiff.metrics._report_result import SampleReport
from manidiff.metrics._report_words import percent

# Beyond it one column rules all distances.
_MAX_VARIANCE_SHARE = 0.9


def report(
    estimator_or_samples: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    n_samples: int | None = None,
    manifold: Any = None,
    categorical: Sequence[int] = (),
    y_gen: Any = None,
    y_train: Any = None,
    y_heldout: Any = None,
    predictor: Any = None,
    max_rows: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> SampleReport:
    """Measure generated rows in every respect, each figure beside its ideal.

    Beside every figure stands what fresh true rows score. Where the training rows do
    not enter a metric, they take the place of the generated ones for that, equally many
    of both; where the held-out rows do not enter, those do. The other metrics are made
    so that fresh rows score a known number. There is no pass mark.

    Parameters
    ----------
    estimator_or_samples : object with a method `sample`, or array-like of shape \
            (n_rows, n_features)
        A fitted estimator to draw rows from, or the generated rows themselves. What
        `KernelDensity` and `GaussianMixture` have will do. If it has a method
        `denoise`, the attack of those who have the estimator is measured too.
    X_train, X_heldout : array-like of shape (n_rows, n_features)
        The rows that it was fitted to, and others of the same law. Names of columns are
        taken from a DataFrame. Distances are Euclidean, in the units of X: standardise
        columns of different units first.
    n_samples : int or None, default=None
        Number of rows to draw from an estimator. None draws as many as there are
        training rows, at most `max_rows`. Not for rows that are given.
    manifold : object with a method `distance` or None, default=None
        The manifold that the rows should lie on, see `off_manifold_distance`.
    categorical : sequence of int, default=()
        Indices of the columns of codes, see `column_differences`.
    y_gen, y_train, y_heldout : array-like of shape (n_rows,) or None, default=None
        What is to be predicted of the rows, see `train_on_synthetic`. From an
        estimator a row is drawn for each of `y_gen`, by ``sample(..., y=y_gen)``.
    predictor : scikit-learn classifier or regressor or None, default=None
        What is fitted to predict it.
    max_rows : int, default=10000
        Of more generated or held-out rows so many are drawn at random. All training
        rows are searched, as each of them may have been copied.
    random_state : int, RandomState instance or None, default=None
        Gives the one seed of the report.

    Returns
    -------
    report : SampleReport
        The figures. Its methods are `to_dict`, `to_frame` and `save`.

    Raises
    ------
    TypeError
        If there is neither a method `sample` nor a table of rows.
    ValueError
        If the sets differ in their columns, if `n_samples` is given with rows, or some
        of `y_gen`, `y_train`, `y_heldout` and `predictor` are given and others not.

    Warns
    -----
    UserWarning
        If more held-out rows are training rows than equal values in the data explain:
        every comparison then favours copies. A note of the report says how many.

    Notes
    -----
    A metric that has no value for the rows, such as a ratio to the distance of
    held-out rows when that is 0, is reported as NaN with the reason.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from manidiff import LocalPolynomialScoreDiffusion
    >>> from manidiff.metrics import report
    >>> X = load_iris().data
    >>> model = LocalPolynomialScoreDiffusion(random_state=0).fit(X[::2])
    >>> found = report(model, X[::2], X[1::2], random_state=0)
    >>> precision = found.findings[0]
    >>> precision.name, precision.ideal_from, precision.value > 0.9
    ('precision', 'training rows', True)
    >>> sorted(found.to_dict())
    ['columns', 'findings', 'n_rows', 'notes', 'seed']
    """
    check_at_least_one(max_rows=max_rows)
    check_given(
        estimator_or_samples=estimator_or_samples, X_train=X_train, X_heldout=X_heldout
    )
    seed = draw_seed(check_random_state(random_state))
    X_gen, estimator = estimator_or_samples, None
    if not _is_table(estimator_or_samples):
        estimator = estimator_or_samples
        X_gen = _draw(estimator, X_train, n_samples, max_rows, y_gen, seed)
    elif n_samples is not None:
        raise ValueError(
            f"n_samples={n_samples!r} is how many rows to draw from an estimator, but "
            "rows were given. Leave it out, or measure a part of them by max_rows."
        )
    names = column_names({"X_gen": X_gen, "X_train": X_train, "X_heldout": X_heldout})
    sets = check_sets(X_gen, X_train, X_heldout)
    utility = _utility(sets, y_gen, y_train, y_heldout, predictor)
    rows = _choose_rows(sets, max_rows, seed)
    if names is None:
        names = [f"column {index}" for index in range(rows.train.shape[1])]
    with warnings.catch_warnings():
        # Said once above, and for all rows.
        warnings.filterwarnings("ignore", r"\d+ of \d+ rows of X_heldout", UserWarning)
        # The names were compared; metrics hand the values on without them.
        warnings.filterwarnings("ignore", "X does not have valid feature", UserWarning)
        columns = measure_columns(rows, names, categorical)
        attacked = estimator if hasattr(estimator, "denoise") else None
        measured = entries(columns, manifold, attacked, utility)
        findings = [finding for entry in measured for finding in entry.findings(rows)]
    return SampleReport(
        findings=tuple(findings),
        columns=columns,
        n_rows={
            "generated": len(rows.generated),
            "training": len(rows.train),
            "held-out": len(rows.heldout),
            "compared": len(rows.compared),
        },
        notes=tuple(_notes(rows, sets, names)),
        seed=seed,
        views=make_views(rows),
    )


def _is_table(rows: Any) -> bool:
    """Return whether these are rows; a DataFrame, too, has a method `sample`."""
    return hasattr(rows, "shape") or isinstance(rows, Sequence)


def _draw(
    estimator: Any,
    X_train: Any,
    n_samples: int | None,
    max_rows: int,
    y_gen: Any,
    seed: int,
) -> Any:
    """Return rows of an estimator, for each of y_gen one where they are given."""
    if y_gen is None:
        if n_samples is None:
            n_samples = min(len(X_train), max_rows)
        return draw_rows(estimator, check_n_samples(n_samples), seed)
    check_can_sample(estimator)
    if n_samples not in (None, len(y_gen)):
        raise ValueError(
            f"n_samples={n_samples!r}, but a row is drawn for each of the {len(y_gen)} "
            "of y_gen. Leave n_samples out."
        )
    return estimator.sample(len(y_gen), y=y_gen, random_state=seed)


def _utility(sets: tuple[np.ndarray, ...], *others: Any) -> Utility | None:
    """Return what the use of the rows is measured by, or None where nothing is."""
    names = ("y_gen", "y_train", "y_heldout", "predictor")
    missing = [name for name, other in zip(names, others, strict=True) if other is None]
    if not missing:
        return Utility(*sets, *others)
    if len(missing) < len(others):
        given = [name for name in names if name not in missing]
        raise ValueError(
            f"{', '.join(given)} without {', '.join(missing)}: to measure the use of "
            "the rows all four are needed. Pass all or none."
        )
    return None


def _choose_rows(sets: tuple[np.ndarray, ...], max_rows: int, seed: int) -> Rows:
    """Return the parts of the sets that are measured."""
    rng = np.random.RandomState(seed)

    def part(X: np.ndarray, size: int) -> np.ndarray:
        return X if len(X) <= size else choose(X, size, rng)

    X_gen, X_train, X_heldout = sets
    generated, heldout = part(X_gen, max_rows), part(X_heldout, max_rows)
    size = min(len(generated), len(X_train))
    compared, stand_ins = part(generated, size), part(X_train, size)
    return Rows(generated, X_train, heldout, compared, stand_ins, seed)


def _notes(rows: Rows, sets: tuple[np.ndarray, ...], names: list[str]) -> Iterator[str]:
    """Yield what to know in reading the report."""
    X_gen, X_train, X_heldout = sets
    n_shared, by_chance = count_shared(X_train, X_heldout)
    if n_shared:
        share = f"{n_shared} of {len(X_heldout)} held-out rows are training rows"
        yield share + (
            ", as equal values in the data explain."
            if by_chance
            else ", more than equal values in the data explain. Every comparison then "
            "favours copies: hold out rows that were not used to fit."
        )
    for kind, given, used in (
        ("generated", X_gen, rows.generated),
        ("held-out", X_heldout, rows.heldout),
    ):
        if len(used) < len(given):
            yield f"{len(used)} of {len(given)} {kind} rows were drawn at random."
    if not len(rows.compared) == len(X_train) == len(rows.generated):
        yield (
            f"Where training rows give the ideal, {len(rows.compared)} of them are "
            "compared with as many generated rows."
        )
    variances = rows.heldout.var(axis=0)
    widest = int(np.argmax(variances))
    if len(names) > 2 and variances[widest] > _MAX_VARIANCE_SHARE * variances.sum():
        share = percent(variances[widest] / variances.sum())
        yield (
            f"The column {names[widest]} has {share} of the variance, and rules all "
            "distances. Standardise columns of different units."
        )
