"""An order of rows in which near ones follow each other, with cuts into compact parts.

Rows are bisected again and again across the direction in which they spread most, those
parts first that spread most. A cut carries the number of the round that made it, so the
cuts of the first rounds part the rows coarsely, those of more rounds finely.
"""

import numpy as np

# Columns of the random projection by which rows are parted: distances within a part
# come out right to about a fifth.
_N_COLUMNS = 16
# In a round, parts are cut whose scatter is at least this share of the largest.
_SHARE = 2**-0.5
# Rounds of the power method for the direction of largest spread.
_N_POWERS = 3
# No part of fewer rows is cut, on average.
_MIN_PART = 4
# Where no round has cut.
NEVER = np.iinfo(np.int16).max


def compact_order(
    rows: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return an order of rows (N, D), and the round of the cut before each row then.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Rows.
    rng : numpy.random.Generator
        Chooses the projection in which the rows are compared.

    Returns
    -------
    order : ndarray of shape (N,)
        Indices of the rows.
    cuts : ndarray of shape (N,)
        Rounds in this order, int16: 0 before the first row, `NEVER` where there is no
        cut. Rounds end when parts have four rows on average.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.diffusion.compact_order import compact_order, part_starts
    >>> rows = np.array([[9.0], [1.0], [2.0], [8.0], [1.5], [9.5], [0.5], [8.2]])
    >>> order, cuts = compact_order(rows, np.random.default_rng(0))
    >>> first, second = np.split(rows[order, 0], part_starts(cuts, 1)[1:])
    >>> sorted(float(part.max()) for part in (first, second))
    [2.0, 9.5]
    """
    sketch = _sketch(rows, rng)
    order = np.arange(len(rows))
    cuts = np.full(len(rows), NEVER, dtype=np.int16)
    cuts[0] = 0
    starts, scatters = np.array([0]), np.array([_scatters(sketch, np.array([0]))[0]])
    for this_round in range(1, NEVER):
        wide = (scatters >= _SHARE * scatters.max()) & (scatters > 0)
        if not wide.any() or _MIN_PART * len(starts) > len(rows):
            break
        sizes = np.diff(np.append(starts, len(rows)))[wide]
        inner = np.cumsum(sizes) - sizes
        rows_of = np.repeat(starts[wide] - inner, sizes) + np.arange(sizes.sum())
        beyond = _beyond(sketch[rows_of], inner, sizes, rng)
        part = np.repeat(np.arange(len(sizes)), sizes)
        moved = rows_of[np.argsort(2 * part + beyond, kind="stable")]
        sketch[rows_of], order[rows_of] = sketch[moved], order[moved]
        n_first = sizes - np.add.reduceat(beyond.astype(np.intp), inner)
        # Rows that rounding does not tell apart are not cut, and not tried again.
        cut = (n_first > 0) & (n_first < sizes)
        cuts[(starts[wide] + n_first)[cut]] = this_round
        scatters[wide] = 0
        starts, scatters = _renewed(sketch, cuts, starts, scatters, wide)
    return order, cuts


def part_starts(cuts: np.ndarray, n_rounds: int) -> np.ndarray:
    """Return where the parts begin that the cuts of the first rounds make."""
    return np.flatnonzero(cuts <= n_rounds)


def n_parts(cuts: np.ndarray) -> np.ndarray:
    """Return the numbers of parts after 0, 1, 2, ... rounds, to the last one."""
    return np.cumsum(np.bincount(cuts[cuts < NEVER]))


def _sketch(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    center = rows.mean(axis=0)
    n_features = rows.shape[1]
    projection = np.eye(n_features)
    if n_features > _N_COLUMNS:
        projection = rng.standard_normal((n_features, _N_COLUMNS))
    sketch: np.ndarray = rows @ projection - center @ projection
    largest = float(np.abs(sketch).max())
    if largest > 0:
        # Squares must fit into single precision.
        sketch /= largest
    return sketch.astype(np.float32)


def _renewed(
    sketch: np.ndarray,
    cuts: np.ndarray,
    starts: np.ndarray,
    scatters: np.ndarray,
    wide: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts of all parts and their scatters, anew for those just cut."""
    all_starts = np.flatnonzero(cuts < NEVER)
    parent = np.searchsorted(starts, all_starts, side="right") - 1
    sizes = np.diff(np.append(all_starts, len(sketch)))
    found = scatters[parent]
    is_new = wide[parent] & (np.bincount(parent)[parent] > 1)
    inner = np.cumsum(sizes[is_new]) - sizes[is_new]
    rows_of = np.repeat(all_starts[is_new] - inner, sizes[is_new])
    rows_of += np.arange(len(rows_of))
    if len(inner):
        found[is_new] = _scatters(sketch[rows_of], inner)
    return all_starts, found


def _centered(values: np.ndarray, starts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    means = np.add.reduceat(values, starts, axis=0) / sizes[:, None]
    return values - np.repeat(means.astype(np.float32), sizes, axis=0)


def _scatters(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return the root mean square distances of rows from the means of their parts."""
    sizes = np.diff(np.append(starts, len(values)))
    squares = (_centered(values, starts, sizes) ** 2).sum(axis=1, dtype=np.float64)
    return np.sqrt(np.add.reduceat(squares, starts) / sizes)


def _beyond(
    values: np.ndarray,
    starts: np.ndarray,
    sizes: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return which rows lie beyond the mean of their part along its widest direction.

    The direction is that of the power method, from a random one.
    """
    centered = _centered(values, starts, sizes)
    start = rng.standard_normal(values.shape[1:]).astype(np.float32)
    along = centered @ start
    for _ in range(_N_POWERS):
        direction = np.add.reduceat(along[:, None] * centered, starts, axis=0)
        largest = np.abs(direction).max(axis=1, keepdims=True)
        direction /= np.where(largest > 0, largest, 1)
        along = np.einsum("nd,nd->n", centered, np.repeat(direction, sizes, axis=0))
    return along > 0
