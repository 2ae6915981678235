"""Solvers on Gaussian data, whose denoiser, flow and law are known exactly.

For data N(m, diag(v)) the probability flow from sigma_0 to sigma_1 scales x - m along
each axis by sqrt((v + sigma_1^2) / (v + sigma_0^2)), and the law at sigma is
N(m, v + sigma^2).
"""

import numpy as np
import pytest
import torch

from manidiff.diffusion.denoisers import EmpiricalDenoiser
from manidiff.diffusion.samplers import SOLVERS, normal_noise, solve
from manidiff.diffusion.schedules import CLOCKS

MEAN = torch.tensor([3.0, -2.0, 0.5], dtype=torch.float64)
VARIANCES = torch.tensor([0.04, 1.0, 9.0], dtype=torch.float64)
SIGMA_MAX, SIGMA_END = 20.0, 0.05

STOCHASTIC = ["ddpm", "sde", "hybrid"]


def denoise(x, sigma):
    gain = VARIANCES / (VARIANCES + sigma[:, None] ** 2)
    return MEAN + gain * (x - MEAN)


def run(solver, clock, n_steps, x, noise=torch.zeros_like, switch=1.0):
    schedule = CLOCKS[clock](SIGMA_MAX, SIGMA_END, n_steps)
    return solve(denoise, x, schedule, solver=solver, noise=noise, sigma_switch=switch)


def exact_flow(x):
    ratio = (VARIANCES + SIGMA_END**2) / (VARIANCES + SIGMA_MAX**2)
    return MEAN + ratio.sqrt() * (x - MEAN)


def flow_error(solver, clock, n_steps):
    x = MEAN + torch.linspace(-30, 30, 7, dtype=torch.float64)[:, None]
    return float((run(solver, clock, n_steps, x) - exact_flow(x)).abs().max())


def law_at_end(solver, clock, n_steps):
    """Return the exact mean and variances of the chain.

    It is linear in the start and in the noise of every step. The first row of the
    batch carries no noise, the second that of the start, every other that of one step:
    variances of independent terms add up.
    """
    x = MEAN.expand(n_steps + 2, 3).clone()
    x[1] += (VARIANCES + SIGMA_MAX**2).sqrt()
    steps = iter(range(n_steps))

    def one_row_a_step(like):
        drawn = torch.zeros_like(like)
        drawn[2 + next(steps)] = 1
        return drawn

    x = run(solver, clock, n_steps, x, one_row_a_step)
    return x[0], ((x[1:] - x[0]) ** 2).sum(0)


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_flow_converges_to_the_exact_map_at_its_order(solver, order, clock):
    coarse, fine = (flow_error(solver, clock, n) for n in (200, 400))
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("clock", list(CLOCKS))
def test_heun_reaches_the_exact_map(clock):
    assert flow_error("heun", clock, 1000) < 1e-4


@pytest.mark.parametrize("solver", SOLVERS)
def test_mean_is_kept_exactly_by_the_exploding_clock(solver):
    torch.testing.assert_close(run(solver, "ve", 5, MEAN[None])[0], MEAN)


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("solver", SOLVERS)
def test_chain_converges_to_the_law(solver, clock):
    exact = VARIANCES + SIGMA_END**2
    errors = []
    for n_steps in (200, 400):
        mean, variances = law_at_end(solver, clock, n_steps)
        errors.append(((mean - MEAN) ** 2 / exact).sqrt().max())
        errors.append((variances / exact - 1).abs().max())
    # At least at first order, or exact from the start.
    assert errors[2] < max(0.6 * errors[0], 1e-10)
    assert errors[3] < 0.6 * errors[1]
    assert max(errors[2:]) < 0.1


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("solver", STOCHASTIC)
def test_draws_have_the_law_of_their_chain(solver, clock):
    n = 4000
    noise = normal_noise(np.random.default_rng(0))
    start = (VARIANCES + SIGMA_MAX**2).sqrt()
    x = run(solver, clock, 40, MEAN + start * noise(torch.empty(n, 3).double()), noise)
    mean, variances = law_at_end(solver, clock, 40)
    # 4.5 standard errors, 36 comparisons in all: a false alarm in 3 of 10^4 seeds.
    assert ((x.mean(0) - mean).abs() < 4.5 * (variances / n).sqrt()).all()
    assert ((x.var(0) / variances - 1).abs() < 4.5 * np.sqrt(2 / n)).all()


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_noise_is_independent_between_axes(solver):
    n = 4000
    noise = normal_noise(np.random.default_rng(1))
    start = MEAN + SIGMA_MAX * noise(torch.empty(n, 3).double())
    x = run(solver, "ve", 20, start, noise)
    correlation = np.corrcoef(x.numpy().T)[np.triu_indices(3, 1)]
    # 4.5 standard errors, 9 comparisons: a false alarm in 1 of 10^4 seeds.
    assert np.abs(correlation).max() < 4.5 / np.sqrt(n)


def test_ancestral_steps_are_the_same_on_both_clocks():
    x = MEAN + torch.linspace(-9, 9, 5, dtype=torch.float64)[:, None]
    first, second = (
        run("ddpm", clock, 12, x, normal_noise(np.random.default_rng(0)))
        for clock in CLOCKS
    )
    torch.testing.assert_close(first, second)


def test_both_clocks_follow_the_same_flow():
    x = MEAN + torch.linspace(-9, 9, 5, dtype=torch.float64)[:, None]
    first, second = (run("heun", clock, 1000, x) for clock in CLOCKS)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("switch", "same_as"), [(0.0, "ddpm"), (100.0, "euler")])
def test_hybrid_is_one_solver_when_it_never_switches(switch, same_as):
    x = MEAN[None] + 1
    hybrid = run("hybrid", "ve", 8, x, normal_noise(np.random.default_rng(0)), switch)
    other = run(same_as, "ve", 8, x, normal_noise(np.random.default_rng(0)))
    torch.testing.assert_close(hybrid, other, rtol=0, atol=0)


def test_hybrid_draws_no_noise_below_the_switch():
    schedule = CLOCKS["ve"](SIGMA_MAX, SIGMA_END, 20)
    n_calls = []

    def noise(like):
        n_calls.append(1)
        return torch.zeros_like(like)

    run("hybrid", "ve", 20, MEAN[None].clone(), noise, switch=2.0)
    assert len(n_calls) == int((schedule.sigmas[1:] >= 2.0).sum())


@pytest.mark.parametrize("clock", list(CLOCKS))
@pytest.mark.parametrize("solver", SOLVERS)
def test_exact_score_ends_on_training_rows(solver, clock):
    rng = np.random.default_rng(0)
    rows = torch.from_numpy(rng.normal(size=(30, 3)))
    x = 10 * torch.from_numpy(rng.normal(size=(100, 3)))
    x = solve(
        EmpiricalDenoiser(rows),
        x,
        CLOCKS[clock](10.0, 1e-4, 40),
        solver=solver,
        noise=normal_noise(rng),
    )
    nearest, index = torch.cdist(x, rows).min(1)
    assert nearest.max() < 5e-3
    assert len(index.unique()) > 10


def test_noise_is_drawn_by_numpy_in_the_kind_of_its_argument():
    noise = normal_noise(np.random.default_rng(0))
    drawn = noise(torch.empty(4, 2, dtype=torch.float32))
    expected = np.random.default_rng(0).standard_normal((4, 2))
    assert drawn.dtype == torch.float32
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)
