"""CSV files as tables, and what is wrong with them in one line."""

import csv
from collections.abc import Collection
from pathlib import Path

from manidiff.command._errors import CommandError

# What separates fields elsewhere.
_OTHER_SEPARATORS = (";", "\t", "|")
# Doubles hold all whole numbers up to this.
_LARGEST_WHOLE = 2**53


def read_csv(path, pandas, text=()):
    """Return the table in a CSV file.

    Columns of ISO 8601 dates become dates, columns with a number such as 00283 stay
    text, and whole numbers stay whole where some are missing. An empty field is
    missing; words such as NA are missing where a column holds numbers, truth values or
    dates beside them, or nothing, and are values of text elsewhere.

    Parameters
    ----------
    path : Path
        The file.
    pandas : module
        What reads it.
    text : collection of str, default=()
        Columns to leave as text, whatever they hold.

    Raises
    ------
    CommandError
        If it is not a table: no header, a name that is empty or met twice, rows of
        another length, or fields that commas do not separate.
    """
    labels = set(text) | _find_labels(path)
    table = pandas.read_csv(path, dtype=dict.fromkeys(labels, str))
    for name in table.columns:
        if name in labels:
            continue
        if not pandas.api.types.is_numeric_dtype(table[name]):
            table[name] = _as_dates(table[name], pandas)
        elif pandas.api.types.is_float_dtype(table[name]):
            table[name] = _as_whole(table[name])
    words = [
        name
        for name in table.columns
        if name in labels or _is_text(table[name], pandas)
    ]
    if words:
        table[words] = _read_as_written(path, words, pandas)
    return table


def _find_labels(path: Path) -> set[str]:
    """Return the columns with a number that starts with 0, such as a postal code.

    It also fails at a row of another length, which pandas would fill up in silence.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if not header:
            raise CommandError(f"{path} is empty")
        _check_header(path, header)
        found = set()
        for row in reader:
            # A blank line is no row.
            if row and len(row) != len(header):
                raise CommandError(
                    f"{path}, line {reader.line_num}: {len(row)} fields, but the "
                    f"header has {len(header)}"
                )
            found.update(i for i, field in enumerate(row) if _is_label(field))
    return {header[i] for i in found}


def _check_header(path: Path, header: Collection[str]) -> None:
    for separator in _OTHER_SEPARATORS:
        if len(header) == 1 and separator in header[0]:
            raise CommandError(
                f"{path}: fields must be separated by commas, but the header has "
                f"{separator!r}: {header[0]!r}"
            )
    for number, name in enumerate(header, start=1):
        if not name.strip():
            raise CommandError(
                f"{path}: column {number} has no name in the header. Name it, or, if "
                "it only numbers the rows, take it out"
            )
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise CommandError(f"{path} has two columns named {twice[0]!r}")


def _is_label(field: str) -> bool:
    return field[:1] == "0" and len(field) > 1 and field.isdecimal()


def _is_text(column, pandas):
    """Return whether a column holds more than numbers, truth values and dates."""
    # Of a long file pandas may have read some parts of a column as numbers.
    kind = pandas.api.types.infer_dtype(column.dropna())
    return kind == "string" or kind.startswith("mixed")


def _read_as_written(path, names, pandas):
    """Return columns as text in which only empty fields are missing."""
    table = pandas.read_csv(
        path, usecols=names, dtype=str, keep_default_na=False, na_values=[""]
    )
    return table[names]


def _as_dates(column, pandas):
    """Return a column of text as dates if all of it are."""
    present = column.dropna()
    if len(present) == 0 or not all(isinstance(value, str) for value in present):
        return column
    try:
        return pandas.to_datetime(column, format="ISO8601")
    except (ValueError, OverflowError):
        return column


def _as_whole(column):
    """Return numbers as integers if some are missing and the others are whole."""
    present = column.dropna()
    if len(present) in (0, len(column)):
        return column
    is_whole = (present % 1 == 0) & (present.abs() <= _LARGEST_WHOLE)
    return column.astype("Int64") if is_whole.all() else column
