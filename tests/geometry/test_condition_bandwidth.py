"""How near targets must be for their rows to follow one law."""

import numpy as np
import pytest

from manidiff.geometry.condition_bandwidth import (
    condition_bandwidth,
    silverman_bandwidth,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n_rows", [200, 5000])
@pytest.mark.parametrize("n_conditions", [1, 2])
def test_rows_that_do_not_depend_on_targets_are_all_used(rng, n_rows, n_conditions):
    rows = rng.normal(size=(n_rows, 3))
    targets = rng.normal(size=(n_rows, n_conditions))
    found = condition_bandwidth(rows, targets, rng)
    # A tenth of the variance is there to be spent on chance.
    assert found == silverman_bandwidth(n_rows, n_conditions)


@pytest.mark.parametrize("noise", [0.05, 0.2])
def test_a_law_that_moves_with_the_target_is_widened_by_a_tenth(rng, noise):
    """Of rows t + noise, targets h apart give the variance noise^2 + h^2.

    The step between bandwidths is a factor of two in h^2, and the least spread tried
    may itself be widened.
    """
    targets = rng.normal(size=(1000, 1))
    rows = targets + noise * rng.normal(size=(1000, 1))
    found = condition_bandwidth(rows, targets, rng)
    assert 0.03 < (found / noise) ** 2 < 0.25


def test_rows_without_noise_are_averaged_over_ten_at_least(rng):
    targets = rng.uniform(-1.7, 1.7, size=(1000, 1))
    found = condition_bandwidth(targets, targets, rng)
    weights = np.exp(-((targets - targets.T) ** 2) / (2 * found**2)).sum(1) - 1
    assert 10 <= weights.mean() < 20


def test_few_rows_and_repeated_targets(rng):
    rows = rng.normal(size=(3, 2))
    assert condition_bandwidth(rows, rows[:, :1], rng) == silverman_bandwidth(3, 1)
    steps = np.repeat([[-1.0], [1.0]], 50, axis=0)
    found = condition_bandwidth(steps + 0.1 * rng.normal(size=(100, 2)), steps, rng)
    assert 0 < found < 0.4


def test_the_order_of_rows_does_not_matter(rng):
    targets = rng.normal(size=(300, 1))
    rows = np.sin(3 * targets) + 0.1 * rng.normal(size=(300, 1))
    order = rng.permutation(300)
    assert condition_bandwidth(rows, targets, rng) == pytest.approx(
        condition_bandwidth(rows[order], targets[order], rng)
    )
