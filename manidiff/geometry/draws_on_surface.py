"""Draws of a model made fit to walk from: no copies, no strays, no gaps.

Surfaces through a model's draws are its manifold only where draws are. A stray one
would become a piece of manifold of its own, and where a model repeats a few rows there
are gaps between them.
"""

import numpy as np
import torch
from scipy.spatial import cKDTree
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from manidiff.geometry.surface_choice import SurfaceChoice

# A draw farther from the surface through the others than this share of the distance to
# its tenth neighbour has strayed.
_STRAY, _STRAY_NEIGHBOR = 0.35, 10
_LOF_NEIGHBORS = 20
# New points scatter like so many neighbours about a row.
_N_NEIGHBORS = 5


def without_copies(rows: np.ndarray, distance: float) -> np.ndarray:
    """Return the rows (n, D) but those within a distance of an earlier one.

    Draws of an exact score lie in the same places but for rounding.
    """
    pairs = cKDTree(rows).query_pairs(distance, output_type="ndarray")
    return np.delete(rows, pairs[:, 1], axis=0)


def without_strays(surfaces: SurfaceChoice) -> np.ndarray:
    """Return the rows (n, D) that lie near the surface through the other rows.

    Rows much farther from their neighbours than those are from theirs are left out too,
    by the local outlier factor: the surface there is of their own making.
    """
    assert surfaces.surface is not None
    rows = surfaces.rows
    reach = _neighbors(rows, _STRAY_NEIGHBOR)[0][:, -1]
    missed, _ = surfaces.surface.leave_one_out(np.arange(len(rows)))
    crowded = LocalOutlierFactor(min(_LOF_NEIGHBORS, len(rows) - 1)).fit_predict(rows)
    return rows[(missed < _STRAY * reach) & (crowded == 1)]


def filled_up(
    surfaces: SurfaceChoice, n_rows: int, rng: np.random.Generator
) -> np.ndarray:
    """Return at least n_rows points: the rows, and points of the surface between them.

    A new one is a row displaced by as much as its five nearest neighbours scatter, and
    projected.
    """
    assert surfaces.surface is not None
    rows = surfaces.rows
    n_new = n_rows - len(rows)
    if n_new <= 0:
        return rows
    chosen = rng.integers(len(rows), size=n_new)
    near = rows[_neighbors(rows, _N_NEIGHBORS)[1][chosen]]
    share = rng.standard_normal(near.shape[:2]) / np.sqrt(near.shape[1])
    moved = rows[chosen] + np.einsum("nk,nkd->nd", share, near - rows[chosen, None])
    new = surfaces.surface.project(torch.from_numpy(moved)).numpy()
    return np.concatenate([rows, new])


def _neighbors(rows: np.ndarray, n_neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    n_neighbors = min(n_neighbors, len(rows) - 1)
    return NearestNeighbors(n_neighbors=n_neighbors).fit(rows).kneighbors()
