"""Rows dealt in groups to two halves."""

import numpy as np
import pytest
import torch

from manidiff.geometry.groups import MIN_ROWS, deal_in_groups


def make_rows(n_rows, n_features=5, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).normal(size=(n_rows, n_features))
    )


@pytest.mark.parametrize("n_rows", [6, 7, 11, 12, 13, 100, 257])
@pytest.mark.parametrize("n_features", [1, 5, 300])
def test_every_row_is_in_one_group_of_three_to_six(n_rows, n_features):
    groups = deal_in_groups(make_rows(n_rows, n_features))
    assert sorted(torch.cat(groups).tolist()) == list(range(n_rows))
    assert {len(group) for group in groups} <= set(range(MIN_ROWS, 2 * MIN_ROWS + 1))
    assert len(groups) % 2 == 0


def test_many_rows_are_in_larger_groups():
    groups = deal_in_groups(make_rows(10_000))
    assert {len(group) for group in groups} == {9, 10}
    assert len(groups) == 1024


def test_the_order_of_the_rows_does_not_matter():
    rows = make_rows(100)
    order = torch.from_numpy(np.random.default_rng(1).permutation(100))
    dealt = {frozenset(group.tolist()) for group in deal_in_groups(rows)}
    again = {frozenset(order[group].tolist()) for group in deal_in_groups(rows[order])}
    assert again == dealt


def test_groups_are_of_near_rows():
    rows = make_rows(512, 3)
    groups = deal_in_groups(rows)
    within = np.mean([rows[group].var(dim=0).sum() for group in groups])
    assert within < 0.2 * float(rows.var(dim=0).sum())


def test_the_halves_lie_alike():
    # Of halves at random, the means would differ by .07 a column on average.
    rows = make_rows(512, 3)
    groups = deal_in_groups(rows)
    means = [rows[torch.cat(groups[half::2])].mean(dim=0) for half in (0, 1)]
    near = torch.cdist(rows[torch.cat(groups[0::2])], rows[torch.cat(groups[1::2])])
    within = torch.cdist(rows, rows) + 1e9 * torch.eye(len(rows))
    assert float((means[0] - means[1]).abs().max()) < 0.07
    # Half as many rows, so neighbours are 2^(1/3) times as far; grouped a little more.
    assert float(near.min(dim=1).values.mean()) < 1.6 * float(
        within.min(dim=1).values.mean()
    )
