"""The local-Gaussian law: the training rows, coarse by construction.

Row i becomes the Gaussian component N(mu_i, (t g)^2 C_i) with

    mu_i = m_i + sqrt(1 - g^2) (x_i - m_i),

m_i and C_i the mean and covariance of its nearest rows. It is one Ornstein-Uhlenbeck
step of each row towards its neighbourhood, with noise of the neighbourhood's shape: no
dimension has to be chosen, and at temperature t = 1 second moments stay about right
(our reading of how to coarsen a law along its own geometry; no paper states it so).
"""

import math
from collections.abc import Sequence

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

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
    temperature : float, default=1.0
        Factor t of the noise. Below 1 the law gives up some spread for precision, as a
        sampler at low temperature does.
    groups : sequence of Tensor, default=None
        Row indices of the groups within which neighbours are sought; None for one.
    search_rows : Tensor of shape (N, E), default=None
        What neighbours are close in; None for the rows.

    Attributes
    ----------
    means : Tensor of shape (N, D)
        The means mu_i, shifted within a group to keep its mean: a row is not in as many
        neighbourhoods as every other, so the step alone would drift.
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
        temperature: float = 1.0,
        groups: Sequence[Tensor] | None = None,
        search_rows: Tensor | None = None,
    ) -> None:
        groups = [torch.arange(len(rows))] if groups is None else groups
        search_rows = rows if search_rows is None else search_rows
        n_axes = min(n_neighbors + 1, rows.shape[1])
        self.means = torch.empty_like(rows)
        self.factors = rows.new_zeros(len(rows), n_axes, rows.shape[1])
        self.variances = rows.new_zeros(len(rows), n_axes)
        keep = math.sqrt(1 - noise**2)
        for group in groups:
            near = _neighborhoods(search_rows[group], n_neighbors)
            members = rows[group]
            centers = members[near].mean(1)
            means = centers + keep * (members - centers)
            share = weights[group] / weights[group].sum()
            self.means[group] = means + share @ (members - means)
            for part in torch.arange(len(group)).split(_CHUNK):
                spread = members[near[part]] - centers[part, None]
                spread = spread / math.sqrt(max(near.shape[1] - 1, 1))
                _, singular, axes = torch.linalg.svd(spread, full_matrices=False)
                n_found = singular.shape[1]
                self.factors[group[part], :n_found] = axes
                scale = temperature * noise
                self.variances[group[part], :n_found] = (scale * singular) ** 2

    def to(self, device: torch.device, dtype: torch.dtype) -> "LocalGaussianLaw":
        """Move the law to a device and a dtype, in place, and return it."""
        self.means = self.means.to(device, dtype)
        self.factors = self.factors.to(device, dtype)
        self.variances = self.variances.to(device, dtype)
        return self

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


def _neighborhoods(rows: Tensor, n_neighbors: int) -> Tensor:
    """Return, for each row, the indices of itself and of its neighbours."""
    n_found = min(n_neighbors + 1, len(rows))
    search = NearestNeighbors(n_neighbors=n_found).fit(rows.numpy())
    return torch.from_numpy(search.kneighbors(rows.numpy(), return_distance=False))
