"""From a denoiser to a projection onto the manifold, frozen below a noise level.

Below sigma_c the score is (Phi(x) - x) / sigma^2 with one map Phi for every sigma
(Shen, Hsieh, He 2026): nothing finer than sigma_c about the density enters, while the
geometry still does.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]
Projector = Callable[[Denoiser, Tensor, Tensor], Tensor]


def tweedie(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
    """Return D(x; sigma), the projection up to O(sigma^2): the manifold's curvature."""
    return denoiser(x, sigma)


def richardson(denoiser: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
    """Return 2 D(x; sigma) - D(x; sqrt(2) sigma), in which the curvature cancels."""
    return 2 * denoiser(x, sigma) - denoiser(x, math.sqrt(2) * sigma)


PROJECTORS: dict[str, Projector] = {"tweedie": tweedie, "richardson": richardson}
# A point sigma_c away is carried to within the projector's error by the first
# projection; the second removes what is left of its distance.
_N_PROJECTIONS = 2


@dataclass(frozen=True)
class OntoSurface:
    """A projector that knows the manifold itself and needs no denoiser.

    Attributes
    ----------
    project : callable
        ``(x (n, D)) -> (n, D)``.
    """

    project: Callable[[Tensor], Tensor]

    def __call__(self, denoiser: Denoiser, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the projections (n, D) of points x (n, D)."""
        return self.project(x)


@dataclass(frozen=True)
class OwnNoise:
    """Noise of the data itself: independent along orthonormal axes.

    Attributes
    ----------
    axes : Tensor of shape (D, r)
        Orthonormal axes.
    variances : Tensor of shape (r,)
        Variances along them.
    """

    axes: Tensor
    variances: Tensor

    def posterior_share(self, offset: Tensor, sigma: Tensor) -> Tensor:
        """Return the part of offsets (n, D) that is not noise of levels (n,)."""
        share = self.variances / (self.variances + sigma[:, None] ** 2)
        return (share * (offset @ self.axes)) @ self.axes.T

    def flow_to_zero(self, offset: Tensor, sigma: float) -> Tensor:
        """Return offsets (n, D) shrunk from the spread at level sigma to their own."""
        share = (self.variances / (self.variances + sigma**2)).sqrt()
        return (share * (offset @ self.axes)) @ self.axes.T


class FrozenBelow:
    """A denoiser that stops resolving the data below the noise level sigma_c.

    From sigma_c up it is the denoiser given. Below, with Phi the projector frozen at
    sigma_c, it is

        D(x; sigma) = Phi(x) + gain (x - Phi(x)),    gain_j = c_j / (c_j + sigma^2),

    the posterior mean of points scattered about the manifold with variance c_j along
    axis j: the data's own noise. Without it, D = Phi.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    sigma_c : float
        The noise level, > 0.
    projector : callable
        How Phi is made of the denoiser: a value of `PROJECTORS`, or `OntoSurface`.
    noise : OwnNoise, default=None
        The data's own noise; None for none.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        sigma_c: float,
        projector: Projector,
        noise: OwnNoise | None = None,
    ) -> None:
        self.denoiser = denoiser
        self.sigma_c = sigma_c
        self.projector = projector
        self.noise = noise

    def __call__(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the denoised points (n, D); all levels on one side of sigma_c."""
        if len(sigma) == 0 or float(sigma.min()) >= self.sigma_c * (1 - 1e-6):
            return self.denoiser(x, sigma)
        projected = self.project(x)
        if self.noise is None:
            return projected
        return projected + self.noise.posterior_share(x - projected, sigma)

    def project(self, x: Tensor) -> Tensor:
        """Return Phi(x) (n, D)."""
        level = torch.full((len(x),), self.sigma_c, dtype=x.dtype, device=x.device)
        return self.projector(self.denoiser, x, level)

    def finish(self, x: Tensor) -> Tensor:
        """Carry x from sigma_c to 0 along the probability flow, in closed form.

        Without noise of the data's own that is a projection. With it, the flow of the
        frozen denoiser shrinks x - Phi(x) along axis j from the standard deviation
        sqrt(c_j + sigma_c^2) to sqrt(c_j).
        """
        if self.noise is not None:
            projected = self.project(x)
            return projected + self.noise.flow_to_zero(x - projected, self.sigma_c)
        return self.onto_manifold(x)

    def onto_manifold(self, x: Tensor) -> Tensor:
        """Return the projections (n, D), the noise of the data itself taken off too."""
        for _ in range(_N_PROJECTIONS):
            x = self.project(x)
        return x
