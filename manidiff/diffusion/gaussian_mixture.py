"""The closed-form denoiser of a mixture with one Gaussian component a training row."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from manidiff._utils.chunking import chunk_slices
from manidiff.diffusion.row_prior import MAX_ENTRIES, RowPrior


class LowRankMixture:
    """A Gaussian mixture whose components have few axes of their own.

    Component i is N(mu_i, A_i) with A_i = F_i^T diag(v_i) F_i + u_i (I - F_i^T F_i):
    variances v_i along the orthonormal axes F_i, and u_i in every other direction
    (Tipping and Bishop 1999). With noise of level sigma, sigma^2 is added to all of
    them, so densities and posterior means are closed-form at every noise level:

        D(x; sigma) = sum_i w_i(x) [mu_i + A_i (A_i + sigma^2 I)^-1 (x - mu_i)].

    Parameters
    ----------
    means : Tensor of shape (N, D)
        Means of the components.
    factors : Tensor of shape (N, q, D)
        Orthonormal axes.
    variances : Tensor of shape (N, q)
        Variances along them, >= 0.
    rest : Tensor of shape (N,)
        Variances in every other direction, >= 0.
    prior : RowPrior
        Probabilities of the components.
    """

    def __init__(
        self,
        means: Tensor,
        factors: Tensor,
        variances: Tensor,
        rest: Tensor,
        prior: RowPrior,
    ) -> None:
        # Distances are differences: without the mean they survive rounding however
        # far from the origin the data lies.
        self.center = means.mean(0)
        self.means = means - self.center
        self.factors = factors.flatten(0, 1)
        self.variances = variances
        self.rest = rest
        self.prior = prior
        self._origins = torch.einsum("id,iqd->iq", self.means, factors)
        self._squares = (self.means**2).sum(1)

    def __call__(
        self, x: Tensor, sigma: Tensor, condition: Tensor | None = None
    ) -> Tensor:
        """Return the denoised points (n, D) of x (n, D) at noise levels sigma (n,)."""
        y = x - self.center

        def denoised(rows: slice) -> Tensor:
            part, level = y[rows], sigma[rows]
            asked = None if condition is None else condition[rows]
            along, logits = self._logits(part, level, asked, x.shape[1])
            weights = torch.softmax(logits, 1)
            noise = level[:, None] ** 2
            gain_rest = weights * self.rest / (self.rest + noise)
            gain = self.variances / (self.variances + noise[..., None])
            inner = (weights[..., None] * gain - gain_rest[..., None]) * along
            return (
                (weights - gain_rest) @ self.means
                + gain_rest.sum(1, keepdim=True) * part
                + inner.flatten(1) @ self.factors
            )

        return self._over_queries(denoised, len(x)) + self.center

    def log_density(
        self,
        x: Tensor,
        sigma: Tensor,
        condition: Tensor | None = None,
        *,
        dim: int | None = None,
    ) -> Tensor:
        """Return log p_sigma (n,) of points x (n, D), given their conditions.

        With `dim`, the points lie on a surface of that dimension which each component
        follows closely, and the density is that per unit of its volume: the factor of
        a component in the other directions only says whether it is near.
        """
        y = x - self.center
        width = x.shape[1] if dim is None else dim
        return self._over_queries(
            lambda rows: torch.logsumexp(
                self._logits(
                    y[rows],
                    sigma[rows],
                    None if condition is None else condition[rows],
                    width,
                )[1],
                1,
            ),
            len(x),
        )

    def _logits(
        self, y: Tensor, sigma: Tensor, condition: Tensor | None, dim: int
    ) -> tuple[Tensor, Tensor]:
        """Return coordinates along the axes (n, N, q) and log-densities (n, N)."""
        n_components, n_axes = self.variances.shape
        along = (y @ self.factors.T).view(len(y), n_components, n_axes) - self._origins
        squares = (y**2).sum(1, keepdim=True) - 2 * y @ self.means.T + self._squares
        off = (squares - (along**2).sum(2)).clamp(min=0)
        noise = sigma[:, None] ** 2
        spread = self.variances + noise[..., None]
        rest = self.rest + noise
        exponent = (along**2 / spread + spread.log()).sum(2) + off / rest
        normalizer = (dim - n_axes) * rest.log() + dim * math.log(2 * math.pi)
        prior = self.prior.log_probabilities(condition)
        return along, prior - (exponent + normalizer) / 2

    def _over_queries(self, part: Callable[[slice], Tensor], n: int) -> Tensor:
        """Join the parts that bounded slices of n queries give."""
        size = max(MAX_ENTRIES // max(self.variances.numel(), len(self.means)), 1)
        return torch.cat([part(rows) for rows in chunk_slices(max(n, 1), size)])
