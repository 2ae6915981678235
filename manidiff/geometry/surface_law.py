"""The local-Gaussian law of rows on a manifold, and points of the manifold by it."""

from typing import Any

import numpy as np
import torch

from manidiff.geometry.local_gaussian import LocalGaussianLaw, neighbors_for_share
from manidiff.geometry.moving_least_squares import MovingLeastSquares

# Noise over the spread of a neighbourhood.
NOISE = 0.9
# The share that the Gaussian of a row has in the density at the row itself. On average
# over its draws it is 1 / 37 or less, and leaving the row out raises its denoising
# error by about 5 % or less.
_OWN_SHARE = 1 / 26
# A neighbourhood is at most this share of the rows, as long as it has ten: a larger one
# would not be flat.
_MAX_SHARE, _MIN_NEIGHBORS = 0.1, 10


def n_neighbors_on_surface(dim: int, n_rows: int) -> int:
    """Return how many rows make a neighbourhood on a manifold of dimension dim."""
    wanted = neighbors_for_share(dim, NOISE, _OWN_SHARE)
    return min(wanted, max(int(_MAX_SHARE * n_rows), _MIN_NEIGHBORS))


def draw_on_surface(
    surface: MovingLeastSquares,
    weights: np.ndarray,
    n_draws: int,
    rng: np.random.Generator,
    **search: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the surfaces through rows by the law of the rows.

    Parameters
    ----------
    surface : MovingLeastSquares
        Surfaces through the rows (N, D).
    weights : ndarray of shape (N,)
        Probabilities of the rows.
    n_draws : int
        Number of points; as near as can be, each row is the origin of its share.
    rng : numpy.random.Generator
        Source of the draws.
    **search
        Within what neighbours are sought, as `LocalGaussianLaw` takes it.

    Returns
    -------
    points : ndarray of shape (n_draws, D)
        Points on the surfaces.
    origins : ndarray of shape (n_draws,)
        The rows that they descend from, in ascending order.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.moving_least_squares import MovingLeastSquares
    >>> from manidiff.geometry.surface_law import draw_on_surface
    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, 2 * np.pi, 300)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> surface = MovingLeastSquares(circle, dim=1, degree=2, n_neighbors=8)
    >>> points, _ = draw_on_surface(surface, np.full(300, 1 / 300), 1000, rng)
    >>> bool(np.allclose(np.linalg.norm(points, axis=1), 1, atol=1e-3))
    True
    """
    rows, dim = surface.rows, surface.dim
    law = LocalGaussianLaw(
        rows,
        torch.from_numpy(weights),
        n_neighbors=n_neighbors_on_surface(dim, len(rows)),
        noise=NOISE,
        temperature=1.0,
        dim=dim,
        **search,
    )
    axes, variances, _ = law.along_surface(dim)
    levels = (np.arange(n_draws) + rng.random()) / n_draws
    shares = np.cumsum(weights) / np.sum(weights)
    origins = np.searchsorted(shares, levels).clip(max=len(rows) - 1)
    normal = torch.from_numpy(rng.standard_normal((n_draws, variances.shape[1])))
    along = normal * variances[origins].sqrt()
    points = law.means[origins] + torch.einsum("nq,nqd->nd", along, axes[origins])
    return surface.project(points).numpy(), origins
