"""Which training row a point may descend from, before the point itself is seen."""

import numpy as np
import torch
from torch import Tensor

from manidiff._utils.chunking import chunk_slices

# Entries of the (queries, rows) matrix held at once: 128 MiB.
MAX_ENTRIES = 2**24


class RowPrior:
    """Probabilities of the rows, given conditions where there are some.

    Parameters
    ----------
    weights : Tensor of shape (N,)
        Positive weights a_i.
    conditions : Tensor of shape (N, c), default=None
        Conditions of the rows: row i then also carries the factor
        exp(-|c - c_i|^2 / (2 bandwidth^2)).
    bandwidth : float, default=1.0
        Width of that factor, > 0.
    """

    def __init__(
        self,
        weights: Tensor,
        conditions: Tensor | None = None,
        *,
        bandwidth: float = 1.0,
    ) -> None:
        self.log_weights = (weights / weights.sum()).double().log()
        self.conditions = (
            None if conditions is None else conditions.double() / bandwidth
        )
        self.bandwidth = bandwidth

    def log_probabilities(self, condition: Tensor | None) -> Tensor:
        """Return the log-probabilities of the rows, (N,) or (n, N) given (n, c)."""
        if self.conditions is None or condition is None:
            return self.log_weights
        asked = condition.double() / self.bandwidth
        squares = (self.conditions**2).sum(1) + (asked**2).sum(1, keepdim=True)
        return torch.log_softmax(
            self.log_weights + asked @ self.conditions.T - squares / 2, 1
        )

    def draw(
        self, n: int, condition: Tensor | None, rng: np.random.Generator
    ) -> Tensor:
        """Draw n row indices, given conditions (n, c) where there are some.

        Without conditions the draws are systematic: every row comes as often as its
        weight says, to the nearest whole number, and any run of N draws is as even.
        """
        if self.conditions is None or condition is None:
            return self._draw_evenly(n, rng)
        uniform = torch.from_numpy(rng.random(n)).to(self.log_weights.device)
        size = max(MAX_ENTRIES // len(self.log_weights), 1)
        drawn = [
            torch.searchsorted(
                self.log_probabilities(condition[rows]).exp().cumsum(1),
                uniform[rows, None],
            ).squeeze(1)
            for rows in chunk_slices(n, size)
        ]
        return torch.cat(drawn).clamp(max=len(self.log_weights) - 1)

    def _draw_evenly(self, n: int, rng: np.random.Generator) -> Tensor:
        cumulative = self.log_weights.exp().cumsum(0).cpu().numpy()
        shares = (np.arange(n) + rng.random()) / n * cumulative[-1]
        n_runs = -(-n // len(cumulative))
        order = [rng.permutation(shares[i::n_runs]) for i in rng.permutation(n_runs)]
        index = np.searchsorted(cumulative, np.concatenate(order))
        return torch.from_numpy(index).to(self.log_weights.device)
