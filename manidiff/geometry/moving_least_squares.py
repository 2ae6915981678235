"""Projection onto the surface through the rows around a point.

Moving least squares (Sober and Levin 2019): the nearest rows give a tangent plane, a
polynomial over it is fitted to them, and the point moves to the surface above its own
tangent coordinates. A surface of degree m misses a smooth manifold by O(h^(m+1)), h the
width of the neighbourhood (Aamari and Levrard 2019).
"""

from itertools import combinations_with_replacement
from math import comb

import numpy as np
import torch
from torch import Tensor

from manidiff._utils.chunking import chunk_slices
from manidiff.geometry.neighbors import NeighborSearch

# Entries of the neighbourhoods held at once: 128 MiB.
_MAX_ENTRIES = 2**24
# The weight of the farthest neighbour must not vanish, lest its row be wasted.
_WIDTH = 1.05
# The smallest ridge that keeps coincident or aligned neighbours solvable, over the
# trace of the normal equations.
_RIDGE = 1e-8
# Further ridges tried on the terms that bend a surface, and the largest leverage at
# which an error is still divided by what a row leaves unexplained.
_BENDING_RIDGES = (0.0, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 1e-2)
_MAX_LEVERAGE = 0.98
# Projections end when they move less than this share of the neighbourhood's width.
_TOLERANCE = 1e-4
_MAX_PROJECTIONS = 4
# A point is far from its nearest row beyond this share of the width of that row's
# neighbourhood.
_FAR = 0.6


def n_monomials(dim: int, degree: int) -> int:
    """Return the number of monomials up to a degree in so many variables."""
    return comb(dim + degree, degree)


