"""Regression targets against the posterior mean of the rows."""

import numpy as np
import pytest
import torch

from manidiff.diffusion import training_law
from manidiff.diffusion.training_law import EmpiricalTrainingLaw


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def rows():
    return torch.randn(30, 2, dtype=torch.float64)


def equal(rows):
    return torch.full_like(rows[:, 0], 1 / len(rows))


def posterior_mean(rows, weights, x, sigma):
    logits = -(torch.cdist(x, rows) ** 2) / (2 * sigma[:, None] ** 2)
    return torch.softmax(logits + weights.log(), 1) @ rows


def test_target_is_the_row_where_the_posterior_would_not_generalise(rows):
    law = EmpiricalTrainingLaw(rows, equal(rows), float("inf"))
    index = torch.randint(30, (50,))
    x, target = law.noised(index, torch.full((50,), 0.1, dtype=torch.float64))
    torch.testing.assert_close(target, rows[index])
    assert float((x - target).std()) == pytest.approx(0.1, rel=0.3)


def test_target_is_the_posterior_mean_where_it_generalises(rows):
    weights = torch.rand(30, dtype=torch.float64)
    law = EmpiricalTrainingLaw(rows, weights, 0.0)
    sigma = torch.linspace(0.1, 4, 50, dtype=torch.float64)
    x, target = law.noised(torch.randint(30, (50,)), sigma)
    torch.testing.assert_close(target, posterior_mean(rows, weights, x, sigma))


def test_levels_of_both_kinds_share_a_batch(rows):
    law = EmpiricalTrainingLaw(rows, equal(rows), 1.0)
    sigma = torch.tensor([0.5, 2.0] * 10, dtype=torch.float64)
    index = torch.randint(30, (20,))
    x, target = law.noised(index, sigma)
    smooth = posterior_mean(rows, equal(rows), x, sigma)
    torch.testing.assert_close(target[::2], rows[index][::2])
    torch.testing.assert_close(target[1::2], smooth[1::2])


def test_noise_has_the_level_asked_for(rows):
    law = EmpiricalTrainingLaw(rows, equal(rows), float("inf"))
    index = torch.randint(30, (20_000,))
    sigma = torch.full((20_000,), 3.0, dtype=torch.float64)
    noise = law.noised(index, sigma)[0] - rows[index]
    # 4.5 standard errors, 2 comparisons: a false alarm in 10^5 seeds.
    assert ((noise.var(0) / 9 - 1).abs() < 4.5 * (2 / 20_000) ** 0.5).all()


@pytest.mark.parametrize("shares", [[1 / 3, 1 / 3, 1 / 3], [0.9, 0.05, 0.05]])
def test_reference_batch_has_the_same_regression_function(shares, monkeypatch):
    monkeypatch.setattr(training_law, "_MAX_REFERENCE", 2)
    rows = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    weights = torch.tensor(shares, dtype=torch.float64)
    law = EmpiricalTrainingLaw(rows, weights, 0.0)
    sigma = torch.full((2,), 0.8, dtype=torch.float64)
    residuals = []
    for _ in range(4000):
        index = torch.multinomial(weights, 2, replacement=True)
        x, target = law.noised(index, sigma)
        exact = posterior_mean(rows, weights, x, sigma)
        # Orthogonal to every function of x; these two are enough to see a bias.
        error = (target - exact).squeeze(1)
        residuals.append([error.mean(), (error * exact.squeeze(1)).mean()])
    residuals = np.array(residuals)
    # 4.5 standard errors, 4 comparisons: a false alarm in 3 of 10^5 seeds.
    deviation = residuals.mean(0) / residuals.std(0) * len(residuals) ** 0.5
    assert np.abs(deviation).max() < 4.5


def test_far_draws_have_the_posterior_mean_for_target(rows):
    weights = torch.rand(30, dtype=torch.float64)
    law = EmpiricalTrainingLaw(rows, weights, 0.5, far_share=0.5)
    sigma = torch.linspace(0.2, 4, 400, dtype=torch.float64)
    index = torch.randint(30, (400,))
    x, target = law.noised(index, sigma)
    stable = sigma >= 0.5
    exact = posterior_mean(rows, weights, x, sigma)
    torch.testing.assert_close(target[stable], exact[stable])
    torch.testing.assert_close(target[~stable], rows[index][~stable])


def test_far_draws_are_up_to_four_times_as_far_off(rows):
    n = 20_000
    index, sigma = torch.randint(30, (n,)), torch.ones(n, dtype=torch.float64)
    # Noise u z with u uniform on [1, 4], z normal: mean square 7, variance of the
    # square 3 (4^5 - 1) / 15 - 49.
    for share, square, variance in ((0.0, 1.0, 2.0), (1.0, 7.0, 155.6)):
        law = EmpiricalTrainingLaw(rows, equal(rows), 0.5, far_share=share)
        noise = law.noised(index, sigma)[0] - rows[index]
        # 4.5 standard errors, 4 comparisons: a false alarm in 3 of 10^5 seeds.
        error = (variance / n) ** 0.5
        assert ((noise**2).mean(0) - square).abs().max() < 4.5 * error
    below = torch.full_like(sigma, 0.25)
    noise = law.noised(index, below)[0] - rows[index]
    assert ((noise**2).mean(0) * 16 - 1).abs().max() < 4.5 * (2 / n) ** 0.5


def test_far_draws_leave_their_own_row_out_of_a_reference_batch(rows, monkeypatch):
    monkeypatch.setattr(training_law, "_MAX_REFERENCE", 1)
    law = EmpiricalTrainingLaw(rows, equal(rows), 0.0, far_share=1.0)
    sigma = torch.ones(1, dtype=torch.float64)
    for index in torch.arange(30).split(1):
        _, target = law.noised(index, sigma)
        # One other row is all there is to take a mean over.
        assert (rows == target).all(1).any()
