"""Far points come within reach of a projector, near ones stay."""

import torch

from manidiff.diffusion.descent import descend


def test_far_points_follow_the_denoiser_and_near_ones_stay():
    targets = torch.arange(4.0)[:, None]
    offsets = torch.tensor([[0.0], [1.9], [3.9], [50.0]])

    def denoise(x, sigma):
        # Bound to the rows: only the whole batch can be denoised.
        return targets + (x - targets) / (1 + sigma[:, None] ** 2)

    found = descend(denoise, targets + offsets, sigma_c=1.0, sigma_max=64.0)
    # Level 1 moves an offset by its half, and 3.9 / 2 is below 2 sigma_c.
    torch.testing.assert_close(found[:3], (targets + offsets)[:3])
    assert abs(float(found[3] - targets[3])) < 4


def test_each_point_takes_the_smallest_level_within_reach():
    x = torch.tensor([[5.0], [11.0]])
    levels = []

    def denoise(x, sigma):
        levels.append(float(sigma[0]))
        return x / 2

    found = descend(denoise, x, sigma_c=1.0, sigma_max=4.0)
    # 5 moves by 2.5 <= 2 * 2, 11 by 5.5 <= 2 * 4.
    torch.testing.assert_close(found, torch.tensor([[5.0 / 2], [11.0 / 4]]))
    assert set(levels) == {1.0, 2.0, 4.0}


def test_a_denoiser_that_leaves_far_points_alone_at_small_levels_is_not_believed():
    def denoise(x, sigma):
        # As networks do of points that are rare at their level.
        return torch.where(x.abs() > 4 * sigma[:, None], x, 0 * x)

    found = descend(denoise, torch.tensor([[30.0]]), sigma_c=1.0, sigma_max=64.0)
    assert abs(float(found)) < 1
