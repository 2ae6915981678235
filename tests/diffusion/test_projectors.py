"""Projectors on the circle, whose denoiser is a ratio of Bessel functions."""

import pytest
import torch
from torch.special import i0e, i1e

from manidiff.diffusion.projectors import (
    FrozenBelow,
    OwnNoise,
    richardson,
    tweedie,
)
from manidiff.diffusion.samplers import solve
from manidiff.diffusion.schedules import VarianceExploding


def circle(x, sigma):
    """Denoiser of the uniform law on the unit circle: the angle is von Mises."""
    radius = x.norm(dim=1, keepdim=True)
    share = radius / sigma[:, None] ** 2
    return i1e(share) / i0e(share) * x / radius


def onto_first_axis(x, sigma):
    return torch.stack([x[:, 0], 0 * x[:, 1], 0 * x[:, 2]], 1)


@pytest.fixture
def on_circle():
    angle = torch.linspace(0, 6, 9, dtype=torch.float64)
    return torch.stack([angle.cos(), angle.sin()], 1)


@pytest.fixture
def points():
    generator = torch.Generator().manual_seed(0)
    return torch.randn((20, 3), generator=generator, dtype=torch.float64)


def levels(x, sigma):
    return torch.full_like(x[:, 0], sigma)


def bias(projector, x, sigma):
    projected = projector(circle, x, levels(x, sigma))
    return float((projected.norm(dim=1) - 1).abs().max())


def test_circle_of_this_file_is_a_posterior_mean(on_circle):
    angle = torch.linspace(0, 2 * torch.pi, 2001, dtype=torch.float64)[:-1]
    rows = torch.stack([angle.cos(), angle.sin()], 1)
    x = 1.3 * on_circle
    share = torch.softmax(-(torch.cdist(x, rows) ** 2) / (2 * 0.2**2), 1)
    torch.testing.assert_close(circle(x, levels(x, 0.2)), share @ rows)


def test_tweedie_misses_by_the_curvature(on_circle):
    # D(x; s) = 1 - s^2 / 2 + O(s^4) on the unit circle.
    assert bias(tweedie, on_circle, 0.05) == pytest.approx(0.05**2 / 2, rel=0.01)
    assert bias(tweedie, on_circle, 0.1) == pytest.approx(
        4 * bias(tweedie, on_circle, 0.05), rel=0.02
    )


def test_richardson_cancels_the_curvature(on_circle):
    assert bias(richardson, on_circle, 0.1) < 0.1 * bias(tweedie, on_circle, 0.1)
    assert bias(richardson, on_circle, 0.1) == pytest.approx(
        16 * bias(richardson, on_circle, 0.05), rel=0.1
    )


def test_denoiser_is_untouched_from_the_frozen_level_up(on_circle):
    frozen = FrozenBelow(circle, 0.1, richardson)
    for sigma in (0.1, 0.2, 5.0):
        x = 1.1 * on_circle
        torch.testing.assert_close(
            frozen(x, levels(x, sigma)), circle(x, levels(x, sigma)), rtol=0, atol=0
        )


@pytest.mark.parametrize("projector", [tweedie, richardson])
def test_denoiser_is_one_projection_below_the_frozen_level(on_circle, projector):
    frozen = FrozenBelow(circle, 0.1, projector)
    x = 1.1 * on_circle
    expected = projector(circle, x, levels(x, 0.1))
    for sigma in (0.09, 0.01, 1e-6):
        torch.testing.assert_close(frozen(x, levels(x, sigma)), expected)
    torch.testing.assert_close(frozen.project(x), expected)


def test_no_point_is_no_problem():
    frozen = FrozenBelow(circle, 0.1, tweedie)
    none = torch.empty(0, 2)
    assert frozen(none, none[:, 0]).shape == (0, 2)


def test_finish_carries_points_to_the_manifold(on_circle):
    finished = FrozenBelow(circle, 0.1, richardson).finish(1.2 * on_circle)
    torch.testing.assert_close(finished, on_circle, rtol=0, atol=1e-3)


@pytest.mark.parametrize(("variance", "share"), [(0.0, 0.0), (1e12, 1.0)])
def test_own_noise_has_its_limits(points, variance, share):
    noise = OwnNoise(torch.eye(3).double(), torch.full((3,), variance).double())
    frozen = FrozenBelow(onto_first_axis, 0.5, tweedie, noise)
    projected = onto_first_axis(points, None)
    expected = projected + share * (points - projected)
    torch.testing.assert_close(frozen(points, levels(points, 0.3)), expected)
    torch.testing.assert_close(frozen.finish(points), expected)


def test_own_noise_is_a_posterior_mean_along_its_axes(points):
    axes = torch.linalg.qr(points[:3])[0]
    variances = torch.tensor([0.1, 1.0, 4.0], dtype=torch.float64)
    noise = OwnNoise(axes, variances)
    covariance = axes * variances @ axes.T
    total = covariance + 0.7**2 * torch.eye(3)
    expected = points @ torch.linalg.solve(total, covariance)
    found = noise.posterior_share(points, levels(points, 0.7))
    torch.testing.assert_close(found, expected)


def test_own_noise_is_the_law_that_the_flow_ends_in():
    axes = torch.eye(2, dtype=torch.float64)
    noise = OwnNoise(axes, torch.tensor([0.25, 4.0], dtype=torch.float64))
    spread = (noise.variances + 0.6**2).sqrt()
    ended = noise.flow_to_zero(torch.diag(spread), 0.6)
    torch.testing.assert_close(ended, torch.diag(noise.variances.sqrt()))


@pytest.mark.parametrize("variances", [None, [0.3, 0.02, 1.0]])
def test_finish_is_the_integrated_flow_of_the_frozen_denoiser(points, variances):
    noise = None
    if variances is not None:
        tensor = torch.tensor(variances, dtype=torch.float64)
        noise = OwnNoise(torch.eye(3, dtype=torch.float64), tensor)
    sigma_c = 0.5
    frozen = FrozenBelow(onto_first_axis, sigma_c, tweedie, noise)
    integrated = solve(
        frozen,
        points,
        # From just below the level at which the denoiser changes.
        VarianceExploding(sigma_c * (1 - 1e-5), 1e-5, 500),
        solver="heun",
        noise=torch.zeros_like,
    )
    torch.testing.assert_close(frozen.finish(points), integrated, rtol=0, atol=1e-4)
