"""Batches to train a denoiser on: noised draws of a law, with their targets."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset

from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.diffusion.training_law import TrainingLaw

Batch = tuple[dict[str, Tensor], Tensor]


class NoisedDraws(Dataset):
    """Batches of noised draws of a law, made as they are asked for.

    The indices that a loader passes only tell how many draws it wants, so a batch is
    one tensor operation instead of many items to collate.

    Parameters
    ----------
    law : TrainingLaw
        What is noised.
    weights : Tensor of shape (N,)
        Probabilities of the rows that draws descend from.
    conditions : Tensor of shape (N, c) or None
        Conditions of the rows.
    denoiser : PreconditionedDenoiser
        Its preconditioning turns denoising targets into targets of the network.
    sigma_range : tuple of two floats
        Noise levels, drawn with ln(sigma) uniform and stratified within a batch.
    """

    def __init__(
        self,
        law: TrainingLaw,
        weights: Tensor,
        conditions: Tensor | None,
        denoiser: PreconditionedDenoiser,
        sigma_range: tuple[float, float],
    ) -> None:
        self.law = law
        self.cumulative = weights.cumsum(0) / weights.sum()
        self.conditions = conditions
        self.denoiser = denoiser
        self.log_low, self.log_high = map(math.log, sigma_range)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch of as many draws as there are indices."""
        n, like = len(indices), self.cumulative
        strata = torch.arange(n, dtype=like.dtype, device=like.device)
        share = (strata + torch.rand_like(strata)) / n
        log_sigma = self.log_low + share * (self.log_high - self.log_low)
        index = torch.searchsorted(like, torch.rand_like(strata))
        index = index.clamp(max=len(like) - 1)
        sigma = log_sigma.exp().float()
        x, target = self.law.noised(index, sigma)
        condition = None if self.conditions is None else self.conditions[index]
        return self.denoiser.training_pair(x, sigma, target, condition)


class FixedDraws(Dataset):
    """One frozen set of noised draws, on which epochs can be compared."""

    def __init__(self, draws: NoisedDraws, n_draws: int) -> None:
        self.inputs, self.target = draws.__getitems__(range(n_draws))

    def __len__(self) -> int:
        """Return the number of draws."""
        return len(self.target)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the draws at consecutive indices."""
        rows = slice(indices[0], indices[-1] + 1)
        return {key: value[rows] for key, value in self.inputs.items()}, self.target[
            rows
        ]
