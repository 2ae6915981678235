"""Clocks against their own derivatives and inverses."""

import pytest
import torch

from manidiff.diffusion.schedules import CLOCKS, OrnsteinUhlenbeck

SIGMAS = torch.logspace(-3, 3, 25, dtype=torch.float64)


@pytest.fixture(params=list(CLOCKS))
def schedule(request):
    return CLOCKS[request.param](80.0, 0.002, 20)


def derivative(function, time):
    time = time.clone().requires_grad_()
    return torch.autograd.grad(function(time).sum(), time)[0]


def test_sigma_undoes_time(schedule):
    torch.testing.assert_close(schedule.sigma(schedule.time(SIGMAS)), SIGMAS)


def test_rate_of_sigma_is_its_log_derivative(schedule):
    time = schedule.time(SIGMAS)
    expected = derivative(lambda t: schedule.sigma(t).log(), time)
    torch.testing.assert_close(schedule.log_rates(time)[0], expected)


def test_rate_of_scale_is_its_log_derivative(schedule):
    time = schedule.time(SIGMAS)
    # The scale of the exploding clock is constant: 0 * t gives autograd a path.
    expected = derivative(lambda t: schedule.scale(t).log() + 0 * t, time)
    torch.testing.assert_close(schedule.log_rates(time)[1], expected)


def test_levels_decrease_between_exact_ends(schedule):
    assert schedule.sigmas[0] == 80.0
    assert schedule.sigmas[-1] == 0.002
    assert len(schedule.sigmas) == 21
    assert (schedule.sigmas.diff() < 0).all()


def test_times_are_those_of_the_levels(schedule):
    torch.testing.assert_close(schedule.sigma(schedule.times), schedule.sigmas)
    assert (schedule.times.diff() < 0).all()


def test_a_power_of_the_levels_is_equally_spaced(schedule):
    steps = (schedule.sigmas ** (1 / 7)).diff()
    torch.testing.assert_close(steps, steps.mean().expand_as(steps))


@pytest.mark.parametrize("n_steps", [1, 2])
def test_few_steps_keep_both_ends(n_steps):
    for clock in CLOCKS.values():
        sigmas = clock(3.0, 1.0, n_steps).sigmas
        assert sigmas[0] == 3.0 and sigmas[-1] == 1.0 and len(sigmas) == n_steps + 1


def test_preserving_clock_keeps_the_variance_of_standard_data():
    clock = OrnsteinUhlenbeck(10.0, 0.1, 4)
    time = clock.time(SIGMAS)
    variance = clock.scale(time) ** 2 * (1 + clock.sigma(time) ** 2)
    torch.testing.assert_close(variance, torch.ones_like(time))
