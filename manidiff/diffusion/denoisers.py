"""The closed-form denoiser of a training set, and its smoothed form."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import pad, scaled_dot_product_attention

from manidiff._utils.chunking import chunk_slices
from manidiff.diffusion.row_prior import MAX_ENTRIES, RowPrior

# Largest error of a logit that float32 may cause before float64 takes over: a weight
# is then right to about this relative error.
_LOGIT_TOLERANCE = 2e-5


class EmpiricalDenoiser:
    """E[x0 | x] when x0 is one of the training rows: softmax attention over them.

    With weights w_i = softmax_i(log a_i - |x - x_i|^2 / (2 sigma^2)) the denoised point
    is sum_i w_i x_i, and the log-density is that of a Gaussian kernel density of
    bandwidth sigma. Queries are [x, 1] / sigma^2, keys [x_i, -|x_i|^2 / 2] and values
    x_i, so a fused attention kernel computes it without the matrix of weights. Where
    float32 cannot hold the logits, or where derivatives are wanted, the same sum is
    taken in float64.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Training rows.
    weights : Tensor of shape (N,), default=None
        Positive weights a_i; equal when None.
    conditions : Tensor of shape (N, c), default=None
        Conditions of the rows: row i then also carries the factor
        exp(-|c - c_i|^2 / (2 bandwidth^2)).
    bandwidth : float, default=1.0
        Width of that factor, > 0.
    fused : bool, default=True
        Whether the fused float32 kernel may serve. It has no forward-mode derivative.
    """

    def __init__(
        self,
        rows: Tensor,
        weights: Tensor | None = None,
        conditions: Tensor | None = None,
        *,
        bandwidth: float = 1.0,
        fused: bool = True,
    ) -> None:
        rows = rows.double()
        # Distances are differences: without the mean they survive single precision
        # however far from the origin the data lies.
        self.center = rows.mean(0)
        self.rows = rows - self.center
        if weights is None:
            weights = torch.ones(len(rows), dtype=torch.float64, device=rows.device)
        self.prior = RowPrior(weights, conditions, bandwidth=bandwidth)
        self.half_norms = (self.rows**2).sum(1) / 2
        self._radius = float((2 * self.half_norms.max()).sqrt())
        self._fused = fused and conditions is None
        if self._fused:
            log_weights = self.prior.log_weights[:, None]
            keys = [self.rows, -self.half_norms[:, None], log_weights]
            self._keys = torch.cat(keys, dim=1).float()[None, None]
            # Flash attention wants values as wide as keys.
            self._values = pad(self.rows.float(), (0, 2))[None, None]

    def __call__(
        self, x: Tensor, sigma: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Return the denoised points (n, D) of x (n, D) at noise levels sigma (n,)."""
        y, sigma = x.double() - self.center, sigma.double()
        if self._fused and self._single_precision_suffices(y, sigma):
            denoised = self._attend(y, sigma)
        else:
            denoised = self._weigh(y, sigma, condition)
        return (denoised + self.center).to(x.dtype)

    def log_density(
        self, x: Tensor, sigma: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Return log p_sigma (n,) of points x (n, D), given their conditions."""
        y, sigma = x.double() - self.center, sigma.double()
        kernels = self._over_queries(
            lambda rows: torch.logsumexp(self._logits(y, sigma, condition, rows), 1),
            len(y),
        )
        precision = 1 / sigma**2
        constant = x.shape[1] * (sigma.log() + math.log(2 * math.pi) / 2)
        return kernels - (y**2).sum(1) * precision / 2 - constant

    def _single_precision_suffices(self, y: Tensor, sigma: Tensor) -> bool:
        if len(y) == 0:
            return True
        radius = max(self._radius, float(y.norm(dim=1).max()))
        rounding = torch.finfo(torch.float32).eps * (radius / float(sigma.min())) ** 2
        return rounding < _LOGIT_TOLERANCE

    def _attend(self, y: Tensor, sigma: Tensor) -> Tensor:
        precision = 1 / sigma[:, None] ** 2
        query = torch.cat([y * precision, precision, torch.ones_like(precision)], 1)
        query = query.float()[None, None]
        # In slices, for devices whose kernel does hold the matrix of weights.
        return self._over_queries(
            lambda rows: scaled_dot_product_attention(
                query[:, :, rows], self._keys, self._values, scale=1.0
            )[0, 0, :, :-2].double(),
            len(y),
        )

    def _weigh(self, y: Tensor, sigma: Tensor, condition: Tensor | None) -> Tensor:
        return self._over_queries(
            lambda rows: (
                torch.softmax(self._logits(y, sigma, condition, rows), 1) @ self.rows
            ),
            len(y),
        )

    def _logits(
        self, y: Tensor, sigma: Tensor, condition: Tensor | None, rows: slice
    ) -> Tensor:
        # The square of y is left out: all rows share it.
        half = y[rows] @ self.rows.T - self.half_norms
        asked = None if condition is None else condition[rows]
        return half / sigma[rows, None] ** 2 + self.prior.log_probabilities(asked)

    def _over_queries(self, part: Callable[[slice], Tensor], n: int) -> Tensor:
        """Join the parts that bounded slices of n queries give."""
        size = max(MAX_ENTRIES // len(self.rows), 1)
        return torch.cat([part(rows) for rows in chunk_slices(max(n, 1), size)])


class SmoothedDenoiser:
    """Closed-form diffusion: the mean of a denoiser over shifted copies of the point.

    D_s(x; sigma) = mean over m of D(x + s * eps_m; sigma). For the empirical denoiser
    the results are barycentres of tuples of training rows (Scarvelis, Borde, Solomon,
    TMLR 2025).

    Parameters
    ----------
    denoiser : callable
        The denoiser D.
    shifts : Tensor of shape (M, D)
        The shifts s * eps_m, in antithetic pairs.
    """

    def __init__(self, denoiser: EmpiricalDenoiser, shifts: Tensor) -> None:
        self.denoiser = denoiser
        self.shifts = shifts

    def __call__(
        self, x: Tensor, sigma: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Return the smoothed denoised points (n, D)."""
        total = torch.zeros_like(x)
        for shift in self.shifts:
            total = total + self.denoiser(x + shift.to(x), sigma, condition)
        return total / len(self.shifts)
