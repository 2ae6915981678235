"""Tables as files, with errors of one line."""

import csv
import io
import os
from pathlib import Path

from manidiff.persistence.files import write_atomically

_SUFFIXES = (".csv", ".parquet")


class CommandError(Exception):
    """What the command cannot do, in one line for its user."""


def import_pandas():
    """Return pandas, or say how to get it."""
    try:
        import pandas
    except ImportError as error:
        raise CommandError(
            "tables need pandas: pip install 'manidiff[tabular]'"
        ) from error
    return pandas


def read_table(path):
    """Return the table in a file, with columns of ISO 8601 dates as dates.

    Raises
    ------
    CommandError
        If there is no such file, it is not a table, or it has no rows.
    """
    pandas = import_pandas()
    path = Path(path)
    _check_suffix(path)
    if not path.is_file():
        raise CommandError(f"no such file: {path}")
    try:
        if path.suffix.lower() == ".csv":
            table = _read_csv(path, pandas)
        else:
            table = pandas.read_parquet(path)
    except CommandError:
        raise
    except ImportError as error:
        raise CommandError("Parquet needs pyarrow: pip install pyarrow") from error
    except (OSError, ValueError, csv.Error) as error:
        raise CommandError(f"cannot read {path}: {_first_line(error)}") from error
    if len(table) == 0:
        raise CommandError(f"{path} has no rows")
    return table


def check_output(path, suffixes=_SUFFIXES, *, force=True):
    """Fail before any work is done where a file cannot be written."""
    path = Path(path)
    _check_suffix(path, suffixes)
    if path.is_dir():
        raise CommandError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise CommandError(f"no such folder: {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise CommandError(f"not writable: {path.parent}")
    if path.exists() and not force:
        raise CommandError(f"{path} exists; --force replaces it")


def write_table(table, path):
    """Write a table as a whole file or not at all."""
    buffer = io.BytesIO()
    try:
        if Path(path).suffix.lower() == ".csv":
            table.to_csv(buffer, index=False)
        else:
            table.to_parquet(buffer, index=False)
        write_atomically(path, [buffer.getvalue()])
    except ImportError as error:
        raise CommandError("Parquet needs pyarrow: pip install pyarrow") from error
    except OSError as error:
        raise CommandError(f"cannot write {path}: {_first_line(error)}") from error


def _check_suffix(path, suffixes=_SUFFIXES):
    if path.suffix.lower() not in suffixes:
        raise CommandError(f"{path} must end in {' or '.join(suffixes)}")


def _read_csv(path, pandas):
    _check_ragged(path)
    table = pandas.read_csv(path)
    for name in table.columns:
        if not pandas.api.types.is_numeric_dtype(table[name]):
            table[name] = _as_dates(table[name], pandas)
    return table


def _check_ragged(path):
    """Fail at a row of another length, which pandas would fill up in silence."""
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, None)
        if not header:
            raise CommandError(f"{path} is empty")
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise CommandError(f"{path} has two columns named {twice[0]!r}")
        for row in reader:
            # A blank line is no row.
            if row and len(row) != len(header):
                raise CommandError(
                    f"{path}, line {reader.line_num}: {len(row)} fields, but the "
                    f"header has {len(header)}"
                )


def _as_dates(column, pandas):
    """Return a column of text as dates if all of it are."""
    present = column.dropna()
    if len(present) == 0 or not all(isinstance(value, str) for value in present):
        return column
    try:
        return pandas.to_datetime(column, format="ISO8601")
    except (ValueError, OverflowError):
        return column


def _first_line(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
