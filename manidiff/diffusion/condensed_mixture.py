"""The closed-form denoiser of many rows at large noise levels: means in place of rows.

Noise of level sigma blurs what is much nearer than sigma, so a compact part of the rows
may be replaced by its mean with the mass of the part: that leaves out the scatter of
the part, whose square stands against sigma^2. Which parts are small enough depends on
the data, so it is measured, against the sum over the rows.
"""

import numpy as np
import torch
from torch import Tensor

from manidiff.diffusion.compact_order import n_parts, part_starts
from manidiff.diffusion.truncated_mixture import TruncatedDenoiser, part_sums

# Noised rows by which an error is measured.
_N_PROBES = 32
# Points of a cell, on average, beyond which they are left out or not as one.
_CELL = 256
# Share of the error that is left for truncation, and share at which sums are truncated
# by which errors are measured.
_TRUNCATION_SHARE = 0.5
_PRECISE_SHARE = 0.01


class CondensedDenoiser:
    """E[x0 | x] when x0 is one of many rows, in a time that hardly grows with them.

    At large noise levels the means of compact parts stand for the rows, at small ones
    the rows themselves do. Means and rows far from x are left out.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Rows in a compact order.
    weights : Tensor of shape (N,)
        Positive weights.
    cuts : ndarray of shape (N,)
        Rounds of the cuts, see `compact_order`.
    levels : ndarray of shape (n_levels, 2)
        What `condensing_levels` returns for that `tol`.
    tol : float
        Error of a denoised point in standard deviations of the noise, > 0. One half is
        a bound on what truncation does, the other half is what the means cost, as
        measured.
    """

    def __init__(
        self,
        rows: Tensor,
        weights: Tensor,
        cuts: np.ndarray,
        levels: np.ndarray,
        *,
        tol: float,
    ) -> None:
        self.rows, self.weights = rows, weights
        self.cuts = cuts
        self.levels = levels
        self.tol = _TRUNCATION_SHARE * tol
        self._made: dict[int | None, TruncatedDenoiser] = {}

    def __call__(self, x: Tensor, sigma: Tensor, condition: None = None) -> Tensor:
        """Return the denoised points (n, D) of x (n, D) at noise levels sigma (n,)."""
        if len(x) == 0:
            return x
        n_rounds = self._n_rounds(float(sigma.min()))
        if n_rounds not in self._made:
            # A sampler goes down the levels and does not come back.
            self._made = {n_rounds: self._make(n_rounds)}
        return self._made[n_rounds](x, sigma)

    def _n_rounds(self, sigma: float) -> int | None:
        # Noise levels of one step agree to rounding only.
        served = self.levels[sigma >= self.levels[:, 0] * (1 - 1e-9)]
        return int(served[0, 1]) if len(served) else None

    def _make(self, n_rounds: int | None) -> TruncatedDenoiser:
        points = (self.rows, self.weights, self.cuts)
        if n_rounds is not None:
            points = condensed(*points, n_rounds)
        return truncated(*points, tol=self.tol)


def truncated(
    rows: Tensor, weights: Tensor, cuts: np.ndarray, *, tol: float
) -> TruncatedDenoiser:
    """Return the denoiser of all rows in a compact order, by cells of about 256."""
    n_rounds = np.searchsorted(n_parts(cuts), len(rows) / _CELL, side="right") - 1
    starts = part_starts(cuts, max(int(n_rounds), 0))
    return TruncatedDenoiser(rows, weights, starts, tol=tol)


def condensed(
    rows: Tensor, weights: Tensor, cuts: np.ndarray, n_rounds: int
) -> tuple[Tensor, Tensor, np.ndarray]:
    """Return the means, masses and cuts of the parts that n_rounds of cuts make."""
    starts = part_starts(cuts, n_rounds)
    masses = part_sums(weights, starts)
    means = part_sums(weights[:, None] * rows, starts) / masses[:, None]
    return means, masses, cuts[starts]


def condensing_levels(
    rows: Tensor,
    weights: Tensor,
    cuts: np.ndarray,
    *,
    sigma_range: tuple[float, float],
    tol: float,
    generator: torch.Generator,
) -> np.ndarray:
    """Return the noise levels from which means of parts may stand for the rows.

    At noise levels a factor of two apart, from the largest down, the fewest means are
    sought that denoise 32 noised rows as the rows do: none of the 32 off by more than
    half of ``tol * sigma``. So with a confidence of 95 % fewer than one noised row in
    ten is. The search ends where the smallest parts are too large.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Rows in a compact order.
    weights : Tensor of shape (N,)
        Positive weights.
    cuts : ndarray of shape (N,)
        Rounds of the cuts, see `compact_order`.
    sigma_range : tuple of two floats
        The noise levels of interest, the largest first.
    tol : float
        Error allowed, in standard deviations of the noise, > 0.
    generator : torch.Generator
        Draws the noised rows.

    Returns
    -------
    levels : ndarray of shape (n_levels, 2)
        Decreasing noise levels, and the rounds of cuts whose parts serve from there on.
    """
    n_rounds = len(n_parts(cuts))
    levels = []
    precise = _PRECISE_SHARE * tol
    allowed = (1 - _TRUNCATION_SHARE - 2 * _PRECISE_SHARE) * tol
    exact = truncated(rows, weights, cuts, tol=precise)
    # Means of means: the rows are gone through once.
    finest = condensed(rows, weights, cuts, n_rounds - 1)
    sigma, lowest = sigma_range
    fewest = 0
    while sigma >= lowest:
        index = torch.multinomial(weights, _N_PROBES, generator=generator)
        x = rows[index]
        x = x + sigma * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        level = torch.full_like(x[:, 0], sigma)
        wanted = exact(x, level)
        for serving in range(fewest, n_rounds):
            means = truncated(*condensed(*finest, serving), tol=precise)
            if float((means(x, level) - wanted).norm(dim=1).max()) <= allowed * sigma:
                break
        else:
            break
        fewest = serving
        levels.append((sigma, float(fewest)))
        sigma /= 2
    return np.array(levels).reshape(-1, 2)
