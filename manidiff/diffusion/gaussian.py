"""The Gaussian with the moments of the data: where diffusion starts and rests."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """N(mean, axes diag(variances) axes^T) on the affine span of the data.

    It is the law of the noised data once the noise outweighs everything but the first
    two moments, and its denoiser is the skip connection of the networks: starting from
    anything else distorts the weights of the modes on data that is not centred.

    Attributes
    ----------
    mean : Tensor of shape (D,)
        Mean.
    axes : Tensor of shape (D, r)
        Orthonormal principal axes, by decreasing variance; r is the rank of the data.
    variances : Tensor of shape (r,)
        Variances along the axes, positive.
    """

    mean: Tensor
    axes: Tensor
    variances: Tensor

    @classmethod
    def from_moments(cls, X: np.ndarray, weights: np.ndarray) -> "Gaussian":
        """Return the Gaussian with the weighted moments of the rows of X.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Rows, not all equal.
        weights : ndarray of shape (N,)
            Non-negative weights that sum to 1.
        """
        mean = weights @ X
        rows = np.sqrt(weights)[:, None] * (X - mean)
        if len(X) < X.shape[1]:
            _, singular, right = np.linalg.svd(rows, full_matrices=False)
            return cls._of_axes(mean, singular**2, right.T)
        return cls.from_covariance(mean, rows.T @ rows)

    @classmethod
    def from_covariance(cls, mean: np.ndarray, covariance: np.ndarray) -> "Gaussian":
        """Return the Gaussian with a mean (D,) and a covariance (D, D), not all 0."""
        variances, axes = np.linalg.eigh(covariance)
        return cls._of_axes(mean, variances[::-1], axes[:, ::-1])

    @classmethod
    def _of_axes(
        cls, mean: np.ndarray, variances: np.ndarray, axes: np.ndarray
    ) -> "Gaussian":
        # Directions in which the data is constant but for rounding carry no law.
        kept = variances > 1e-12 * variances[0]
        # Rounding must not decide the sign of an axis, which a network would see. To be
        # orthogonal to these uneven weights an axis would have to be made for it.
        against = np.cos(np.arange(len(axes))) @ axes < 0
        axes = np.where(against, -axes, axes)
        return cls(
            torch.from_numpy(mean.copy()),
            torch.from_numpy(axes[:, kept].copy()),
            torch.from_numpy(variances[kept].copy()),
        )

    def to(self, device: torch.device, dtype: torch.dtype) -> "Gaussian":
        """Return the same Gaussian on another device and in another dtype."""
        tensors = (self.mean, self.axes, self.variances)
        return Gaussian(*(tensor.to(device, dtype) for tensor in tensors))

    @property
    def rank(self) -> int:
        """Number of directions in which the data varies."""
        return len(self.variances)

    def coordinates(self, x: Tensor) -> Tensor:
        """Return the coordinates (n, r) of points (n, D) along the axes."""
        return (x - self.mean) @ self.axes

    def points(self, coordinates: Tensor) -> Tensor:
        """Return the points (n, D) with given coordinates (n, r)."""
        return self.mean + coordinates @ self.axes.T

    def start(self, normal: Tensor, sigma: float) -> Tensor:
        """Map standard normal rows (n, r) to the law at a noise level.

        Noise off the span of the data is left out: every solver only shrinks it.
        """
        return self.points((self.variances + sigma**2).sqrt() * normal)

    def denoise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return E[x0 | x] (n, D) when x0 has this law, at noise levels (n,)."""
        share = self.variances / (self.variances + sigma[:, None] ** 2)
        return self.points(share * self.coordinates(x))

    def log_density(self, x: Tensor, sigma: float) -> Tensor:
        """Return the log-density (n,) at noise level sigma, noise off the span too."""
        y = self.coordinates(x)
        off = ((x - self.points(y)) ** 2).sum(1)
        total = self.variances + sigma**2
        n_off = x.shape[1] - self.rank
        return -0.5 * (
            (y**2 / total + total.log()).sum(1)
            + off / sigma**2
            + n_off * math.log(sigma**2)
            + x.shape[1] * math.log(2 * math.pi)
        )
