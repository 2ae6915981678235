"""Tables as files, with errors of one line."""

import csv
import io
import os
import secrets
from importlib.util import find_spec
from pathlib import Path

from manidiff.command._csv import read_csv
from manidiff.command._errors import CommandError, first_line
from manidiff.persistence.files import write_atomically

_SUFFIXES = (".csv", ".parquet")
_NEEDS_PYARROW = "Parquet needs pyarrow: pip install 'manidiff[tabular]'"


def import_pandas():
    """Return pandas, or say how to get it."""
    try:
        import pandas
    except ImportError as error:
        raise CommandError(
            "tables need pandas: pip install 'manidiff[tabular]'"
        ) from error
    return pandas


def read_table(path, text=()):
    """Return the table in a file, with columns of ISO 8601 dates as dates.

    The named index of a Parquet file becomes columns.

    Parameters
    ----------
    path : path-like
        A CSV or Parquet file.
    text : collection of str, default=()
        Columns that a CSV file is to leave as text.

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
            table = read_csv(path, pandas, text)
        else:
            table = _with_index(pandas.read_parquet(path))
    except ImportError as error:
        raise CommandError(_NEEDS_PYARROW) from error
    except (OSError, ValueError, NotImplementedError, csv.Error) as error:
        raise CommandError(f"cannot read {path}: {first_line(error)}") from error
    if len(table) == 0:
        raise CommandError(f"{path} has no rows")
    return table


def check_output(path, suffixes=_SUFFIXES, *, force):
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
    if path.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise CommandError(_NEEDS_PYARROW)


def as_file(table, path):
    """Return the bytes of a table in the format that a path asks for."""
    buffer = io.BytesIO()
    try:
        if Path(path).suffix.lower() == ".csv":
            table.to_csv(buffer, index=False)
        else:
            table.to_parquet(buffer, index=False)
    except (ValueError, TypeError, OverflowError, NotImplementedError) as error:
        # Parquet has no column of mixed types, for one.
        raise CommandError(f"cannot write {path}: {first_line(error)}") from error
    return buffer.getvalue()


def write_files(contents):
    """Write several files, each of them whole, or none.

    Parameters
    ----------
    contents : dict of str to bytes
        What to write, by path.

    Raises
    ------
    CommandError
        If one cannot be written.
    """
    drafts = {}
    try:
        # All are on the disk before the first gets its name.
        for path, content in contents.items():
            target = Path(os.path.realpath(path))
            drafts[path] = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
            write_atomically(drafts[path], [content])
        for path, draft in drafts.items():
            os.replace(draft, os.path.realpath(path))
    except OSError as error:
        raise CommandError(f"cannot write {path}: {first_line(error)}") from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _check_suffix(path, suffixes=_SUFFIXES):
    if path.suffix.lower() not in suffixes:
        raise CommandError(f"{path} must end in {' or '.join(suffixes)}")


def _with_index(table):
    """Return a table with a named index as columns; row numbers say nothing."""
    if any(name is not None for name in table.index.names):
        return table.reset_index()
    return table
