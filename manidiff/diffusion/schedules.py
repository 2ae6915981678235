"""Noise schedules: a clock, and the noise levels a sampler visits on it.

A clock writes the noised point as ``u = scale(t) * (x0 + sigma(t) * eps)``. The noise
level sigma says what a denoiser must do; the clock only says in which coordinates and
at what pace a solver walks through the noise levels (Karras et al. 2022, section 2).
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor


class Schedule(ABC):
    """Decreasing noise levels on a clock.

    Parameters
    ----------
    sigma_max, sigma_end : float
        First and last noise level, ``sigma_max > sigma_end > 0``.
    n_steps : int
        Number of steps between them.
    rho : float, default=7.0
        Spacing: sigma^(1/rho) is equally spaced (Karras et al. 2022, eq. 5).

    Attributes
    ----------
    sigmas : Tensor of shape (n_steps + 1,)
        The noise levels, decreasing, float64.
    times : Tensor of shape (n_steps + 1,)
        The same levels on the clock, decreasing.
    """

    def __init__(
        self, sigma_max: float, sigma_end: float, n_steps: int, rho: float = 7.0
    ) -> None:
        ends = torch.tensor([sigma_max, sigma_end], dtype=torch.float64)
        high, low = ends ** (1 / rho)
        ramp = torch.linspace(0, 1, n_steps + 1, dtype=torch.float64)
        self.sigmas = (high + ramp * (low - high)) ** rho
        self.sigmas[0], self.sigmas[-1] = ends
        self.times = self.time(self.sigmas)

    @abstractmethod
    def time(self, sigma: Tensor) -> Tensor:
        """Return the time at which the noise level is sigma."""

    @abstractmethod
    def sigma(self, time: Tensor) -> Tensor:
        """Return the noise level at a time."""

    @abstractmethod
    def scale(self, time: Tensor) -> Tensor:
        """Return the factor in front of the noised point at a time."""

    @abstractmethod
    def log_rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return d log(sigma) / dt and d log(scale) / dt at a time."""


class VarianceExploding(Schedule):
    """``u = x0 + sigma * eps`` with the noise level itself as the time."""

    def time(self, sigma: Tensor) -> Tensor:
        """Return sigma."""
        return sigma

    def sigma(self, time: Tensor) -> Tensor:
        """Return the time."""
        return time

    def scale(self, time: Tensor) -> Tensor:
        """Return 1."""
        return torch.ones_like(time)

    def log_rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 / t and 0."""
        return 1 / time, torch.zeros_like(time)


class OrnsteinUhlenbeck(Schedule):
    """``u = exp(-t) * x0 + sqrt(1 - exp(-2 t)) * eps``: the variance-preserving clock.

    The forward process is du = -u dt + sqrt(2) dW, whose law at t = infinity is
    standard normal (Song et al. 2021, with constant rate).
    """

    def time(self, sigma: Tensor) -> Tensor:
        """Return log(1 + sigma^2) / 2."""
        return torch.log1p(sigma**2) / 2

    def sigma(self, time: Tensor) -> Tensor:
        """Return sqrt(exp(2 t) - 1)."""
        return torch.expm1(2 * time).sqrt()

    def scale(self, time: Tensor) -> Tensor:
        """Return exp(-t)."""
        return torch.exp(-time)

    def log_rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return 1 / (1 - exp(-2 t)) and -1."""
        return -1 / torch.expm1(-2 * time), -torch.ones_like(time)


CLOCKS: dict[str, type[Schedule]] = {
    "ve": VarianceExploding,
    "vp": OrnsteinUhlenbeck,
}
