"""Steps of rows towards their neighbourhoods, which keep the law of the rows.

Noise of covariance g^2 C_i about every row i, C_i the covariance of its nearest rows,
blurs the law of the rows. A step towards the mean m_i of the nearest rows makes up for
it. How long it has to be depends on what the neighbourhood is.

On a table it is wide and taken for the law itself: the Ornstein-Uhlenbeck process that
keeps N(m_i, C_i) steps by ``a = 1 - sqrt(1 - g^2)`` of the way.

On a manifold of dimension k it is a small part of a law with density p. To second
order in g, draws have the density

    p - div(a p C grad log p) + (g^2 / 2) div grad(C p),

as the nearest rows are, in the mean, C grad log p away. Neighbourhoods of equally many
rows have a covariance C proportional to p^(-2 / k), so that the density is kept by
``a = (1 - 2 / k) g^2 / 2``. On surfaces it is no step at all, the square-root law of
Abramson (1982, "On Bandwidth Variation in Kernel Estimates"); on curves rows move away
from their neighbours. At an edge of the manifold, where all neighbours are on one side,
noise would leave it: there the first step is taken. (Both the use of the law and what
is done at edges are ours; no paper states them so.)
"""

import math

import torch
from torch import Tensor

# An edge is looked for among this part of the neighbours, the nearest, and no fewer
# than so many: among all, a steep density looks like one.
_EDGE_PART, _FEWEST = 1 / 4, 8


def spread(rows: Tensor, index: Tensor) -> Tensor:
    """Return the square roots (n, k, D) of the covariances of rows index (n, k)."""
    near = rows[index]
    return (near - near.mean(1, keepdim=True)) / math.sqrt(max(index.shape[1] - 1, 1))


def steps_on_table(
    origins: Tensor, rows: Tensor, index: Tensor, noise: float
) -> Tensor:
    """Return the steps (n, D) that keep the Gaussian of each neighbourhood.

    Parameters
    ----------
    origins : Tensor of shape (n, D)
        The rows that step.
    rows : Tensor of shape (N, D)
        All rows.
    index : Tensor of shape (n, k)
        The neighbourhoods, nearest rows first, with the origin itself.
    noise : float
        The noise g in [0, 1] that is to be made up for.
    """
    return _settling(noise) * (rows[index].mean(1) - origins)


def steps_on_manifold(
    origins: Tensor, rows: Tensor, index: Tensor, noise: float, dim: int
) -> Tensor:
    """Return the steps (n, D) that keep the density along a manifold.

    Parameters are those of `steps_on_table`, and the dimension of the manifold.
    """
    edge = _one_sidedness(origins, rows, index)
    length = (1 - edge) * (1 - 2 / dim) * noise**2 / 2 + edge * _settling(noise)
    return length[:, None] * _offsets(origins, rows, index)


def _settling(noise: float) -> float:
    return 1 - math.sqrt(1 - noise**2)


def _offsets(origins: Tensor, rows: Tensor, index: Tensor) -> Tensor:
    """Return by how much the means of neighbourhoods are off, less what chance does."""
    offsets = rows[index].mean(1) - origins
    return _beyond_chance(offsets, rows, index)[:, None] * offsets


def _beyond_chance(offsets: Tensor, rows: Tensor, index: Tensor) -> Tensor:
    """Return the share of the means' offsets (n, D) that is not chance.

    This is the positive-part estimator of James and Stein (1961): the mean of n rows
    spread about x_i with covariance C_i misses it by tr(C_i) / n in the mean square.
    """
    chance = spread(rows, index).square().sum((1, 2)) / index.shape[1]
    found = offsets.square().sum(1)
    return (1 - chance / found.where(found > 0, torch.inf)).clamp(min=0) * (found > 0)


def _one_sidedness(origins: Tensor, rows: Tensor, index: Tensor) -> Tensor:
    """Return a number in [0, 1] for each row: 0 amid its nearest rows, 1 at an edge."""
    index = index[:, : max(int(_EDGE_PART * index.shape[1]), _FEWEST)]
    offsets = rows[index].mean(1) - origins
    along = ((rows[index] - origins[:, None]) @ offsets[:, :, None]).squeeze(2)
    ahead, behind = along.amax(1), -along.amin(1)
    sided = 1 - behind / ahead.where(ahead > 0, torch.inf)
    return _beyond_chance(offsets, rows, index) * sided.clamp(min=0)
