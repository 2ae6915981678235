"""The mixture of low-rank Gaussians against autograd, quadrature and scipy."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from manidiff.diffusion import gaussian_mixture
from manidiff.diffusion.descent import descend
from manidiff.diffusion.dimension import dimension_from_density, dimension_from_score
from manidiff.diffusion.gaussian_mixture import LowRankMixture
from manidiff.diffusion.row_prior import RowPrior


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make(rng, n=6, q=2, width=4, rest=0.1):
    axes = np.stack([np.linalg.qr(rng.normal(size=(width, q)))[0].T for _ in range(n)])
    return LowRankMixture(
        torch.from_numpy(rng.normal(size=(n, width))),
        torch.from_numpy(axes),
        torch.from_numpy(rng.uniform(0.2, 1, size=(n, q))),
        torch.full((n,), rest, dtype=torch.float64),
        RowPrior(torch.from_numpy(rng.uniform(0.5, 2, n))),
    )


def covariance(mixture, i, width):
    n_axes = mixture.variances.shape[1]
    axes = mixture.factors.view(len(mixture.means), n_axes, width)[i]
    along = axes.T @ torch.diag(mixture.variances[i]) @ axes
    return along + mixture.rest[i] * (torch.eye(width) - axes.T @ axes)


@pytest.mark.parametrize("q", [0, 2, 4])
def test_density_is_that_of_the_mixture(rng, q):
    mixture = make(rng, q=q)
    x = rng.normal(size=(7, 4))
    sigma = 0.3
    total = sum(
        float(share)
        * multivariate_normal.pdf(
            x,
            (mixture.means[i] + mixture.center).numpy(),
            covariance(mixture, i, 4).numpy() + sigma**2 * np.eye(4),
        )
        for i, share in enumerate(mixture.prior.log_weights.exp())
    )
    found = mixture.log_density(torch.from_numpy(x), torch.full((7,), sigma).double())
    np.testing.assert_allclose(found, np.log(total), rtol=1e-6)


def test_denoiser_is_tweedie_of_the_density(rng):
    mixture = make(rng)
    x = torch.from_numpy(rng.normal(size=(9, 4))).requires_grad_()
    sigma = torch.from_numpy(rng.uniform(0.05, 2, 9))
    (score,) = torch.autograd.grad(mixture.log_density(x, sigma).sum(), x)
    expected = x + sigma[:, None] ** 2 * score
    torch.testing.assert_close(mixture(x, sigma), expected)


def test_pieces_give_what_the_whole_gives(rng, monkeypatch):
    mixture = make(rng)
    x = torch.from_numpy(rng.normal(size=(9, 4)))
    sigma = torch.full((9,), 0.3, dtype=torch.float64)
    whole = mixture(x, sigma), mixture.log_density(x, sigma)
    monkeypatch.setattr(gaussian_mixture, "MAX_ENTRIES", 1)
    torch.testing.assert_close(
        (mixture(x, sigma), mixture.log_density(x, sigma)), whole
    )


def test_density_along_a_plane_is_that_in_the_plane(rng):
    axes = torch.eye(3, dtype=torch.float64)[:2].expand(5, 2, 3)
    means = torch.cat([torch.randn(5, 2), torch.zeros(5, 1)], 1).double()
    variances = torch.from_numpy(rng.uniform(0.2, 1, size=(5, 2)))
    rest = torch.zeros(5, dtype=torch.float64)
    prior = RowPrior(torch.ones(5))
    sigma = torch.full((4,), 0.1, dtype=torch.float64)
    x = torch.cat([torch.randn(4, 2), torch.zeros(4, 1)], 1).double()
    flat = LowRankMixture(means[:, :2], axes[..., :2], variances, rest, prior)
    found = LowRankMixture(means, axes, variances, rest, prior)
    torch.testing.assert_close(
        found.log_density(x, sigma, dim=2), flat.log_density(x[:, :2], sigma)
    )


def test_both_forms_of_the_dimension_agree(rng):
    mixture = make(rng)
    x = torch.from_numpy(rng.normal(size=(5, 4)))
    sigma = 0.4
    level = torch.full((5,), sigma, dtype=torch.float64)
    from_density = dimension_from_density(
        lambda x, sigma: mixture.log_density(x, torch.full_like(x[:, 0], sigma)),
        x,
        sigma,
    )
    from_score = dimension_from_score(mixture, x, level, torch.eye(4).double())
    torch.testing.assert_close(from_density, from_score, rtol=1e-2, atol=1e-2)


def test_descent_starts_where_a_point_belongs():
    x = torch.tensor([[0.1], [3.0], [50.0]], dtype=torch.float64)
    found = descend(lambda x, sigma: 0.1 * x, x, 0.1, 100.0)
    # A tenth at each of the levels 0.2, 0.4, ... up to 1.6 and 25.6; within two sigma_c
    # a point is left to the projector.
    expected = torch.tensor([[0.1], [3e-4], [50e-8]]).double()
    torch.testing.assert_close(found, expected)
