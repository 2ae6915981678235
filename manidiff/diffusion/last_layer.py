"""The last layer of a network fitted anew, in closed form, for one noise level.

Stochastic gradients leave a network some way from the best that its last layer could
make of the features it has learned for all noise levels; where exact targets are known,
least squares finds that best.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manidiff.diffusion.preconditioning import PreconditionedDenoiser

# Networks compute features to single precision: finer directions are rounding.
_RTOL = float(torch.finfo(torch.float32).eps)


class OtherLastLayer(nn.Module):
    """A network with another last layer.

    Parameters
    ----------
    network : nn.Module
        Has a method ``last_hidden(inputs, noise, condition)`` that returns (n, p).
    layer : Tensor of shape (p + 1, r)
        The weights of the layer, and its bias in the last row.
    """

    def __init__(self, network: nn.Module, layer: Tensor) -> None:
        super().__init__()
        self.network: Any = network
        self.layer = layer

    def forward(self, **inputs: Tensor) -> Tensor:
        """Map what the network is called with to outputs (n, r)."""
        features = self.network.last_hidden(**inputs)
        return torch.addmm(self.layer[-1], features, self.layer[:-1])


def fit_last_layer(
    denoiser: PreconditionedDenoiser,
    x: Tensor,
    sigma: Tensor,
    target: Tensor,
    condition: Tensor | None = None,
) -> Tensor:
    """Return the last layer with which a denoiser comes closest to its targets.

    Parameters
    ----------
    denoiser : PreconditionedDenoiser
        Its network has the method ``last_hidden``.
    x : Tensor of shape (n, D)
        Noised points.
    sigma : Tensor of shape (n,)
        Their noise levels.
    target : Tensor of shape (n, D)
        What they are to be denoised to.
    condition : Tensor of shape (n, c), default=None
        Their conditions.

    Returns
    -------
    layer : Tensor of shape (p + 1, r)
        As `OtherLastLayer` takes it, float64, on the CPU.
    """
    inputs, wanted = denoiser.training_pair(x, sigma, target, condition)
    network: Any = denoiser.network
    with torch.no_grad():
        features = network.last_hidden(**inputs).double().cpu().numpy()
    design = np.column_stack([features, np.ones(len(features))])
    layer = np.linalg.lstsq(design, wanted.double().cpu().numpy(), rcond=_RTOL)[0]
    return torch.from_numpy(layer)
