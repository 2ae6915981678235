"""Draws from a Gaussian mixture given some coordinates, in closed form."""

import numpy as np
import torch

from manidiff._utils.chunking import chunk_slices
from manidiff._utils.random import draw_seed

# Entries of the largest arrays: 128 MiB. Of components that need more than that, a
# random part serves.
_MAX_ENTRIES = 2**24


class GivenMixture:
    """A Gaussian mixture given some coordinates, seen under a little noise.

    Component i is N(mu_i, A_i), A_i = F_i^T diag(v_i) F_i + u_i (I - F_i^T F_i). For
    the observed coordinates o = x_K + noise * eps, with S_i the K x K part of A_i and
    of the noise's covariance, p(i | o) is proportional to w_i N(o; mu_i, S_i), and
    x given i and o is normal. It is drawn by Matheron's rule: draw x and its o' from
    component i and add cov(x, o) S_i^-1 (o - o').

    Parameters
    ----------
    mixture : tuple of Tensors
        Means (N, D), axes (N, q, D), variances (N, q), rest (N,) and weights (N,).
    known : ndarray of bool of shape (D,)
        The coordinates given.
    noise : ndarray of shape (D,)
        Standard deviations of the noise, > 0.
    rng : numpy.random.Generator
        Chooses components where there are too many.
    """

    def __init__(self, mixture, known, noise, rng):
        kept = slice(None)
        n, n_known = len(mixture[0]), int(known.sum())
        n_kept = max(_MAX_ENTRIES // max(n_known**2, 1), 1)
        if n > n_kept:
            kept = torch.from_numpy(rng.permutation(n)[:n_kept])
        self.means, self.axes, self.variances, self.rest, weights = (
            part[kept] for part in mixture
        )
        self.log_weights = weights.log()
        self.known = torch.from_numpy(np.flatnonzero(known))
        self.noise = torch.from_numpy(noise[known])
        # Variances beyond those in every direction.
        self.own = self.variances - self.rest[:, None]
        near = self.axes[:, :, self.known]
        S = torch.einsum("nqa,nq,nqb->nab", near, self.own, near)
        S += torch.diag_embed(self.rest[:, None] + self.noise**2)
        self.roots = torch.linalg.cholesky(S)

    def draw(self, observed, rng):
        """Draw one point (n, D) for each row of observed coordinates (n, K)."""
        generator = torch.Generator().manual_seed(draw_seed(rng))
        distinct, index = np.unique(observed, axis=0, return_inverse=True)
        chosen = self._choose(torch.from_numpy(distinct), index.ravel(), rng)
        observed = torch.from_numpy(observed)
        size = max(_MAX_ENTRIES // max(self.axes[0].numel(), len(self.known) ** 2), 1)
        parts = [
            self._draw_from(chosen[rows], observed[rows], generator)
            for rows in chunk_slices(len(observed), size)
        ]
        return torch.cat(parts).numpy()

    def _choose(self, distinct, index, rng):
        """Draw a component for each row, whose coordinates are distinct[index]."""
        chosen = np.empty(len(index), dtype=np.int64)
        n_entries = len(self.means) * max(len(self.known), 1)
        size = max(_MAX_ENTRIES // n_entries, 1)
        for part in chunk_slices(len(distinct), size):
            logits = self._logits(distinct[part])
            shares = torch.softmax(logits, 1).cumsum(1).numpy()
            for row, share in enumerate(shares, start=part.start):
                asked = np.flatnonzero(index == row)
                dice = rng.random(len(asked)) * share[-1]
                chosen[asked] = np.searchsorted(share, dice)
        return torch.from_numpy(chosen.clip(max=len(self.means) - 1))

    def _logits(self, observed):
        """Return log p(i | observed) (n, N), up to constants."""
        offset = observed[None] - self.means[:, None, self.known]
        white = torch.linalg.solve_triangular(
            self.roots, offset.transpose(1, 2), upper=False
        )
        volumes = self.roots.diagonal(dim1=1, dim2=2).log().sum(1)
        return self.log_weights - volumes - (white**2).sum(1).T / 2

    def _draw_from(self, chosen, observed, generator):
        means, axes, rest = self.means[chosen], self.axes[chosen], self.rest[chosen]

        def normal(shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        inner = self.variances[chosen].sqrt() * normal(axes.shape[:2])
        x = means + torch.einsum("nq,nqd->nd", inner, axes)
        outer = normal(means.shape)
        along = torch.einsum("nqd,nd->nq", axes, outer)
        outer = outer - torch.einsum("nq,nqd->nd", along, axes)
        x = x + rest.sqrt()[:, None] * outer

        seen = x[:, self.known] + self.noise * normal(observed.shape)
        roots = self.roots[chosen]
        pull = torch.cholesky_solve((observed - seen)[..., None], roots)[..., 0]
        along = torch.einsum("nqk,nk->nq", axes[:, :, self.known], pull)
        x = x + torch.einsum("nq,nqd->nd", self.own[chosen] * along, axes)
        x[:, self.known] += rest[:, None] * pull
        return x
