"""A pair of networks, each asked where the rows of the other lie."""

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from torch import nn

from manidiff.nets import CrossFitted, ResidualMLP


class Constant(nn.Module):
    """Says the same of every point."""

    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(float(value)))

    def forward(self, inputs, noise, condition=None):
        told = 0 if condition is None else condition.sum(1, keepdim=True)
        return self.value + told + torch.zeros_like(inputs)


VARIANCES = torch.tensor([2.0, 0.5])
CENTERS = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [-1.0, 1.0], [1.0, 1.0]])
SIZES = torch.tensor([3.0, 4.0, 5.0, 3.0])
WIDTH = 0.3


@pytest.fixture
def pair():
    pair = CrossFitted(Constant(0), Constant(1), VARIANCES)
    pair.place(CENTERS, SIZES, WIDTH)
    return pair


def inputs_of(y, sigma):
    noise = torch.full((len(y),), np.log(sigma) / 4)
    return {"inputs": y / (VARIANCES + sigma**2).sqrt(), "noise": noise.float()}


@pytest.mark.parametrize("sigma", [0.01, 0.5, 3.0])
def test_the_share_is_that_of_gaussians_about_the_centers(pair, sigma):
    y = torch.from_numpy(np.random.default_rng(0).normal(size=(20, 2)))
    densities = np.stack(
        [
            float(size) * multivariate_normal(center, sigma**2 + WIDTH**2).pdf(y)
            for center, size in zip(CENTERS.numpy(), SIZES, strict=True)
        ]
    )
    wanted = densities[::2].sum(axis=0) / densities.sum(axis=0)
    found = pair.double().share_of_first(**inputs_of(y, sigma))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_each_is_asked_where_the_rows_of_the_other_lie(pair):
    said = pair.eval()(**inputs_of(CENTERS, 0.01))[:, 0]
    torch.testing.assert_close(
        said, torch.tensor([1.0, 0.0, 1.0, 0.0]), atol=1e-4, rtol=0
    )
    own = pair.of_own_half()(**inputs_of(CENTERS, 0.01))[:, 0]
    torch.testing.assert_close(own, 1 - said)
    # The pair itself is not changed.
    torch.testing.assert_close(pair(**inputs_of(CENTERS, 0.01))[:, 0], said)


@pytest.mark.parametrize("half", [0, 1])
def test_one_learns_nothing_from_the_half_of_the_other(pair, half):
    told = torch.tensor([[0.5, half]] * 3)
    said = pair.train()(**inputs_of(CENTERS[:3], 1.0), condition=told)
    torch.testing.assert_close(said, torch.full((3, 2), half + 0.5))
    said.sum().backward()
    taught, other = pair.networks[half], pair.networks[1 - half]
    assert taught.value.grad != 0
    assert other.value.grad is None or other.value.grad == 0


def test_a_batch_is_dealt():
    torch.manual_seed(0)
    networks = [ResidualMLP(2, 1, width=8, depth=1) for _ in range(2)]
    for network in networks:
        nn.init.normal_(network.leave[1].weight)
    pair = CrossFitted(*networks, VARIANCES).train()
    given = inputs_of(torch.randn(6, 2), 1.0)
    condition = torch.randn(6, 1)
    half = torch.tensor([[0.0], [1.0], [1.0], [0.0], [1.0], [0.0]])
    said = pair(**given, condition=torch.hstack([condition, half]))
    for row, which in enumerate(half[:, 0].int()):
        one = {name: value[row : row + 1] for name, value in given.items()}
        alone = networks[which](**one, condition=condition[row : row + 1])
        torch.testing.assert_close(said[row : row + 1], alone)


def test_it_moves_and_is_kept_with_its_places(pair):
    twin = CrossFitted(Constant(3), Constant(4), VARIANCES)
    twin.place(torch.zeros(4, 2), torch.ones(4), 1.0)
    twin.load_state_dict(pair.state_dict())
    given = inputs_of(CENTERS, 0.5)
    torch.testing.assert_close(twin.eval()(**given), pair.eval()(**given))
