"""Slices that cover."""

import pytest

from manidiff._utils.chunking import chunk_slices


@pytest.mark.parametrize(("n_rows", "size"), [(0, 3), (1, 3), (6, 3), (7, 3), (2, 9)])
def test_every_row_is_covered_once_in_order(n_rows, size):
    parts = [range(n_rows)[rows] for rows in chunk_slices(n_rows, size)]
    assert [row for part in parts for row in part] == list(range(n_rows))
    assert all(0 < len(part) <= size for part in parts)
