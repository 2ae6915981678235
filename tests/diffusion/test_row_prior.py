import math

import numpy as np
import pytest
import torch

from manidiff.diffusion import row_prior
from manidiff.diffusion.row_prior import RowPrior


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def weights(rng):
    return torch.from_numpy(rng.uniform(0.1, 3, 40))


def test_rows_are_drawn_as_often_as_their_weights_say(rng, weights):
    drawn = RowPrior(weights).draw(5000, None, rng)
    counts = np.bincount(drawn, minlength=len(weights))
    # To the nearest whole number, up or down.
    assert np.abs(counts - 5000 * (weights / weights.sum()).numpy()).max() < 1


def test_each_run_takes_every_row_of_equal_weight_once(rng):
    drawn = RowPrior(torch.ones(50)).draw(200, None, rng).reshape(4, 50)
    assert all(sorted(run) == list(range(50)) for run in drawn.tolist())
    assert not torch.equal(drawn[0], drawn[1])


def test_fewer_draws_than_rows_are_different_rows(rng):
    drawn = RowPrior(torch.ones(50)).draw(20, None, rng)
    assert len(drawn.unique()) == 20


def test_rows_come_in_random_order(rng):
    drawn = RowPrior(torch.ones(30)).draw(4000, None, rng).double()
    trend = np.corrcoef(drawn, np.arange(4000))[0, 1]
    # 4.5 standard errors: a false alarm in 1 of 10^5 seeds.
    assert abs(trend) < 4.5 / math.sqrt(4000)


def test_rows_are_drawn_by_the_kernel_of_their_conditions(rng):
    conditions = torch.tensor([[0.0], [0.5], [1.0], [3.0]])
    weights = torch.tensor([1.0, 2.0, 1.0, 1.0])
    prior = RowPrior(weights, conditions, bandwidth=0.5)
    n = 4000
    asked = torch.full((n, 1), 0.2)
    share = weights * torch.exp(-((conditions[:, 0] - 0.2) ** 2) / 0.5)
    share = (share / share.sum()).numpy()
    np.testing.assert_allclose(
        prior.log_probabilities(asked[:1])[0].exp(), share, rtol=1e-6
    )
    counts = np.bincount(prior.draw(n, asked, rng), minlength=4)
    # 4.5 standard errors, 4 comparisons: a false alarm in 3 of 10^5 seeds.
    assert (np.abs(counts - n * share) < 4.5 * np.sqrt(n * share) + 1).all()


def test_pieces_draw_what_the_whole_draws(rng, weights, monkeypatch):
    conditions = torch.from_numpy(rng.normal(size=(len(weights), 2)))
    prior = RowPrior(weights, conditions)
    asked = torch.from_numpy(rng.normal(size=(9, 2)))
    whole = prior.draw(9, asked, np.random.default_rng(3))
    monkeypatch.setattr(row_prior, "MAX_ENTRIES", 100)
    assert torch.equal(prior.draw(9, asked, np.random.default_rng(3)), whole)


def test_without_a_condition_the_weights_alone_count(rng, weights):
    conditions = torch.from_numpy(rng.normal(size=(len(weights), 2)))
    torch.testing.assert_close(
        RowPrior(weights, conditions).log_probabilities(None),
        (weights / weights.sum()).log(),
    )
