"""What the command does."""

import sys
import warnings

import numpy as np

from manidiff._coarse import CoarseScoreDiffusion
from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff.command._files import (
    CommandError,
    check_output,
    import_pandas,
    read_table,
    write_table,
)
from manidiff.datasets import make_mixed_table
from manidiff.metrics import report
from manidiff.tabular import SyntheticTable, TableEncoder

_HELD_OUT = 0.2
_MIN_ROWS = 10
_ESTIMATORS = {"local": LocalPolynomialScoreDiffusion, "coarse": CoarseScoreDiffusion}
_REPORTS = (".html", ".htm")
# What the short table shows of a report.
_SHOWN = {
    "precision": "rows that look real (precision)",
    "coverage": "real rows that are covered",
    "column_differences": "difference of columns",
    "correlation_differences": "difference of correlations",
    "two_sample_auc": "AUC of telling them from real",
    "memorization_interval.excess": "copies beyond chance",
    "distance_to_closest_record": "distance to training rows",
    "nearest_generated_attack.auc": "AUC of membership inference",
}


def synthesize(asked):
    """Learn a table, write new rows of it, and say how good they are."""
    check_output(asked.output, force=asked.force)
    _check_report(asked)
    table = _without(read_table(asked.data), asked.drop, asked.data)
    _say(asked, f"{asked.data}: {len(table)} rows, {table.shape[1]} columns")
    train, held_out = _split(table, _HELD_OUT, asked.seed)
    model = _learn(asked, train, asked.estimator, dict(asked.types))
    conditions = _conditions(table, asked.set)
    n_rows = asked.rows or len(table)
    drawn = _checked(
        model.sample, n_rows, conditions=conditions, random_state=asked.seed
    )
    if conditions:
        write_table(drawn, asked.output)
        _say(asked, f"{asked.output}: {n_rows} rows; with --set nothing is measured")
        return
    found = _measure(asked, model.encoder_, drawn, train, held_out)
    write_table(drawn, asked.output)
    _say(asked, f"{asked.output}: {n_rows} rows")
    _finish(asked, found)


def evaluate(asked):
    """Compare a synthetic table with a real one."""
    _check_report(asked)
    drawn = _without(read_table(asked.synthetic), asked.drop, asked.synthetic)
    real = _without(read_table(asked.real), asked.drop, asked.real)
    if asked.heldout is None:
        train, held_out = _split(real, 0.5, asked.seed)
    else:
        train = real
        held_out = _without(read_table(asked.heldout), asked.drop, asked.heldout)
    for path, table in ((asked.synthetic, drawn), (asked.heldout, held_out)):
        missing = [name for name in real.columns if name not in table.columns]
        if missing:
            raise CommandError(f"{path} has no column {missing[0]!r}")
    encoder = _checked(TableEncoder().fit, real)
    _finish(asked, _measure(asked, encoder, drawn, train, held_out))


def demo(asked):
    """Learn a table that is made up."""
    _check_report(asked)
    import_pandas()
    table = make_mixed_table(max(asked.rows, _MIN_ROWS), random_state=asked.seed)
    train, held_out = _split(table, _HELD_OUT, asked.seed)
    model = _learn(asked, train, "local", {})
    drawn = model.sample(asked.rows, random_state=asked.seed)
    print("Generated rows:\n")
    print(drawn.head().to_string(index=False), "\n")
    _finish(asked, _measure(asked, model.encoder_, drawn, train, held_out))


def _learn(asked, train, name, column_types):
    _say(asked, f"learning {len(train)} rows, the others are held out")
    options = {} if name == "local" else {"verbose": int(not asked.quiet)}
    estimator = _ESTIMATORS[name](scaling=None, random_state=asked.seed, **options)
    model = SyntheticTable(
        estimator, column_types=column_types, random_state=asked.seed
    )
    return _checked(model.fit, train)


def _measure(asked, encoder, *tables):
    _say(asked, "measuring")
    drawn, train, held_out = (_checked(encoder.transform, part) for part in tables)
    with warnings.catch_warnings():
        # Rows that repeat in the table are in both parts of it.
        warnings.filterwarnings("ignore", "X_heldout", UserWarning)
        return _checked(report, drawn, train, held_out, random_state=asked.seed)


def _finish(asked, found):
    """Print the short table, and write the page where it was asked for."""
    print(f"{'':34}{'generated':>10}{'fresh rows':>12}")
    for finding in found.findings:
        if finding.name in _SHOWN and np.isfinite(finding.value):
            label = _SHOWN[finding.name]
            print(f"{label:34}{finding.value:10.3f}{finding.ideal:12.3f}")
    if asked.report:
        try:
            found.save(asked.report)
        except OSError as error:
            raise CommandError(f"cannot write {asked.report}: {error}") from error
        _say(asked, f"{asked.report}: all measures")


def _split(table, share, seed):
    """Return the rows to learn from and those held out."""
    if len(table) < _MIN_ROWS:
        raise CommandError(
            f"the table has {len(table)} rows; at least {_MIN_ROWS} are needed"
        )
    order = np.random.default_rng(seed).permutation(len(table))
    n_held_out = round(share * len(table))
    return table.iloc[order[n_held_out:]], table.iloc[order[:n_held_out]]


def _without(table, names, path):
    for name in names:
        if name not in table.columns:
            raise CommandError(f"{path} has no column {name!r} to drop")
    return table.drop(columns=list(names))


def _conditions(table, pairs):
    """Return the conditions with values of the columns' own types."""
    conditions = {}
    for name, value in pairs:
        if name not in table.columns:
            raise CommandError(f"--set {name}={value}: the table has no such column")
        known = {str(item): item for item in table[name].dropna().unique()}
        if value not in known and table[name].dtype.kind in "iuf":
            try:
                known[value] = float(value)
            except ValueError as error:
                raise CommandError(
                    f"--set {name}={value}: the column holds numbers"
                ) from error
        conditions[name] = known.get(value, value)
    return conditions


def _check_report(asked):
    if asked.report:
        check_output(asked.report, _REPORTS)


def _checked(call, *args, **kwargs):
    """Call, and turn an error about the data into one line."""
    try:
        return call(*args, **kwargs)
    except (ValueError, TypeError) as error:
        raise CommandError(" ".join(str(error).split())) from error


def _say(asked, text):
    if not asked.quiet:
        print(text, file=sys.stderr, flush=True)
