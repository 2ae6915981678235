"""Points far from the data, brought to the noise level at which a projector works.

A projector frozen at sigma_c is right within a few sigma_c of the manifold. A point
farther off looks like data noised at a larger level, so it is denoised from there down.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, Tensor], Tensor]

# Noise of level sigma moves a point by sigma in each direction off the manifold: one
# that the denoiser moves by more than this many sigma was noised by more.
_REACH = 2.0


def descend(denoiser: Denoiser, x: Tensor, sigma_c: float, sigma_max: float) -> Tensor:
    """Bring each point within reach of a projector at the noise level sigma_c.

    The level of a point is the smallest of sigma_c, 2 sigma_c, 4 sigma_c, ... from
    which on the denoiser moves it by no more than two sigma; from there it is denoised
    level by level (our choice). Points within reach of sigma_c stay where they are. A
    network says little of points much farther off than the level it is asked at, and
    may leave them where they are: so all larger levels must agree.

    Parameters
    ----------
    denoiser : callable
        ``(x (n, D), sigma (n,)) -> (n, D)``.
    x : Tensor of shape (n, D)
        Points.
    sigma_c : float
        The noise level of the projector, > 0.
    sigma_max : float
        Largest level that may be taken.

    Returns
    -------
    x : Tensor of shape (n, D)
        Points within reach.
    """
    levels = [sigma_c]
    while 2 * levels[-1] <= sigma_max:
        levels.append(2 * levels[-1])
    height = torch.zeros(len(x), dtype=torch.long, device=x.device)
    # All rows at every level: a denoiser may be bound to the conditions of each.
    for i in range(len(levels) - 1):
        moved = (x - _at(denoiser, x, levels[i])).norm(dim=1)
        height[moved > _REACH * levels[i]] = i + 1
    for i in range(len(levels) - 1, 0, -1):
        high = height >= i
        if high.any():
            x = torch.where(high[:, None], _at(denoiser, x, levels[i]), x)
    return x


def _at(denoiser: Denoiser, x: Tensor, sigma: float) -> Tensor:
    return denoiser(x, torch.full((len(x),), sigma, dtype=x.dtype, device=x.device))