class MovingLeastSquares:
    """Polynomial surfaces through the neighbourhoods of a set of rows.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        Distinct rows.
    dim : int
        Dimension of the surfaces, >= 1. With dim >= D there is nothing to project onto
        and points stay where they are.
    degree : {1, 2, 3}
        Degree of the polynomials; lower where a neighbourhood has fewer rows than the
        polynomial has coefficients. Terms beyond the linear ones are shrunk point by
        point, by what best predicts each neighbour from the others.
    n_neighbors : int
        Rows that a surface is fitted to; all there are when there are fewer.
    approximate : bool, default=False
        Whether neighbours may be missed, see `NeighborSearch`.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from manidiff.geometry.moving_least_squares import MovingLeastSquares
    >>> angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> surface = MovingLeastSquares(circle, dim=1, degree=2, n_neighbors=8)
    >>> projected = surface.project(torch.tensor([[0.0, 1.1]], dtype=torch.float64))
    >>> round(float(projected.norm()), 3)
    1.0
    """

    def __init__(
        self,
        rows: np.ndarray,
        *,
        dim: int,
        degree: int,
        n_neighbors: int,
        approximate: bool = False,
    ) -> None:
        self.rows = torch.from_numpy(np.ascontiguousarray(rows, dtype=np.float64))
        self.dim = dim
        self.n_neighbors = min(n_neighbors, len(rows))
        self.degree = degree
        while self.degree > 1 and n_monomials(dim, self.degree) > self.n_neighbors:
            self.degree -= 1
        self._search = NeighborSearch(rows, approximate=approximate)

    def project(self, x: Tensor) -> Tensor:
        """Return the projections (n, D) of points x (n, D), in their dtype and device.

        Repeated, up to four times, until the result moves by less than 1e-4 of the
        width of its neighbourhood: from the result, and where a point is far from all
        rows, from the point with the neighbourhood of the result, at first of its
        nearest row.
        """
        if self.dim >= x.shape[1]:
            return x
        points = x.detach().cpu().double()
        rows, far = self._nearest(points)
        found = rows.where(far[:, None], points)
        open_ = torch.arange(len(points))
        for _ in range(_MAX_PROJECTIONS):
            moved, width = self._once(points[open_], found[open_])
            step = (moved - found[open_]).norm(dim=1)
            found = found.index_copy(0, open_, moved)
            points = points.where(far[:, None], found)
            open_ = open_[step > _TOLERANCE * width]
            if len(open_) == 0:
                break
        return found.to(x.device, x.dtype)

    def leave_one_out(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how far rows lie from the surfaces through the others.

        Parameters
        ----------
        index : ndarray of shape (m,)
            The rows.

        Returns
        -------
        errors : ndarray of shape (m,)
            Their distances.
        misfits : ndarray of shape (m,)
            Root of the mean square distance of their neighbours, weighted as in the
            regression that makes the surface.
        """
        asked = self.rows[index]
        n_found = min(self.n_neighbors + 1, len(self.rows))
        distances, near = self._search.kneighbors(asked.numpy(), n_found)
        # The nearest row is the row itself, which must not predict itself.
        surfaces = self._surfaces(distances[:, 1:], near[:, 1:])
        errors = (asked - surfaces.above(asked)).norm(dim=1)
        return errors.numpy(), surfaces.misfits().numpy()

    def _nearest(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nearest rows of points, and whether points are far from them.

        The neighbours of a point inside a tube lie on all sides of it, and a surface
        through them means nothing.
        """
        distances, near = self._search.kneighbors(x.numpy(), 1)
        rows = self.rows[torch.from_numpy(near[:, 0])]
        reach = self._search.kneighbors(rows.numpy(), self.n_neighbors)[0][:, -1]
        return rows, torch.from_numpy(distances[:, 0] > _FAR * reach)

    def _once(self, x: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
        """Return points on the surfaces, and the widths of the neighbourhoods."""
        moved, width = torch.empty_like(x), torch.empty_like(x[:, 0])
        entries = self.n_neighbors * (x.shape[1] + n_monomials(self.dim, self.degree))
        for part in chunk_slices(len(x), max(_MAX_ENTRIES // entries, 1)):
            distances, near = self._search.kneighbors(
                centers[part].numpy(), self.n_neighbors
            )
            moved[part] = self._surfaces(distances, near).above(x[part])
            width[part] = torch.from_numpy(distances[:, -1])
        return moved, width

    def _surfaces(self, distances: np.ndarray, near: np.ndarray) -> "_Surfaces":
        """Return the surfaces through the rows near (n, k) to n places."""
        reach = torch.from_numpy(distances)
        # Where all neighbours are one point, any width will do.
        width = _WIDTH * reach[:, -1:].where(reach[:, -1:] > 0, torch.tensor(1.0))
        weights = (1 - (reach / width).clamp(max=1) ** 2) ** 2
        # A point far from all rows has them all at one distance.
        weights = weights / weights.amax(1, keepdim=True)
        rows = self.rows[torch.from_numpy(near)]
        return _Surfaces(rows, weights, self.dim, self.degree)


class _Surfaces:
    """The polynomial surfaces through n sets of k weighted rows (n, k, D)."""

    def __init__(self, rows: Tensor, weights: Tensor, dim: int, degree: int) -> None:
        self.degree = degree
        self.weight = weights.sum(1)
        self.center = (weights[:, None] @ rows).squeeze(1) / self.weight[:, None]
        spread = rows - self.center[:, None]
        root = weights.sqrt()[..., None]
        self.tangent = _principal_directions(root * spread, dim)
        extent = spread.norm(dim=2).amax(1)
        self.scale = extent.where(extent > 0, torch.ones_like(extent))[:, None]
        along = spread @ self.tangent / self.scale[..., None]
        self.basis, self.targets = root * _monomials(along, degree), root * spread
        self.coefficients = _regression(self.basis, self.targets, 1 + dim)

    def above(self, x: Tensor) -> Tensor:
        """Return the points of the surfaces above the coordinates of x (n, D)."""
        at_point = ((x - self.center)[:, None] @ self.tangent).squeeze(1) / self.scale
        # Beyond the neighbourhood a polynomial means nothing.
        length = at_point.norm(dim=1, keepdim=True).clamp(min=1)
        basis = _monomials(at_point / length, self.degree)
        return self.center + (basis[:, None] @ self.coefficients).squeeze(1)

    def misfits(self) -> Tensor:
        """Return the weighted root mean square distance (n,) of the rows."""
        missed = self.targets - self.basis @ self.coefficients
        return (missed.square().sum((1, 2)) / self.weight).sqrt()


def _principal_directions(spread: Tensor, dim: int) -> Tensor:
    """Return the dim leading directions (n, D, dim) of weighted rows (n, k, D)."""
    n_rows, width = spread.shape[1:]
    if width <= n_rows:
        return torch.linalg.eigh(spread.mT @ spread)[1][..., -dim:]
    values, left = torch.linalg.eigh(spread @ spread.mT)
    directions = spread.mT @ left[..., -dim:]
    # Rows that span fewer directions leave the others at zero.
    length = values[:, None, -dim:].clamp(min=0).sqrt()
    return directions / length.where(length > 0, torch.ones_like(length))


def _regression(basis: Tensor, targets: Tensor, n_linear: int) -> Tensor:
    """Return the coefficients (n, p, D) of targets (n, k, D) on a basis (n, k, p).

    The terms after the first n_linear ones are shrunk by the ridge of smallest
    leave-one-out error, chosen for each of the n regressions (PRESS, Allen 1974).
    """
    normal = basis.mT @ basis
    diagonal = normal.diagonal(dim1=1, dim2=2)
    trace = diagonal.sum(1, keepdim=True)
    bending = torch.zeros_like(diagonal)
    bending[:, n_linear:] = trace
    best = torch.full_like(trace[:, 0], torch.inf)
    coefficients = basis.new_zeros(len(basis), basis.shape[2], targets.shape[2])
    for ridge in _BENDING_RIDGES if basis.shape[2] > n_linear else (0.0,):
        penalty = torch.diag_embed(_RIDGE * trace + ridge * bending)
        solution = torch.linalg.solve(normal + penalty, basis.mT)
        leverage = (basis * solution.mT).sum(2, keepdim=True).clamp(max=_MAX_LEVERAGE)
        found = solution @ targets
        error = ((targets - basis @ found) / (1 - leverage)).square().sum((1, 2))
        coefficients = found.where((error < best)[:, None, None], coefficients)
        best = torch.minimum(error, best)
    return coefficients


def _monomials(t: Tensor, degree: int) -> Tensor:
    """Return the monomials up to a degree of coordinates (..., dim), last axis."""
    columns = [torch.ones_like(t[..., 0])]
    for power in range(1, degree + 1):
        for index in combinations_with_replacement(range(t.shape[-1]), power):
            columns.append(t[..., list(index)].prod(-1))
    return torch.stack(columns, -1)
