"""The last layer fitted anew: against the layer it replaces, and as a minimum."""

import pytest
import torch
from torch import nn

from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.last_layer import OtherLastLayer, fit_last_layer
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.nets import ResidualMLP

N, D, WIDTH = 600, 3, 12


@pytest.fixture(params=[0, 2])
def case(request):
    """Return a network with random weights, points, levels and conditions."""
    torch.manual_seed(0)
    network = ResidualMLP(D, request.param, width=WIDTH, depth=2)
    for weight in network.parameters():
        nn.init.normal_(weight, std=0.3)
    condition = torch.randn(N, request.param) if request.param else None
    sigma = torch.rand(N) + 0.5
    return network, torch.randn(N, D), sigma, condition


def preconditioned(network):
    spread = torch.tensor([2.0, 1.0, 0.5])
    return PreconditionedDenoiser(
        network, Gaussian(torch.ones(D), torch.eye(D), spread)
    )


def test_with_its_own_last_layer_a_network_is_itself(case):
    network, x, sigma, condition = case
    own = network.leave[1]
    layer = torch.cat([own.weight.T, own.bias[None]])
    same = preconditioned(OtherLastLayer(network, layer))
    with torch.no_grad():
        found = same(x, sigma, condition)
        torch.testing.assert_close(found, preconditioned(network)(x, sigma, condition))


def test_a_layer_that_meets_its_targets_is_found(case):
    network, x, sigma, condition = case
    torch.manual_seed(1)
    true = torch.randn(WIDTH + 1, D)
    with torch.no_grad():
        target = preconditioned(OtherLastLayer(network, true))(x, sigma, condition)
    found = fit_last_layer(preconditioned(network), x, sigma, target, condition)
    assert found.dtype == torch.float64
    fitted = preconditioned(OtherLastLayer(network, found.float()))
    with torch.no_grad():
        torch.testing.assert_close(
            fitted(x, sigma, condition), target, rtol=0, atol=1e-4
        )


def test_no_other_layer_comes_closer_to_other_targets(case):
    network, x, sigma, condition = case
    torch.manual_seed(1)
    target = torch.randn(N, D)
    denoiser = preconditioned(network)
    inputs, wanted = denoiser.training_pair(x, sigma, target, condition)
    layer = fit_last_layer(denoiser, x, sigma, target, condition).requires_grad_()
    other = OtherLastLayer(network.double(), layer)
    doubles = {name: value.double() for name, value in inputs.items()}
    loss = ((other(**doubles) - wanted.double()) ** 2).mean()
    loss.backward()
    # A convex loss is least where its gradient vanishes.
    assert layer.grad.abs().max() < 1e-5 * float(loss.detach())


def test_features_that_repeat_do_not_spoil_the_fit():
    class Repeating(nn.Module):
        def last_hidden(self, inputs, noise):
            return torch.cat([inputs, inputs, torch.ones_like(noise)[:, None]], 1)

    torch.manual_seed(0)
    x, sigma = torch.randn(N, D), torch.ones(N)
    denoiser = preconditioned(Repeating())
    layer = fit_last_layer(denoiser, x, sigma, 0.5 * x)
    assert layer.isfinite().all() and layer.abs().max() < 10
    fitted = preconditioned(OtherLastLayer(Repeating(), layer.float()))
    torch.testing.assert_close(fitted(x, sigma), 0.5 * x, rtol=0, atol=1e-5)
