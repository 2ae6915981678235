"""The preconditioning around a network."""

import numpy as np
import pytest
import torch

from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.nets import ResidualMLP


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 3)) @ rng.normal(size=(3, 3)) + [0, 5, -3]


@pytest.fixture
def gaussian(X):
    return Gaussian.from_moments(X, np.full(len(X), 1 / len(X)))


def zero(inputs, noise, condition=None):
    return torch.zeros_like(inputs)


def random_network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = ResidualMLP(3, width=16, depth=2).double()
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.3)
    return network


def test_zero_network_is_the_gaussian_denoiser(X, gaussian):
    x = torch.from_numpy(X + 1)
    sigma = torch.logspace(-2, 2, len(x), dtype=torch.float64)
    covariance = np.cov(X.T, bias=True)
    expected = [
        X.mean(0)
        + covariance @ np.linalg.solve(covariance + s**2 * np.eye(3), row - X.mean(0))
        for row, s in zip(x.numpy(), sigma.numpy(), strict=True)
    ]
    found = PreconditionedDenoiser(zero, gaussian)(x, sigma)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_network_is_asked_for_what_makes_the_denoiser_hit_the_target(X, gaussian):
    denoiser = PreconditionedDenoiser(random_network(), gaussian)
    x = torch.from_numpy(X)
    sigma = torch.logspace(-1, 1, len(x), dtype=torch.float64)
    denoised = denoiser(x, sigma)
    inputs, wanted = denoiser.training_pair(x, sigma, denoised, None)
    torch.testing.assert_close(denoiser.network(**inputs), wanted)


def test_condition_reaches_the_network(X, gaussian):
    seen = []

    def network(inputs, noise, condition):
        seen.append(condition)
        return torch.zeros_like(inputs)

    x, sigma = torch.from_numpy(X), torch.ones(len(X), dtype=torch.float64)
    given = torch.eye(len(X), dtype=torch.float64)
    denoiser = PreconditionedDenoiser(network, gaussian)
    denoiser(x, sigma, given)
    assert seen[0] is given
    assert denoiser.training_pair(x, sigma, x, given)[0]["condition"] is given


@pytest.mark.parametrize("sigma", [0.01, 1.0, 100.0])
def test_inputs_and_targets_have_unit_variance(gaussian, sigma):
    n = 20_000
    normal = torch.randn(
        (2, n, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    clean = gaussian.points(gaussian.variances.sqrt() * normal[0])
    x = clean + sigma * normal[1]
    level = torch.full((n,), sigma, dtype=torch.float64)
    inputs, wanted = PreconditionedDenoiser(zero, gaussian).training_pair(
        x, level, clean, None
    )
    # Five standard errors of a variance: 18 comparisons, a false alarm in 10^5 seeds.
    for values in (inputs["inputs"], wanted):
        torch.testing.assert_close(
            values.var(0), torch.ones(3).double(), rtol=0, atol=5 * (2 / n) ** 0.5
        )


def test_noise_is_told_as_a_quarter_of_its_logarithm(X, gaussian):
    sigma = torch.full((len(X),), np.e**2, dtype=torch.float64)
    x = torch.from_numpy(X)
    inputs, _ = PreconditionedDenoiser(zero, gaussian).training_pair(x, sigma, x, None)
    torch.testing.assert_close(inputs["noise"], torch.full_like(sigma, 0.5))
