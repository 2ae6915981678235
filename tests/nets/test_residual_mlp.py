"""The default network and its embedding."""

import math

import pytest
import torch

from manidiff.nets import ResidualMLP
from manidiff.nets.embeddings import FourierEmbedding


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def stirred(**kwargs):
    """Return a network that depends on all it is given more than at the start."""
    network = ResidualMLP(3, width=16, **kwargs)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return network


def test_embedding_is_sines_and_cosines_of_spaced_frequencies():
    embedded = FourierEmbedding(3, 4.0)(torch.tensor([0.5]))[0]
    expected = [f(0.5 * w) for f in (math.sin, math.cos) for w in (1, 2, 4)]
    torch.testing.assert_close(embedded, torch.tensor(expected))


def test_embedding_tells_close_noise_levels_apart():
    # A quarter of ln(sigma) for sigma from 10^-4 to 10^4.
    values = torch.linspace(-2.3, 2.3, 200)
    embedded = FourierEmbedding()(values)
    distance = torch.cdist(embedded, embedded) + 9 * torch.eye(200)
    assert distance.min() > 0.1


@pytest.mark.parametrize("depth", [0, 3])
def test_starts_below_the_unit_variance_of_its_targets(depth):
    output = ResidualMLP(4, depth=depth)(torch.randn(700, 4), torch.randn(700))
    assert output.shape == (700, 4)
    assert output.square().mean() < 1


def test_every_layer_has_a_gradient_at_the_start():
    network = ResidualMLP(4, n_conditions=2)
    given = torch.randn(50, 4), torch.randn(50), torch.randn(50, 2)
    (network(*given) - torch.randn(50, 4)).square().mean().backward()
    assert all(weight.grad.abs().max() > 0 for weight in network.parameters())


def test_depends_on_inputs_noise_and_condition():
    network = stirred(n_conditions=2, depth=2)
    given = [torch.randn(5, 3), torch.randn(5), torch.randn(5, 2)]
    output = network(*given)
    for i in range(3):
        changed = [value + 0.5 * (j == i) for j, value in enumerate(given)]
        assert (network(*changed) - output).abs().max() > 1e-3


def test_rows_do_not_see_each_other():
    network = stirred(depth=2)
    inputs, noise = torch.randn(6, 3), torch.randn(6)
    torch.testing.assert_close(
        network(inputs, noise)[2:4], network(inputs[2:4], noise[2:4])
    )


def test_every_weight_learns():
    network = stirred(n_conditions=1, depth=2)
    network(torch.randn(5, 3), torch.randn(5), torch.randn(5, 1)).sum().backward()
    for name, weight in network.named_parameters():
        assert weight.grad is not None and weight.grad.abs().max() > 0, name


def test_frequencies_move_with_the_network():
    assert ResidualMLP(2).double().noise.frequencies.dtype == torch.float64
