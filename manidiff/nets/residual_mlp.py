"""The default network: a residual multilayer perceptron told the noise level."""

import torch
from torch import Tensor, nn

from manidiff.nets.embeddings import FourierEmbedding

_EMBEDDING_WIDTH = 64


class ResidualMLP(nn.Module):
    """Residual blocks modulated by the noise level and, if any, the condition.

    Parameters
    ----------
    n_features : int
        Width of input and output.
    n_conditions : int, default=0
        Width of the condition; 0 for none.
    width : int, default=256
        Width of the hidden layers.
    depth : int, default=3
        Number of residual blocks of two layers each.

    Examples
    --------
    >>> import torch
    >>> from manidiff.nets import ResidualMLP
    >>> network = ResidualMLP(n_features=2)
    >>> network(torch.zeros(5, 2), torch.zeros(5)).shape
    torch.Size([5, 2])
    """

    def __init__(
        self,
        n_features: int,
        n_conditions: int = 0,
        *,
        width: int = 256,
        depth: int = 3,
    ) -> None:
        super().__init__()
        self.noise = FourierEmbedding()
        n_embedded = 2 * len(self.noise.frequencies) + n_conditions
        self.embed = nn.Sequential(nn.Linear(n_embedded, _EMBEDDING_WIDTH), nn.SiLU())
        self.enter = nn.Linear(n_features, width)
        self.blocks = nn.ModuleList(_Block(width) for _ in range(depth))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, n_features))

    def forward(
        self, inputs: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Map inputs (n, d), noise (n,) and a condition (n, c) to outputs (n, d)."""
        return self.leave[1](self.last_hidden(inputs, noise, condition))

    def last_hidden(
        self, inputs: Tensor, noise: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Map the same to what the last layer, a linear one, is given (n, width)."""
        told = self.noise(noise)
        if condition is not None:
            told = torch.cat([told, condition], dim=1)
        embedded = self.embed(told)
        hidden = self.enter(inputs)
        for block in self.blocks:
            hidden = block(hidden, embedded)
        return self.leave[0](hidden)


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.first = nn.Linear(width, width)
        self.modulate = nn.Linear(_EMBEDDING_WIDTH, 2 * width)
        self.second = nn.Linear(width, width)

    def forward(self, hidden: Tensor, embedded: Tensor) -> Tensor:
        scale, shift = self.modulate(embedded).chunk(2, dim=-1)
        told = nn.functional.silu(self.norm(hidden) * (1 + scale) + shift)
        return hidden + self.second(nn.functional.silu(self.first(told)))
