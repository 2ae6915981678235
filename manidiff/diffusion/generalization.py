"""The noise level from which on a training set says more than its own rows."""

import math

import torch
from torch import Tensor

# Rows that are noised and denoised; the loss is a mean over them.
_MAX_QUERIES = 512
_MAX_ROWS = 20_000
_TOLERANCE = 0.05


def generalization_scale(
    rows: Tensor, weights: Tensor, nn_distance: float, generator: torch.Generator
) -> float:
    """Return the smallest sigma at which unseen rows are denoised as well as seen.

    The closed-form denoiser of the rows is compared with the one that leaves out the
    row being denoised: the smallest sigma at which leaving out raises the mean squared
    error by no more than 5 %. Searched in steps of 2^(1/4) between a quarter of the
    nearest-neighbour distance and 64 times it.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Training rows, float64.
    weights : Tensor of shape (N,)
        Probabilities of the rows.
    nn_distance : float
        The nearest-neighbour distance r1.
    generator : torch.Generator
        Source of the noise and, beyond 20 000 rows, of the rows that serve.

    Returns
    -------
    sigma : float
        The noise level. With two rows there is nothing to compare: the upper end.
    """
    if len(rows) > _MAX_ROWS:
        kept = torch.randperm(len(rows), generator=generator)[:_MAX_ROWS]
        rows, weights = rows[kept], weights[kept]
    asked = torch.randperm(len(rows), generator=generator)[:_MAX_QUERIES]
    noise = torch.randn(
        (len(asked), rows.shape[1]), generator=generator, dtype=rows.dtype
    )
    levels = nn_distance * 2.0 ** (torch.arange(-8, 25) / 4)
    # From coarse to fine: the first level that fails ends the search.
    passed = float(levels[-1])
    for sigma in levels.flip(0).tolist():
        if _excess_loss(rows, weights, asked, noise, sigma) > _TOLERANCE:
            return passed
        passed = sigma
    return passed


def _excess_loss(
    rows: Tensor, weights: Tensor, asked: Tensor, noise: Tensor, sigma: float
) -> float:
    clean = rows[asked]
    x = clean + sigma * noise
    logits = (x @ rows.T - (rows**2).sum(1) / 2) / sigma**2 + weights.log()
    seen = _squared_error(logits, rows, clean)
    logits[torch.arange(len(asked)), asked] = -math.inf
    held_out = _squared_error(logits, rows, clean)
    return held_out / max(seen, torch.finfo(rows.dtype).tiny) - 1


def _squared_error(logits: Tensor, rows: Tensor, clean: Tensor) -> float:
    denoised = torch.softmax(logits, dim=1) @ rows
    return float(((denoised - clean) ** 2).sum(1).mean())
