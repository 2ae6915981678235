"""Nearest rows: exact by scikit-learn, or approximate by faiss where asked for."""

import math
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from manidiff._utils.chunking import chunk_slices

# Entries of the neighbourhoods whose distances are computed at once: 128 MiB.
_MAX_ENTRIES = 2**24
# Share of the cells that is looked through.
_PROBED = 1 / 16


class NeighborSearch:
    """The nearest of a set of rows.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        The rows.
    approximate : bool, default=False
        Whether to miss some for speed: faiss parts the rows into about 4 sqrt(N) cells
        and looks through a sixteenth of them. Results repeat; faiss takes the threads
        that OpenMP gives it.

    Raises
    ------
    ImportError
        If approximate and faiss is missing.
    """

    def __init__(self, rows: np.ndarray, *, approximate: bool = False) -> None:
        self.rows = rows
        self._exact = NearestNeighbors().fit(rows)
        self._cells = _make_cells(rows) if approximate else None

    def kneighbors(
        self, X: np.ndarray, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return distances (n, n_neighbors), ascending, and which rows they are to."""
        if self._cells is None:
            return self._exact.kneighbors(X, n_neighbors)
        distances = np.empty((len(X), n_neighbors))
        index = np.empty((len(X), n_neighbors), dtype=np.intp)
        size = max(_MAX_ENTRIES // (n_neighbors * self.rows.shape[1]), 1)
        for part in chunk_slices(len(X), size):
            distances[part], index[part] = self._in_cells(X[part], n_neighbors)
        return distances, index

    def _in_cells(
        self, X: np.ndarray, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        assert self._cells is not None
        center, cells = self._cells
        found = cells.search((X - center).astype(np.float32), n_neighbors)[1]
        # Cells that hold too few rows leave gaps.
        lacking = (found < 0).any(axis=1)
        if lacking.any():
            found[lacking] = self._exact.kneighbors(
                X[lacking], n_neighbors, return_distance=False
            )
        # In double precision, where single precision may have mixed the order up.
        distances = np.linalg.norm(self.rows[found] - X[:, None], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")
        return (
            np.take_along_axis(distances, order, axis=1),
            np.take_along_axis(found, order, axis=1),
        )


def _make_cells(rows: np.ndarray) -> tuple[np.ndarray, Any]:
    try:
        import faiss
    except ImportError as error:
        raise ImportError(
            "approximate_neighbors=True needs faiss. Install it with "
            "pip install 'manidiff[ann]', or use approximate_neighbors=False."
        ) from error
    center = rows.mean(axis=0)
    centered = (rows - center).astype(np.float32)
    # faiss wants 39 rows to place a cell.
    n_cells = max(min(int(4 * math.sqrt(len(rows))), len(rows) // 39), 1)
    cells: Any = faiss.index_factory(rows.shape[1], f"IVF{n_cells},Flat")
    cells.nprobe = math.ceil(_PROBED * n_cells)
    cells.train(centered)
    cells.add(centered)
    return center, cells
