"""Steps that keep the density of rows along a manifold, against quadrature."""

import numpy as np
import pytest
import torch
from scipy.spatial import KDTree

from manidiff.geometry.local_steps import spread, steps_on_manifold, steps_on_table


def nearest(rows, n_neighbors):
    return torch.from_numpy(KDTree(rows).query(rows, n_neighbors)[1])


def quantiles(share, slope=0.8):
    """Return the quantiles of the density (1 + slope cos t) / (2 pi) on the circle."""
    grid = np.linspace(0, 2 * np.pi, 100_001)
    return np.interp(share, (grid + slope * np.sin(grid)) / (2 * np.pi), grid)


def grid_of_angles(dim, n_a_side):
    """Return rows (n, dim) on a torus of uneven density in the first angle."""
    share = (np.arange(n_a_side) + 0.5) / n_a_side
    sides = [quantiles(share), *[2 * np.pi * share] * (dim - 1)]
    return np.stack(np.meshgrid(*sides, indexing="ij"), -1).reshape(-1, dim)


def first_moment(dim, n_a_side, n_neighbors, noise, step):
    """Return the mean cosine of the first angle after noise and a step, exactly.

    Angles are taken for the manifold itself, which is flat and has no edge.
    """
    angles = grid_of_angles(dim, n_a_side)
    index = KDTree(angles, boxsize=2 * np.pi).query(angles, n_neighbors)[1]
    # Each row sees its neighbours across the seam where they are near.
    around = (angles[index] - angles[:, None] + np.pi) % (2 * np.pi) - np.pi
    moved = np.empty(len(angles))
    for i, near in enumerate(torch.from_numpy(around)):
        every = torch.arange(n_neighbors)[None]
        origin = torch.zeros(1, dim, dtype=torch.float64)
        variance = noise**2 * float(spread(near, every)[0, :, 0].square().sum())
        mean = angles[i, 0] + float(step(origin, near, every, noise)[0, 0])
        # The mean cosine of a Gaussian.
        moved[i] = np.cos(mean) * np.exp(-variance / 2)
    return moved.mean()


@pytest.mark.parametrize(
    ("dim", "n_a_side", "n_neighbors"), [(1, 2000, 160), (2, 60, 120), (3, 16, 120)]
)
def test_an_uneven_density_is_kept(dim, n_a_side, n_neighbors):
    """The other step, which keeps Gaussians, draws rows to where they are dense."""
    exact = np.cos(grid_of_angles(dim, n_a_side)[:, 0]).mean()
    settings = (dim, n_a_side, n_neighbors, 0.9)

    def along(*given):
        return steps_on_manifold(*given, dim)

    error = abs(first_moment(*settings, along) - exact)
    assert error < 0.35 * abs(first_moment(*settings, steps_on_table) - exact)
    assert error < 0.01


def test_at_an_edge_rows_step_back_from_it():
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(4000, 2))
    rows[0], rows[1] = [0.0, 0.5], [0.5, 0.5]
    index = nearest(rows, 64)
    rows = torch.from_numpy(rows)
    steps = steps_on_manifold(rows[:2], rows, index[:2], 0.9, 2)
    radius = float((rows[index[0, -1]] - rows[0]).norm())
    # The mean of a half disc is 4 / (3 pi) of its radius away from the edge.
    full = (1 - 0.19**0.5) * 4 / (3 * np.pi) * radius
    assert 0.7 * full < float(steps[0, 0]) < 1.2 * full
    assert float(steps[1].norm()) < 0.1 * full


def test_equal_rows_stay():
    rows = torch.ones(10, 3, dtype=torch.float64)
    index = torch.arange(10).repeat(10, 1)
    steps = steps_on_manifold(rows, rows, index, 0.9, 2)
    assert steps.abs().max() == 0
