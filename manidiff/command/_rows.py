"""Which rows are learned, and which are held out."""

import numpy as np

from manidiff.command._errors import CommandError

MIN_ROWS = 10
# So many rows must be left to measure with.
_MIN_HELD_OUT = 2


def check_number_of_rows(table):
    """Fail where a table is too small to be learned and measured."""
    if len(table) < MIN_ROWS:
        raise CommandError(
            f"the table has {len(table)} rows; at least {MIN_ROWS} are needed"
        )


def split(table, share, seed, kinds=None):
    """Return the rows to learn from and those held out.

    Parameters
    ----------
    table : DataFrame
        All rows.
    share : float
        The share to hold out.
    seed : int
        Seeds the choice.
    kinds : dict, default=None
        What each column is, as in `TableEncoder.column_kinds_`. Then a row of each
        category, and one with a missing value where there are some, is learned: of what
        is held out alone nothing can be said.

    Raises
    ------
    CommandError
        If the table has too few rows, or too many are the only ones of a category.
    """
    check_number_of_rows(table)
    order = np.random.default_rng(seed).permutation(len(table))
    if kinds is not None:
        needed = _needed(table.iloc[order], kinds)
        # The needed ones go last, and the held-out ones are taken from the front.
        order = np.concatenate([order[~needed], order[needed]])
        if (~needed).sum() < _MIN_HELD_OUT:
            raise CommandError(
                f"of {len(table)} rows {needed.sum()} are the only ones of a category, "
                "so none can be held out. Leave out columns of names and identifiers "
                "with --drop"
            )
        share = min(share, (~needed).mean())
    n_held_out = round(share * len(table))
    return table.iloc[order[n_held_out:]], table.iloc[order[:n_held_out]]


def check_identifiers(table, types):
    """Fail where most values of a column of text are met once.

    Parameters
    ----------
    table : DataFrame
        All rows.
    types : dict
        What columns are said to be; those are not checked.
    """
    for name in table.columns:
        column = table[name].dropna()
        if name in types or column.dtype.kind in "biufcmM":
            continue
        try:
            n_single = int((~column.duplicated(keep=False)).sum())
        except TypeError:
            # Lists and the like: the encoder says what is wrong with them.
            continue
        if 2 * n_single > len(column) > 1:
            raise CommandError(
                f"column {name!r} looks like names or identifiers: {n_single} of its "
                f"{len(column)} values are met once. Leave it out with --drop {name}, "
                f"or say --types {name}=categorical"
            )


def _needed(table, kinds):
    """Return whether each row is the first of something that must be learned."""
    needed = np.zeros(len(table), dtype=bool)
    for name, kind in kinds.items():
        is_first = ~table[name].duplicated().to_numpy()
        is_missing = table[name].isna().to_numpy()
        needed |= is_first & is_missing
        firsts = np.flatnonzero(is_first & ~is_missing)
        # Of numbers two are enough not to be taken for a constant.
        needed[firsts[:2] if kind in ("numeric", "datetime") else firsts] = True
    return needed
