"""The local-Gaussian law: the training rows, coarse by construction.

Row i becomes the Gaussian component N(mu_i, (t g)^2 C_i), C_i the covariance of its
nearest rows and mu_i the row after a step towards their mean (`local_steps`). The noise
has the shape of the neighbourhood, so no dimension has to be chosen. On a table a
linear map makes good what the steps draw together: the law has the mean of the rows,
and their variance along every direction in which they spread well beyond their
spacing. On a manifold, which a linear map would leave, the steps alone keep the law.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from manidiff.geometry.local_steps import spread, steps_on_manifold, steps_on_table
from manidiff.geometry.neighbors import NeighborSearch

# Neighbourhoods that are decomposed at once.
_CHUNK = 4096


class LocalGaussianLaw:
    """A mixture with one low-rank Gaussian component a training row.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Distinct training rows.
    weights : Tensor of shape (N,)
        Probabilities of the rows.
    n_neighbors : int
        Number of neighbours of a row in its component, beside the row itself; all there
        are when a group has fewer.
    noise : float
        The step g in [0, 1]: 0 keeps the rows, 1 forgets them.
    temperature : float
        Factor t of the noise. Below 1 the law gives up spread at the scale of a
        neighbourhood for precision, as a sampler at low temperature does.
    spacing : float, default=inf
        Length r: on a table the variance v along a principal axis is restored by the
        share v / (v + r^2).
    dim : int, default=None
        Dimension of the manifold that the rows lie on; None for a table.
    groups : sequence of Tensor, default=None
        Row indices of the groups within which neighbours are sought; None for one.
    search_rows : Tensor of shape (N, E), default=None
        What neighbours are close in; None for the rows.
    approximate : bool, default=False
        Whether neighbours may be missed, see `NeighborSearch`.

    Attributes
    ----------
    means : Tensor of shape (N, D)
        Means of the components. A row is not in as many neighbourhoods as every other,
        so the step alone would drift: the means are shifted back within each group.
    factors : Tensor of shape (N, k, D)
        Orthonormal axes of the components.
    variances : Tensor of shape (N, k)
        Variances along them.
    """

    def __init__(
        self,
        rows: Tensor,
        weights: Tensor,
        *,
        n_neighbors: int,
        noise: float,
        temperature: float,
        spacing: float = math.inf,
        dim: int | None = None,
        groups: Sequence[Tensor] | None = None,
        search_rows: Tensor | None = None,
        approximate: bool = False,
    ) -> None:
        groups = [torch.arange(len(rows))] if groups is None else groups
        search_rows = rows if search_rows is None else search_rows
        weights = weights / weights.sum()
        near = [
            group[_neighborhoods(search_rows[group], n_neighbors, approximate)]
            for group in groups
        ]
        scale = temperature * noise
        self.means = torch.empty_like(rows)
        for group, index in zip(groups, near, strict=True):
            means = _moved(rows[group], rows, index, noise, dim)
            share = weights[group] / weights[group].sum()
            self.means[group] = means + share @ (rows[group] - means)

        restore = torch.eye(rows.shape[1], dtype=rows.dtype)
        if dim is None:
            restore = self._restoring_map(rows, weights, groups, near, scale, spacing)
        self.means = weights @ rows + (self.means - weights @ rows) @ restore
        n_axes = min(n_neighbors + 1, rows.shape[1])
        self.factors = rows.new_zeros(len(rows), n_axes, rows.shape[1])
        self.variances = rows.new_zeros(len(rows), n_axes)
        for group, index in zip(groups, near, strict=True):
            for part in torch.arange(len(group)).split(_CHUNK):
                spreads = scale * spread(rows, index[part]) @ restore
                _, singular, axes = torch.linalg.svd(spreads, full_matrices=False)
                self.factors[group[part], : singular.shape[1]] = axes
                self.variances[group[part], : singular.shape[1]] = singular**2

    def _restoring_map(
        self,
        rows: Tensor,
        weights: Tensor,
        groups: Sequence[Tensor],
        near: Sequence[Tensor],
        scale: float,
        spacing: float,
    ) -> Tensor:
        """Return the map that gives the law the variances of the rows."""
        center = weights @ rows
        second = _second_moment(self.means - center, weights)
        for group, index in zip(groups, near, strict=True):
            for part in torch.arange(len(group)).split(_CHUNK):
                spreads = scale * spread(rows, index[part])
                share = weights[group[part]].repeat_interleave(spreads.shape[1])
                second += _second_moment(spreads.flatten(0, 1), share)
        variances, axes = torch.linalg.eigh(_second_moment(rows - center, weights))
        variances = variances.clamp(min=0)
        present = ((second @ axes) * axes).sum(0)
        # A direction without variance stays without.
        has = (variances > 0) & (present > 1e-12 * variances)
        ratio = torch.where(has, variances / present.where(has, variances + 1), 1.0)
        share = variances / (variances + spacing**2)
        return axes * (1 + share * (ratio.sqrt() - 1)) @ axes.T

    def to(self, device: torch.device, dtype: torch.dtype) -> "LocalGaussianLaw":
        """Move the law to a device and a dtype, in place, and return it."""
        self.means = self.means.to(device, dtype)
        self.factors = self.factors.to(device, dtype)
        self.variances = self.variances.to(device, dtype)
        return self

    def along_surface(self, dim: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the first axes, the variances along them, and that in the rest.

        Parameters
        ----------
        dim : int
            Number of axes to keep.

        Returns
        -------
        factors, variances, rest : Tensors of shape (N, dim, D), (N, dim) and (N,)
            The rest is the total variance off the first axes.
        """
        first = slice(min(dim, self.variances.shape[1]))
        rest = self.variances.sum(1) - self.variances[:, first].sum(1)
        return self.factors[:, first], self.variances[:, first], rest.clamp(min=0)

    def noised(self, index: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return fresh draws noised by sigma (n,), and their regression targets.

        Parameters
        ----------
        index : Tensor of shape (n,)
            Components to draw from.
        sigma : Tensor of shape (n,)
            Noise levels.

        Returns
        -------
        x : Tensor of shape (n, D)
            Noised draws.
        target : Tensor of shape (n, D)
            E[x0 | x, component]: the same regression function as x0 has, without the
            variance that the component itself causes.
        """
        means, axes = self.means[index], self.factors[index]
        variances = self.variances[index]
        inner = torch.randn_like(variances) * variances.sqrt()
        outer = sigma[:, None] * torch.randn_like(means)
        offset = torch.einsum("nk,nkd->nd", inner, axes) + outer
        along = torch.einsum("nd,nkd->nk", offset, axes)
        gain = variances / (variances + sigma[:, None] ** 2)
        target = means + torch.einsum("nk,nkd->nd", gain * along, axes)
        return means + offset, target


def neighbors_for_share(dim: int, noise: float, share: float) -> int:
    """Return how many neighbours leave a row a share of the density at its place.

    Of rows spread evenly in a ball of radius R and dimension d, the spread along an
    axis is R / sqrt(d + 2). A Gaussian of `noise` times that about one of n rows in the
    ball has, at its centre, the density ``((d + 2) / (2 pi noise^2 R^2))^(d / 2)``,
    against n over the volume of the ball for all of them.

    Parameters
    ----------
    dim : int
        Dimension d of the manifold.
    noise : float
        Noise over the spread of a neighbourhood, in (0, 1].
    share : float
        What the row's own Gaussian may make of the density, in (0, 1].

    Examples
    --------
    >>> from manidiff.geometry.local_gaussian import neighbors_for_share
    >>> [neighbors_for_share(dim, noise=0.9, share=1 / 26) for dim in (1, 2, 3)]
    [40, 64, 106]
    """
    log_ball = dim / 2 * math.log(math.pi) - math.lgamma(dim / 2 + 1)
    log_peak = dim / 2 * math.log((dim + 2) / (2 * math.pi * noise**2))
    return round(math.exp(log_ball + log_peak) / share)


def _neighborhoods(rows: Tensor, n_neighbors: int, approximate: bool) -> Tensor:
    """Return, for each row, the indices of itself and of its neighbours."""
    n_found = min(n_neighbors + 1, len(rows))
    search = NeighborSearch(rows.numpy(), approximate=approximate)
    return torch.from_numpy(search.kneighbors(rows.numpy(), n_found)[1])


def _moved(
    origins: Tensor, rows: Tensor, index: Tensor, noise: float, dim: int | None
) -> Tensor:
    """Return the rows origins (n, D) after their steps."""
    moved = torch.empty_like(origins)
    for part in torch.arange(len(index)).split(_CHUNK):
        given = (origins[part], rows, index[part], noise)
        if dim is None:
            moved[part] = origins[part] + steps_on_table(*given)
        else:
            moved[part] = origins[part] + steps_on_manifold(*given, dim)
    return moved


def _second_moment(rows: Tensor, weights: Tensor) -> Tensor:
    return rows.T @ (weights[:, None] * rows)
