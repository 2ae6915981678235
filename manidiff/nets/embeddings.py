"""Numbers as vectors that a network can read."""

import math

import torch
from torch import Tensor, nn


class FourierEmbedding(nn.Module):
    """Sines and cosines of a number at geometrically spaced frequencies.

    Parameters
    ----------
    n_frequencies : int, default=16
        Number of frequencies; the embedding has twice as many entries.
    max_frequency : float, default=30.0
        Largest frequency, in radians per unit; the smallest is 1.
    """

    frequencies: Tensor

    def __init__(self, n_frequencies: int = 16, max_frequency: float = 30.0) -> None:
        super().__init__()
        exponents = torch.linspace(0, math.log(max_frequency), n_frequencies)
        self.register_buffer("frequencies", exponents.exp())

    def forward(self, value: Tensor) -> Tensor:
        """Map values (n,) to embeddings (n, 2 * n_frequencies)."""
        angles = value[:, None] * self.frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=-1)
