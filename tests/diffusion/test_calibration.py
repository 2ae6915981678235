"""The choice of the frozen level on the circle, whose denoiser is known."""

import pytest
import torch
from torch.special import i0e, i1e

from manidiff.diffusion.calibration import choose_frozen_level
from manidiff.diffusion.projectors import PROJECTORS


def circle(x, sigma):
    radius = x.norm(dim=1, keepdim=True)
    share = radius / sigma[:, None] ** 2
    return i1e(share) / i0e(share) * x / radius


def broken_below(floor):
    """Return the denoiser of the circle, wrong by a tenth under a noise level."""
    return lambda x, sigma: circle(x, sigma) * (1 + 0.1 * (sigma[:, None] < floor))


def missed(x):
    return float((x.norm(dim=1) - 1).abs().median())


@pytest.fixture
def start():
    generator = torch.Generator().manual_seed(0)
    return 5 * torch.randn((200, 2), generator=generator, dtype=torch.float64)


LEVELS = [0.4, 0.2, 0.1, 0.05]


def test_an_exact_score_is_followed_to_the_finest_level(start):
    found = choose_frozen_level(circle, start, 5.0, LEVELS, PROJECTORS, missed)
    assert found[:2] == (0.05, "richardson")
    # By less than the curvature moves posterior means, half the squared level.
    assert found[2] < 0.05**2 / 4


def test_a_score_is_frozen_above_where_it_breaks(start):
    denoiser = broken_below(0.15)
    level, _, off = choose_frozen_level(
        denoiser, start, 5.0, LEVELS, PROJECTORS, missed
    )
    assert level == 0.2 and off < 0.1


def test_a_single_choice_is_taken(start):
    found = choose_frozen_level(circle, start, 5.0, [0.3], ["tweedie"], missed)
    assert found[:2] == (0.3, "tweedie")
