"""The intrinsic dimension at a point, read off the score at one noise level.

Where rows lie evenly on a k-dimensional manifold in R^D, log p_sigma on it changes like
-(D - k) log(sigma). So k = D + d log p_sigma / d log(sigma), which the Fokker-Planck
equation turns into

    k(x) = tr grad D(x; sigma) + |D(x; sigma) - x|^2 / sigma^2

(FLIPD, Kamkari et al. 2024, in variance-exploding form).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from manidiff.diffusion.denoisers import EmpiricalDenoiser
from manidiff.diffusion.likelihood import Denoiser, trace_of_jacobian

# Half the step in log(sigma) of the difference quotient.
_STEP = 0.05
_MAX_ASKED = 500


def dimension_from_score(
    denoiser: Denoiser, x: Tensor, sigma: Tensor, probes: Tensor
) -> Tensor:
    """Return k(x) (n,) of points x (n, D) at noise levels sigma (n,).

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points.
    sigma : Tensor of shape (n,)
        Noise levels.
    probes : Tensor of shape (n_probes, D)
        See `manidiff.diffusion.likelihood.trace_of_jacobian`.
    """
    denoised, trace = trace_of_jacobian(denoiser, x, sigma, probes)
    return trace + ((denoised - x) ** 2).sum(1) / sigma**2


def dimension_from_density(
    log_density: Callable[[Tensor, float], Tensor], x: Tensor, sigma: float
) -> Tensor:
    """Return k(x) (n,) where ``log_density(x, sigma)`` (n,) is known in closed form."""
    rise = log_density(x, sigma * (1 + _STEP)) - log_density(x, sigma / (1 + _STEP))
    return x.shape[1] + rise / (2 * math.log1p(_STEP))


def dimension_of_rows(
    rows: Tensor, weights: Tensor, sigma: float, generator: torch.Generator
) -> float:
    """Return the mean of k(x) over rows (N, D), from the score of the rows themselves.

    Of more than 500 rows a random part is asked.
    """
    denoiser = EmpiricalDenoiser(rows, weights, fused=False)
    asked = torch.randperm(len(rows), generator=generator)[:_MAX_ASKED]
    found = dimension_from_density(
        lambda x, sigma: denoiser.log_density(x, torch.full_like(x[:, 0], sigma)),
        rows[asked],
        sigma,
    )
    return float(found.mean())
