"""What the command does."""

import sys
import warnings

import numpy as np

from manidiff._coarse import CoarseScoreDiffusion
from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff.command._columns import (
    check_same_columns,
    conditions_of,
    is_text,
    without,
)
from manidiff.command._errors import CommandError, checked
from manidiff.command._files import (
    as_file,
    check_output,
    import_pandas,
    read_table,
    write_files,
)
from manidiff.command._rows import (
    MIN_ROWS,
    check_identifiers,
    check_number_of_rows,
    split,
)
from manidiff.datasets import make_mixed_table
from manidiff.metrics import report
from manidiff.metrics._report_html import page
from manidiff.tabular import SyntheticTable, TableEncoder

_HELD_OUT = 0.2
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
    if asked.set and asked.report:
        raise CommandError("--report does not go with --set: nothing is measured then")
    (table,) = without([(asked.data, _read(asked, asked.data))], asked.drop)
    _say(asked, f"{asked.data}: {len(table)} rows, {table.shape[1]} columns")
    types = asked.types
    check_number_of_rows(table)
    check_identifiers(table, types)
    encoder = checked(TableEncoder(types).fit, table)
    n_rows = asked.rows or len(table)
    if asked.set:
        conditions = conditions_of(table, asked.set)
        checked(encoder.encode_conditions, conditions)
        drawn = _draw(asked, _learn(asked, table, types), n_rows, conditions)
        write_files({asked.output: as_file(drawn, asked.output)})
        _say(asked, f"{asked.output}: {n_rows} rows; with --set nothing is measured")
        return
    train, held_out = split(table, _HELD_OUT, asked.seed, encoder.column_kinds_)
    model = _learn(asked, train, types)
    drawn = _draw(asked, model, n_rows)
    found = _measure(asked, model.encoder_, drawn, train, held_out)
    _save(asked, found, {asked.output: as_file(drawn, asked.output)})
    _say(asked, f"{asked.output}: {n_rows} rows")
    _show(found)


def evaluate(asked):
    """Compare a synthetic table with a real one."""
    _check_report(asked)
    real = _read(asked, asked.real)
    # A sample may happen to hold no label that starts with 0, or only dates.
    text = [name for name in real.columns if is_text(real[name])]
    paths = [asked.real, asked.synthetic]
    paths += [asked.heldout] if asked.heldout is not None else []
    tables = [real, *(_read(asked, path, text) for path in paths[1:])]
    tables = without(list(zip(paths, tables, strict=True)), asked.drop)
    for path, table in zip(paths[1:], tables[1:], strict=True):
        check_same_columns(path, table, asked.real, tables[0])
    real, drawn = tables[:2]
    if asked.heldout is None:
        train, held_out = split(real, 0.5, asked.seed)
        known = real
    else:
        train, held_out = real, tables[2][real.columns]
        known = import_pandas().concat([train, held_out], ignore_index=True)
    encoder = checked(TableEncoder().fit, known, where=asked.real)
    places = (asked.synthetic, asked.real, asked.heldout or asked.real)
    found = _measure(asked, encoder, drawn, train, held_out, places=places)
    _save(asked, found)
    _show(found)


def demo(asked):
    """Learn a table that is made up."""
    _check_report(asked)
    import_pandas()
    table = make_mixed_table(max(asked.rows, MIN_ROWS), random_state=asked.seed)
    kinds = TableEncoder().fit(table).column_kinds_
    train, held_out = split(table, _HELD_OUT, asked.seed, kinds)
    model = _learn(asked, train, {})
    drawn = _draw(asked, model, asked.rows)
    found = _measure(asked, model.encoder_, drawn, train, held_out)
    _save(asked, found)
    print("Generated rows:\n")
    print(drawn.head().to_string(index=False), "\n")
    _show(found)


def _learn(asked, train, column_types):
    _say(asked, f"learning {len(train)} rows")
    name = getattr(asked, "estimator", "local")
    options = {} if name == "local" else {"verbose": int(not asked.quiet)}
    estimator = _ESTIMATORS[name](scaling=None, random_state=asked.seed, **options)
    model = SyntheticTable(
        estimator, column_types=column_types, random_state=asked.seed
    )
    return checked(model.fit, train)


def _draw(asked, model, n_rows, conditions=None):
    return checked(model.sample, n_rows, conditions=conditions, random_state=asked.seed)


def _measure(asked, encoder, *tables, places=("", "", "")):
    _say(asked, "measuring")
    drawn, train, held_out = (
        checked(encoder.transform, table, where=place)
        for table, place in zip(tables, places, strict=True)
    )
    with warnings.catch_warnings(record=True) as caught:
        # That held-out rows were learned is to be said each time.
        warnings.filterwarnings("always", r".*X_heldout", UserWarning)
        found = checked(report, drawn, train, held_out, random_state=asked.seed)
    for warning in caught:
        _say(asked, f"warning: {' '.join(str(warning.message).split())}")
    return found


def _save(asked, found, files=None):
    """Write the files, and the page where it was asked for.

    That comes before anything is printed, since whoever reads it may have gone.
    """
    files = {} if files is None else files
    if asked.report:
        files[asked.report] = page(found).encode()
    write_files(files)
    if asked.report:
        _say(asked, f"{asked.report}: all measures")


def _show(found):
    """Print the short table."""
    print(f"{'':34}{'generated':>10}{'fresh rows':>12}")
    for finding in found.findings:
        if finding.name in _SHOWN and np.isfinite(finding.value):
            label = _SHOWN[finding.name]
            print(f"{label:34}{finding.value:10.3f}{finding.ideal:12.3f}")


def _check_report(asked):
    if asked.report:
        check_output(asked.report, _REPORTS, force=asked.force)


def _read(asked, path, text=()):
    table = read_table(path, text)
    if not isinstance(table.index, import_pandas().RangeIndex):
        _say(asked, f"{path}: its row labels, which have no name, are left out")
    return table


def _say(asked, text):
    if not asked.quiet:
        print(text, file=sys.stderr, flush=True)
