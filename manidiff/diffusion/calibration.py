"""The choice of the level and the projector at which a score is frozen."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from manidiff.diffusion.projectors import PROJECTORS, FrozenBelow
from manidiff.diffusion.samplers import heun_step
from manidiff.diffusion.schedules import VarianceExploding

Denoiser = Callable[[Tensor, Tensor], Tensor]

# Sampler steps from one level to the next.
_N_STEPS = 6


def choose_frozen_level(
    denoiser: Denoiser,
    x: Tensor,
    sigma_max: float,
    levels: Iterable[float],
    projectors: Iterable[str],
    missed: Callable[[Tensor], float],
) -> tuple[float, str, float]:
    """Return the level and projector whose results miss the manifold least.

    One set of points is carried down the probability flow from level to level; at each
    it is projected by each projector.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points at noise level `sigma_max`.
    sigma_max : float
        Their noise level.
    levels : iterable of float
        Decreasing noise levels below `sigma_max`, at least one.
    projectors : iterable of str
        Names of projectors.
    missed : callable
        Distance of points (n, D) to the manifold, as one number.

    Returns
    -------
    level : float
        The best level.
    projector : str
        The best projector.
    missed : float
        What its results miss the manifold by.
    """
    found = {}
    sigma = sigma_max
    with torch.no_grad():
        for level in levels:
            schedule = VarianceExploding(sigma, level, _N_STEPS)
            for i in range(_N_STEPS):
                x = heun_step(denoiser, x, schedule, i, torch.zeros_like)
            for projector in projectors:
                ended = FrozenBelow(denoiser, level, PROJECTORS[projector]).finish(x)
                found[level, projector] = missed(ended)
            sigma = level
    level, projector = min(found, key=found.__getitem__)
    return level, projector, found[level, projector]
