"""Seeds and draws."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from manidiff._utils import random
from manidiff._utils.random import (
    balanced_normal,
    draw_seed,
    forked_torch_seed,
    make_rng,
)

CPU = torch.device("cpu")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("n_samples", [1000, 4096])
def test_columns_are_standard_normal(rng, n_samples):
    X = balanced_normal(n_samples, 20, rng)
    # Evenly spread rows are closer to the law than independent ones, for which 40
    # comparisons at this level give a false alarm in 4 of 10^4 seeds.
    for column in X.T:
        assert kstest(column, "norm").pvalue > 1e-5


def test_each_row_alone_is_standard_normal():
    X = np.array([balanced_normal(8, 2, np.random.default_rng(s)) for s in range(400)])
    # 16 comparisons: a false alarm in 2 of 10^4 choices of seeds.
    for place in X.reshape(400, -1).T:
        assert kstest(place, "norm").pvalue > 1e-5


def test_columns_are_uncorrelated(rng):
    correlation = np.corrcoef(balanced_normal(4096, 12, rng).T)
    # 4.5 standard errors of independent rows, 66 comparisons: a false alarm in 5 of
    # 10^4 seeds.
    assert np.abs(correlation - np.eye(12)).max() < 4.5 / np.sqrt(4096)


def test_means_have_a_smaller_error_than_those_of_independent_rows():
    errors = [
        balanced_normal(256, 3, np.random.default_rng(seed)).mean(0)
        for seed in range(30)
    ]
    # Independent rows: 1 / 16.
    assert np.sqrt(np.mean(np.square(errors))) < 0.3 / 16


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_a_fixed_stride_through_the_rows_is_not_biased(stride):
    means, spreads = [], []
    for seed in range(40):
        X = balanced_normal(512, 3, np.random.default_rng(seed))[::stride]
        means.append(X.mean(0))
        spreads.append(X.var(0))
    # No worse than independent rows; 30 % more is 4.5 standard errors of 120 terms.
    bound = 1.3 / np.sqrt(512 / stride)
    assert np.sqrt(np.mean(np.square(means))) < bound
    assert np.mean(spreads) == pytest.approx(1, abs=0.05)


def test_runs_of_rows_are_balanced_too():
    errors = [
        balanced_normal(1024, 2, np.random.default_rng(seed))[128:256].mean(0)
        for seed in range(30)
    ]
    assert np.sqrt(np.mean(np.square(errors))) < 0.5 / np.sqrt(128)


@pytest.mark.parametrize("shape", [(0, 3), (5, 0), (1, 1), (3, 2), (1000, 1)])
def test_any_shape_is_filled_with_finite_numbers(rng, shape):
    X = balanced_normal(*shape, rng)
    assert X.shape == shape
    assert np.isfinite(X).all()


def test_columns_beyond_the_tables_are_independent_draws(rng, monkeypatch):
    monkeypatch.setattr(random, "_MAX_SOBOL_DIM", 2)
    X = balanced_normal(2000, 5, rng)
    assert X.shape == (2000, 5)
    for column in X.T:
        assert kstest(column, "norm").pvalue > 1e-5


def test_draws_repeat_with_their_generator():
    first, second = (balanced_normal(9, 2, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, balanced_normal(9, 2, np.random.default_rng(5)))


def test_an_int_repeats_and_none_draws_anew():
    assert make_rng(3).random() == make_rng(3).random()
    assert make_rng(None).random() != make_rng(None).random()


def test_a_random_state_is_advanced():
    state = np.random.RandomState(0)
    assert make_rng(state).random() != make_rng(state).random()
    repeated = np.random.RandomState(0)
    assert make_rng(repeated).random() == make_rng(np.random.RandomState(0)).random()


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_seeds_suit_every_library(make):
    seed = draw_seed(make(0))
    assert isinstance(seed, int) and 0 <= seed < 2**31
    assert seed == draw_seed(make(0))


def test_torch_repeats_inside_a_fork_and_is_untouched_outside():
    before = torch.get_rng_state()
    drawn = []
    for _ in range(2):
        with forked_torch_seed(5, CPU):
            drawn.append(torch.rand(3))
    torch.testing.assert_close(drawn[0], drawn[1], rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_torch_is_given_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), forked_torch_seed(5, CPU):
        torch.rand(3)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)
