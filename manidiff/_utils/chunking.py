"""Work on long arrays in pieces of bounded memory."""

from collections.abc import Iterator


def chunk_slices(n_rows: int, chunk_size: int) -> Iterator[slice]:
    """Yield consecutive slices of at most `chunk_size` rows that cover `n_rows`.

    Examples
    --------
    >>> from manidiff._utils.chunking import chunk_slices
    >>> list(chunk_slices(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for start in range(0, n_rows, chunk_size):
        yield slice(start, min(start + chunk_size, n_rows))
