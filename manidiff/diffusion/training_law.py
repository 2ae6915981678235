"""What a network is trained on: noised draws of a law, and their targets.

A law turns a batch of row indices into points x at noise levels sigma and targets t
with E[t | x, sigma] = E[x0 | x, sigma]. Any such target has the denoiser as its
regression function (Vincent 2011); the less it varies, the fewer steps a network needs.
The other law is `manidiff.geometry.local_gaussian.LocalGaussianLaw`.
"""

from typing import Protocol

import torch
from torch import Tensor

# Rows in the reference batch of a stable target.
_MAX_REFERENCE = 4096
# By how much the noise of a far draw may exceed its level.
_FARTHEST = 4.0


class TrainingLaw(Protocol):
    """Noised draws of one law with their regression targets."""

    def noised(self, index: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return points (n, D) that descend from rows index (n,), and targets."""


class EmpiricalTrainingLaw:
    """The training rows themselves.

    At noise levels where the closed-form posterior mean over the rows generalises
    (`generalization_scale`), it is the target: a stable target field (Xu et al. 2023)
    with no variance. Below, where that posterior would teach the rows one by one, the
    target is the clean row.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Training rows, or what gives them when indexed by a tensor.
    weights : Tensor of shape (N,)
        Probabilities of the rows, or of the reference where there is one.
    sigma_stable : float
        Noise level from which on the posterior mean is the target; infinity for never.
    reference : Tensor of shape (M, D), default=None
        Rows by which posterior means are taken; None for all.
    far_share : float, default=0.0
        Share of the draws at levels from `sigma_stable` on whose noise is up to four
        times as large as the level says. The posterior mean is their target wherever
        they lie. A network that has met such points brings back draws that fall behind
        the noise level; of others it knows little beyond three standard deviations.
    """

    def __init__(
        self,
        rows: Tensor,
        weights: Tensor,
        sigma_stable: float,
        reference: Tensor | None = None,
        far_share: float = 0.0,
    ) -> None:
        self.rows = rows
        self.far_share = far_share
        self.reference = rows if reference is None else reference
        self.weights = weights
        self.cumulative = weights.double().cumsum(0) / weights.double().sum()
        self.sigma_stable = sigma_stable

    def noised(self, index: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return points (n, D) that descend from rows index (n,), and targets."""
        x0 = self.rows[index]
        noise = sigma[:, None] * torch.randn_like(x0)
        stable = sigma >= self.sigma_stable
        if not stable.any():
            return x0 + noise, x0
        far = torch.zeros_like(stable)
        if self.far_share > 0:
            far = stable & (torch.rand_like(sigma) < self.far_share)
            stretch = 1 + (_FARTHEST - 1) * torch.rand_like(sigma)
            noise = torch.where(far[:, None], stretch[:, None] * noise, noise)
        x = x0 + noise
        mean = self._posterior_mean(x, sigma, x0, far)
        return x, torch.where(stable[:, None], mean, x0)

    def _posterior_mean(
        self, x: Tensor, sigma: Tensor, x0: Tensor, far: Tensor
    ) -> Tensor:
        rows = self.reference
        if len(rows) <= _MAX_REFERENCE:
            log_weights = self.weights.log()
        else:
            # All are drawn by the weights, so within the batch they weigh the same.
            like = self.cumulative
            share = torch.rand(_MAX_REFERENCE, dtype=like.dtype, device=like.device)
            others = torch.searchsorted(like, share).clamp(max=len(like) - 1)
            rows = torch.cat([x0, rows[others]])
            log_weights = x.new_zeros(len(x), len(rows))
            # Its own row must not be there for a point whose noise is not of its level.
            log_weights.diagonal()[far] = -torch.inf
        logits = (x @ rows.T - (rows**2).sum(1) / 2) / sigma[:, None] ** 2
        return torch.softmax(logits + log_weights, dim=1) @ rows
