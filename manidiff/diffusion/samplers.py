"""Solvers that carry points from a large noise level to a small one.

All work on the clock of a `Schedule`, in its coordinates u = scale * x. With the
denoiser D, the probability-flow ODE there is (Karras et al. 2022, eq. 81)

    du/dt = (r_sigma + r_scale) u - r_sigma * scale * D(u / scale; sigma)

where r_sigma, r_scale are the logarithmic rates of the clock. Points are given and
returned without the scale.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from manidiff.diffusion.schedules import Schedule

Denoiser = Callable[[Tensor, Tensor], Tensor]
Noise = Callable[[Tensor], Tensor]
Step = Callable[[Denoiser, Tensor, Schedule, int, Noise], Tensor]


def normal_noise(rng: np.random.Generator) -> Noise:
    """Return a source of standard normal noise shaped like its argument.

    The draws are made by numpy on the CPU, so every device sees the same ones.
    """

    def draw(like: Tensor) -> Tensor:
        return torch.from_numpy(rng.standard_normal(tuple(like.shape))).to(like)

    return draw


def euler_step(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, i: int, noise: Noise
) -> Tensor:
    """Take one explicit Euler step of the probability-flow ODE."""
    del noise
    t, t_next = schedule.times[i], schedule.times[i + 1]
    u = schedule.scale(t) * x
    u = u + (t_next - t) * _velocity(denoiser, u, schedule, t)
    return u / schedule.scale(t_next)


def heun_step(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, i: int, noise: Noise
) -> Tensor:
    """Take one step of Heun's second-order method (Karras et al. 2022, alg. 1)."""
    del noise
    t, t_next = schedule.times[i], schedule.times[i + 1]
    u = schedule.scale(t) * x
    velocity = _velocity(denoiser, u, schedule, t)
    ahead = _velocity(denoiser, u + (t_next - t) * velocity, schedule, t_next)
    u = u + (t_next - t) * (velocity + ahead) / 2
    return u / schedule.scale(t_next)


def ddpm_step(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, i: int, noise: Noise
) -> Tensor:
    """Take one ancestral step (Ho et al. 2020), which is the same on every clock.

    Draws from the Gaussian bridge between x and the denoised point.
    """
    sigma, sigma_next = schedule.sigmas[i], schedule.sigmas[i + 1]
    ratio = (sigma_next / sigma) ** 2
    denoised = denoiser(x, _level(sigma, x))
    spread = sigma_next * (1 - ratio).sqrt()
    return denoised + ratio * (x - denoised) + spread * noise(x)


def sde_step(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, i: int, noise: Noise
) -> Tensor:
    """Take one Euler-Maruyama step of the reverse SDE (Song et al. 2021, eq. 6)."""
    t, t_next = schedule.times[i], schedule.times[i + 1]
    scale, sigma = schedule.scale(t), schedule.sigma(t)
    rate, scale_rate = schedule.log_rates(t)
    denoised = denoiser(x, _level(sigma, x))
    drift = scale_rate * x + 2 * rate * (x - denoised)
    diffusion = (2 * rate * (t - t_next)).sqrt() * sigma
    u = scale * (x + (t_next - t) * drift + diffusion * noise(x))
    return u / schedule.scale(t_next)


STEPS: dict[str, Step] = {
    "heun": heun_step,
    "euler": euler_step,
    "ddpm": ddpm_step,
    "sde": sde_step,
}
SOLVERS = ("hybrid", *STEPS)


def solve(
    denoiser: Denoiser,
    x: Tensor,
    schedule: Schedule,
    *,
    solver: str,
    noise: Noise,
    sigma_switch: float = 0.0,
) -> Tensor:
    """Carry x from the first noise level of a schedule to the last.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points at noise level ``schedule.sigmas[0]``.
    schedule : Schedule
        The clock and its noise levels.
    solver : {"hybrid", "heun", "euler", "ddpm", "sde"}
        "hybrid" takes ancestral steps while the noise level is above `sigma_switch`
        and Euler steps of the probability flow below (Shen, Hsieh, He 2026).
    noise : callable
        Source of the noise of the stochastic solvers, see `normal_noise`.
    sigma_switch : float, default=0.0
        The noise level at which "hybrid" turns deterministic.

    Returns
    -------
    x : Tensor of shape (n, D)
        Points at noise level ``schedule.sigmas[-1]``.
    """
    for i in range(len(schedule.sigmas) - 1):
        name = solver
        if solver == "hybrid":
            name = "ddpm" if schedule.sigmas[i + 1] >= sigma_switch else "euler"
        x = STEPS[name](denoiser, x, schedule, i, noise)
    return x


def _level(sigma: Tensor, x: Tensor) -> Tensor:
    """Return a noise level once for each point of x, on its device."""
    return sigma.to(x.device).expand(len(x))


def _velocity(denoiser: Denoiser, u: Tensor, schedule: Schedule, t: Tensor) -> Tensor:
    rate, scale_rate = schedule.log_rates(t)
    scale = schedule.scale(t)
    denoised = denoiser(u / scale, _level(schedule.sigma(t), u))
    return (rate + scale_rate) * u - rate * scale * denoised
