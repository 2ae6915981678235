"""Log-densities along the probability flow against densities known exactly."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from manidiff.diffusion.likelihood import (
    EXACT_DIVERGENCE_DIM,
    divergence_probes,
    log_density,
    noise_levels,
    trace_of_jacobian,
)


class Mixture:
    """A Gaussian mixture, its density at every noise level and its denoiser."""

    def __init__(self, shares, means, covariances):
        self.log_shares = torch.tensor(shares, dtype=torch.float64).log()
        self.means = torch.tensor(means, dtype=torch.float64)
        self.covariances = torch.tensor(covariances, dtype=torch.float64)
        self.identity = torch.eye(self.means.shape[1], dtype=torch.float64)

    def log_terms(self, x, sigma):
        noisy = self.covariances + sigma**2 * self.identity
        offsets = x[:, None] - self.means
        solved = torch.einsum("kde,nke->nkd", torch.linalg.inv(noisy), offsets)
        squares = (offsets * solved).sum(-1)
        constant = torch.logdet(noisy) + x.shape[1] * np.log(2 * np.pi)
        return self.log_shares - (squares + constant) / 2, solved

    def log_density(self, x, sigma):
        return self.log_terms(x, sigma)[0].logsumexp(1)

    def denoise(self, x, sigma):
        level = sigma[0]
        terms, solved = self.log_terms(x, level)
        gains = torch.einsum("kde,nke->nkd", self.covariances, solved)
        return torch.einsum("nk,nkd->nd", terms.softmax(1), self.means + gains)

    def sample(self, n, rng):
        index = rng.choice(len(self.means), n, p=self.log_shares.exp().numpy())
        roots = torch.linalg.cholesky(self.covariances)[index]
        normal = torch.from_numpy(rng.normal(size=(n, self.means.shape[1])))
        return self.means[index] + torch.einsum("nde,ne->nd", roots, normal)


LAWS = {
    "standard": Mixture([1.0], [[0.0, 0.0]], [[[1.0, 0], [0, 1]]]),
    "flat and away": Mixture([1.0], [[9.0, -5.0]], [[[1.0, 0.09], [0.09, 0.01]]]),
    "two": Mixture([0.3, 0.7], [[-2.0], [1.0]], [[[0.25]], [[1.0]]]),
    "three": Mixture(
        [0.5, 0.3, 0.2],
        [[0.0, 0, 0], [4, 1, 0], [-3, 3, 1]],
        [
            np.diag([1.0, 0.5, 0.2]).tolist(),
            np.diag([0.3, 0.3, 0.3]).tolist(),
            [[1.0, 0.5, 0], [0.5, 1, 0], [0, 0, 0.1]],
        ],
    ),
}


@pytest.fixture(params=list(LAWS))
def law(request):
    return LAWS[request.param]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def flow_log_density(law, x, sigmas):
    return log_density(
        law.denoise,
        x,
        sigmas=sigmas,
        log_prior=lambda x: law.log_density(x, float(sigmas[-1])),
        probes=law.identity,
    )


def test_mixture_of_this_file_is_that_of_scipy(rng):
    law = LAWS["three"]
    x = law.sample(10, rng)
    expected = sum(
        float(share.exp())
        * multivariate_normal(mean, covariance + 0.25 * np.eye(3)).pdf(x)
        for share, mean, covariance in zip(
            law.log_shares, law.means, law.covariances.numpy(), strict=True
        )
    )
    np.testing.assert_allclose(law.log_density(x, 0.5).exp(), expected)


@pytest.mark.parametrize("sigma_min", [0.005, 0.02, 0.2])
def test_is_the_exact_density_to_one_percent(law, rng, sigma_min):
    x = law.sample(100, rng)
    x = x + sigma_min * torch.from_numpy(rng.normal(size=x.shape))
    found = flow_log_density(law, x, noise_levels(sigma_min, 0.0, 20.0))
    exact = law.log_density(x, sigma_min)
    assert ((found - exact).abs() <= 0.01 * exact.abs().clamp(min=1)).all()


def test_error_falls_at_fourth_order(law, rng):
    x = law.sample(50, rng)
    exact = law.log_density(x, 0.1)
    errors = []
    for n_steps in (20, 40):
        sigmas = torch.logspace(-1, 1, n_steps + 1, dtype=torch.float64)
        errors.append((flow_log_density(law, x, sigmas) - exact).abs().mean())
    assert errors[0] > 10 * errors[1]


@pytest.mark.parametrize("sigma_c", [0.0, 0.01, 0.5, 10.0, 30.0])
def test_levels_rise_between_the_ends(sigma_c):
    sigmas = noise_levels(0.01, sigma_c, 10.0)
    assert float(sigmas[0]) == pytest.approx(0.01)
    assert float(sigmas[-1]) == pytest.approx(10.0)
    assert (sigmas.diff() > 0).all()
    assert 16 <= len(sigmas) - 1 <= 18


def test_levels_have_a_node_where_the_score_is_frozen():
    assert (noise_levels(0.01, 0.5, 10.0) / 0.5 - 1).abs().min() < 1e-12


def smooth_map(dim):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn((2, dim, dim), generator=generator, dtype=torch.float64)
    return lambda x, sigma: torch.tanh(x @ first / sigma[:, None]) @ second


def test_trace_is_that_of_the_jacobian(rng):
    denoiser = smooth_map(4)
    x = torch.from_numpy(rng.normal(size=(6, 4)))
    sigma = torch.linspace(1, 3, 6, dtype=torch.float64)
    probes = torch.eye(4, dtype=torch.float64)
    denoised, trace = trace_of_jacobian(denoiser, x, sigma, probes)
    torch.testing.assert_close(denoised, denoiser(x, sigma))
    for i in range(6):
        jacobian = torch.autograd.functional.jacobian(
            lambda z, i=i: denoiser(z[None], sigma[i : i + 1])[0], x[i]
        )
        torch.testing.assert_close(trace[i], torch.trace(jacobian))


def test_few_directions_are_probed_exactly(rng):
    axes = np.linalg.qr(rng.normal(size=(30, EXACT_DIVERGENCE_DIM)))[0]
    np.testing.assert_array_equal(divergence_probes(axes, 0), axes.T)


def test_probes_along_the_range_give_the_whole_trace(rng):
    axes = np.linalg.qr(rng.normal(size=(8, 3)))[0]
    probes = torch.from_numpy(divergence_probes(axes, 0))
    projection = torch.from_numpy(axes @ rng.normal(size=(3, 8)))
    x, sigma = torch.zeros(1, 8).double(), torch.ones(1).double()
    _, trace = trace_of_jacobian(lambda z, s: z @ projection.T, x, sigma, probes)
    torch.testing.assert_close(trace[0], torch.trace(projection))


def probed_traces(matrix, axes, n_seeds):
    x, sigma = torch.zeros(1, len(matrix)).double(), torch.ones(1).double()
    matrix = torch.from_numpy(matrix)
    return [
        float(
            trace_of_jacobian(
                lambda z, s: z @ matrix.T,
                x,
                sigma,
                torch.from_numpy(divergence_probes(axes, seed)),
            )[1]
        )
        for seed in range(n_seeds)
    ]


def test_random_probes_are_unbiased(rng):
    matrix = rng.normal(size=(15, 15))
    traces = probed_traces(matrix, np.eye(15), 300)
    assert np.std(traces) > 0
    # 4.5 standard errors: a false alarm in 1 of 10^5 choices of seeds.
    assert abs(np.mean(traces) - np.trace(matrix)) < 4.5 * np.std(traces) / 300**0.5


def test_random_probes_are_exact_for_what_is_diagonal_along_the_axes(rng):
    axes = np.linalg.qr(rng.normal(size=(15, 15)))[0]
    matrix = axes * rng.normal(size=15) @ axes.T
    np.testing.assert_allclose(probed_traces(matrix, axes, 3), np.trace(matrix))


def test_probes_repeat_with_their_seed():
    axes = np.eye(12)
    np.testing.assert_array_equal(
        divergence_probes(axes, 5), divergence_probes(axes, 5)
    )
    assert not np.array_equal(divergence_probes(axes, 5), divergence_probes(axes, 6))
