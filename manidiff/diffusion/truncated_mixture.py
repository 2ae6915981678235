"""The closed-form denoiser of many rows, without the rows that cannot matter.

Rows come in an order in which consecutive ones are near each other, and are cut into
cells. A cell with mass A, centre c and radius r adds to the sum over the
kernels at x at most

    A exp(-max(|x - c| - r, 0)^2 / (2 sigma^2)),

so what is left out is bounded before it is computed. With s the bound on all cells left
out over the kernels that were summed, and R the radius of the data, the denoised point
errs by at most 2 s R: cells are left out as long as that stays below tol * sigma.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from manidiff._utils.chunking import chunk_slices

# Entries of the (queries, cells) matrices held at once: 32 MiB.
_MAX_ENTRIES = 2**22


def part_sums(values: Tensor, starts: np.ndarray) -> Tensor:
    """Return the sums of values (N, ...) over the parts that begin at starts."""
    sums = np.add.reduceat(values.cpu().numpy(), starts, axis=0)
    return torch.from_numpy(sums).to(values.device)


class TruncatedDenoiser:
    """E[x0 | x] when x0 is one of many weighted points, to a bounded error.

    Parameters
    ----------
    points : Tensor of shape (N, D)
        Points, those of a cell together.
    weights : Tensor of shape (N,)
        Positive weights.
    starts : ndarray of shape (K,)
        Where the cells begin, from 0 on.
    tol : float
        Bound on the error of a denoised point, in standard deviations of the noise: the
        score, times sigma, errs by no more. > 0.
    """

    def __init__(
        self, points: Tensor, weights: Tensor, starts: np.ndarray, *, tol: float
    ) -> None:
        self.points = points.double()
        self.log_weights = (weights / weights.sum()).double().log()
        self.tol = tol
        self._bounds = np.append(starts, len(points))
        masses = part_sums(self.log_weights.exp(), starts)
        counts = torch.from_numpy(np.diff(self._bounds)).to(masses)
        self._centers = part_sums(self.points, starts) / counts[:, None]
        self._log_masses = masses.log()
        self._radii, self._scatters = torch.empty_like(masses), torch.empty_like(masses)
        for cell, rows in enumerate(self._cells()):
            squares = ((self.points[rows] - self._centers[cell]) ** 2).sum(1)
            shares = self.log_weights[rows].exp() / masses[cell]
            self._radii[cell] = squares.max().sqrt()
            self._scatters[cell] = shares @ squares
        middle = self._centers.mean(0)
        reach = (self._centers - middle).norm(dim=1) + self._radii
        self._radius = float(reach.max())

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised points (n, D) of x (n, D) at noise levels sigma (n,)."""
        size = max(_MAX_ENTRIES // len(self._centers), 1)
        parts = [
            self._denoise(x[rows].double(), sigma[rows].double())
            for rows in chunk_slices(max(len(x), 1), size)
        ]
        return torch.cat(parts).to(x.dtype)

    def _cells(self) -> Iterator[slice]:
        for start, stop in zip(self._bounds[:-1], self._bounds[1:], strict=True):
            yield slice(int(start), int(stop))

    def _denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        distance = torch.cdist(x, self._centers)
        precision = 1 / sigma[:, None] ** 2
        most = self._log_masses - (distance - self._radii).clamp(min=0) ** 2 / 2 * (
            precision
        )
        # By Jensen's inequality a cell holds at least this much.
        least = self._log_masses - (distance**2 + self._scatters) / 2 * precision
        asked = torch.zeros_like(most, dtype=torch.bool)
        if len(x):
            asked[torch.arange(len(x)), least.argmax(1)] = True
        sums = _KernelSums(x, sigma)
        self._visit(sums, asked)
        share = self.tol * sigma / (2 * max(self._radius, 1e-300) * len(self._centers))
        self._visit(sums, (most > (sums.log_total + share.log())[:, None]) & ~asked)
        return sums.mean

    def _visit(self, sums: "_KernelSums", asked: Tensor) -> None:
        """Add the cells that are asked for (n, K), each for all its queries at once."""
        cells, queries = asked.T.nonzero(as_tuple=True)
        found, counts = cells.unique_consecutive(return_counts=True)
        for cell, index in zip(
            found.tolist(), queries.split(counts.tolist()), strict=True
        ):
            rows = slice(int(self._bounds[cell]), int(self._bounds[cell + 1]))
            sums.add(index, self.points[rows], self.log_weights[rows])


class _KernelSums:
    """Sums over Gaussian kernels, kept relative to the largest one met so far."""

    def __init__(self, x: Tensor, sigma: Tensor) -> None:
        self.x = x
        self.precision = 1 / sigma[:, None] ** 2
        self.largest = torch.full_like(x[:, :1], -math.inf)
        self.total = torch.zeros_like(x[:, :1])
        self.moment = torch.zeros_like(x)

    @property
    def log_total(self) -> Tensor:
        """Logarithms (n,) of the sums of the kernels."""
        return (self.largest + self.total.log()).squeeze(1)

    @property
    def mean(self) -> Tensor:
        """The means (n, D) of the points, weighted by the kernels."""
        return self.moment / self.total

    def add(self, index: Tensor, points: Tensor, log_weights: Tensor) -> None:
        """Add points (m, D) with log-weights (m,) to the sums of queries index."""
        # Relative to one of the points, squares do not swallow small distances.
        origin = points[0]
        y, z = self.x[index] - origin, points - origin
        half = y @ z.T - (z**2).sum(1) / 2 - (y**2).sum(1, keepdim=True) / 2
        logits = half * self.precision[index] + log_weights
        before = self.largest[index]
        largest = torch.maximum(before, logits.amax(1, keepdim=True))
        kernels = (logits - largest).exp_()
        kept = (before - largest).exp()
        self.largest[index] = largest
        self.total[index] = kept * self.total[index] + kernels.sum(1, keepdim=True)
        self.moment[index] = kept * self.moment[index] + kernels @ points
