"""Columns that are left out, compared, or asked to have a value."""

from manidiff.command._errors import CommandError
from manidiff.command._files import import_pandas

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def without(tables, names):
    """Return tables without some columns.

    Parameters
    ----------
    tables : list of (str, DataFrame)
        Paths and tables.
    names : list of str
        Columns, each in one of the tables at least.

    Returns
    -------
    tables : list of DataFrame
        The tables.
    """
    for name in names:
        if not any(name in table.columns for _, table in tables):
            paths = " or ".join(dict.fromkeys(str(path) for path, _ in tables))
            raise CommandError(f"there is no column {name!r} to drop in {paths}")
    return [table.drop(columns=list(names), errors="ignore") for _, table in tables]


def check_same_columns(path, table, real_path, real):
    """Fail where a table has not the columns of the real one, or numbers for text."""
    for name in real.columns:
        if name not in table.columns:
            raise CommandError(
                f"{path} has no column {name!r}, which {real_path} has; --drop {name} "
                "leaves it out"
            )
        words = [_in_a_word(table[name]), _in_a_word(real[name])]
        if sorted(words) == ["numbers", "text"]:
            raise CommandError(
                f"{path}: column {name!r} holds {words[0]}, and {words[1]} in "
                f"{real_path}; --drop {name} leaves it out"
            )
    more = [str(name) for name in table.columns if name not in real.columns]
    if more:
        raise CommandError(
            f"{path} has columns that {real_path} has not; leave them out with --drop "
            f"{' '.join(more)}"
        )


def is_text(column):
    """Return whether all that is present in a column is text."""
    return import_pandas().api.types.is_string_dtype(column.dropna())


def conditions_of(table, asked):
    """Return the conditions of `--set` with values of the columns' own types."""
    conditions = {}
    for name, value in asked.items():
        if name not in table.columns:
            raise CommandError(f"--set {name}={value}: the table has no such column")
        known = {str(item): item for item in table[name].dropna().unique().tolist()}
        if known and all(isinstance(item, bool) for item in known.values()):
            known = _TRUTHS
            value = value.lower()
        if value not in known and table[name].dtype.kind in "iuf":
            try:
                known[value] = float(value)
            except ValueError as error:
                raise CommandError(
                    f"--set {name}={value}: the column holds numbers"
                ) from error
        conditions[name] = known.get(value, value)
    return conditions


def _in_a_word(column):
    if import_pandas().api.types.is_any_real_numeric_dtype(column):
        return "numbers"
    return "text" if is_text(column) else "other"
