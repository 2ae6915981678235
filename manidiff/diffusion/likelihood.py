"""Log-densities by the probability-flow ODE.

Along dx/dsigma = (x - D(x; sigma)) / sigma the log-density changes by the divergence
(Chen et al. 2018; Song et al. 2021, section 4.3):

    log p_s0(x) = log p_smax(x_smax) + int (D_dim - tr grad D) dlog(sigma).
"""

from collections.abc import Callable
from itertools import pairwise
from threading import Lock

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp, vmap

Denoiser = Callable[[Tensor, Tensor], Tensor]

_N_STEPS = 16
# Up to this many directions the divergence is exact, beyond it is estimated.
EXACT_DIVERGENCE_DIM = 10
_N_PROBES = 8
# Of forward-mode derivatives torch keeps one level for all threads.
_FORWARD_MODE = Lock()


def noise_levels(sigma_min: float, sigma_c: float, sigma_max: float) -> Tensor:
    """Return increasing noise levels for `log_density`, equally spaced in logarithm.

    About 16 steps, with a node at sigma_c where it lies between the ends: the denoiser
    of a coarse score changes there.
    """
    nodes = [sigma for sigma in (sigma_c,) if sigma_min < sigma < sigma_max]
    logs = np.log([sigma_min, *nodes, sigma_max])
    levels = [logs[:1]]
    for low, high in pairwise(logs):
        share = (high - low) / (logs[-1] - logs[0])
        n_steps = max(int(np.ceil(share * _N_STEPS)), 2)
        levels.append(np.linspace(low, high, n_steps + 1)[1:])
    return torch.from_numpy(np.exp(np.concatenate(levels)))


def divergence_probes(axes: np.ndarray, seed: int) -> np.ndarray:
    """Return probes for the trace along the axes (D, r) of a denoiser's range.

    The axes themselves while there are at most 10: the trace is then exact. Beyond,
    eight seeded random combinations with signs (Hutchinson 1990), whose mean is
    unbiased and to which what is diagonal along the axes adds no variance.
    """
    rank = axes.shape[1]
    if rank <= EXACT_DIVERGENCE_DIM:
        return axes.T
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(_N_PROBES, rank))
    return signs @ axes.T / np.sqrt(_N_PROBES)


def trace_of_jacobian(
    denoiser: Denoiser, x: Tensor, sigma: Tensor, probes: Tensor
) -> tuple[Tensor, Tensor]:
    """Return D(x; sigma) and the sum over probes v of v^T grad D v.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points.
    sigma : Tensor of shape (n,)
        Noise levels.
    probes : Tensor of shape (n_probes, D)
        An orthonormal basis of the range of D gives the exact trace; random rows v
        with E v v^T = I / n_probes give Hutchinson's unbiased estimate.

    Returns
    -------
    denoised : Tensor of shape (n, D)
        The denoised points.
    trace : Tensor of shape (n,)
        The trace of the Jacobian, or its estimate.
    """

    def along(probe: Tensor) -> tuple[Tensor, Tensor]:
        direction = probe.expand_as(x)
        denoised, slope = jvp(lambda z: denoiser(z, sigma), (x,), (direction,))[:2]
        return denoised, (slope * direction).sum(1)

    # The denoised points are the same for every probe.
    with _FORWARD_MODE:
        denoised, traces = vmap(along)(probes)
    return denoised[0], traces.sum(0)


def log_density(
    denoiser: Denoiser,
    x: Tensor,
    *,
    sigmas: Tensor,
    log_prior: Callable[[Tensor], Tensor],
    probes: Tensor,
) -> Tensor:
    """Return log p at noise level ``sigmas[0]`` by integrating up to ``sigmas[-1]``.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points.
    sigmas : Tensor of shape (n_steps + 1,)
        Increasing noise levels.
    log_prior : callable
        Log-density (n,) of points at the last noise level.
    probes : Tensor of shape (n_probes, D)
        See `trace_of_jacobian`.

    Returns
    -------
    log_p : Tensor of shape (n,)
        Log-densities.
    """
    change = torch.zeros(len(x), dtype=x.dtype, device=x.device)

    def slopes(x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return the derivatives of x and of its log-density in log(sigma)."""
        level = sigma.to(x).expand(len(x))
        denoised, trace = trace_of_jacobian(denoiser, x, level, probes)
        return x - denoised, x.shape[1] - trace

    # The classical Runge-Kutta method in log(sigma).
    for low, high in pairwise(sigmas):
        step, middle = torch.log(high / low).item(), (low * high).sqrt()
        first, rise_first = slopes(x, low)
        second, rise_second = slopes(x + step / 2 * first, middle)
        third, rise_third = slopes(x + step / 2 * second, middle)
        last, rise_last = slopes(x + step * third, high)
        x = x + step / 6 * (first + 2 * (second + third) + last)
        rise = rise_first + 2 * (rise_second + rise_third) + rise_last
        change = change + step / 6 * rise
    return log_prior(x) + change
