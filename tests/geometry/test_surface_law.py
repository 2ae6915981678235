"""Points of a manifold by the law of the rows: where they lie, and how often."""

import numpy as np
import pytest
import torch

from manidiff.datasets import RotationGroup, Torus
from manidiff.geometry.moving_least_squares import MovingLeastSquares
from manidiff.geometry.surface_law import draw_on_surface, n_neighbors_on_surface


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def drawn(manifold, rng, n_draws=4000, weights=None):
    rows = manifold.sample(800, random_state=0)
    surface = MovingLeastSquares(
        rows, dim=manifold.intrinsic_dim, degree=2, n_neighbors=20
    )
    weights = np.full(800, 1 / 800) if weights is None else weights
    return rows, *draw_on_surface(surface, weights, n_draws, rng)


@pytest.mark.parametrize("manifold", [Torus(), RotationGroup()])
def test_points_lie_on_the_manifold_and_are_new(manifold, rng):
    rows, points, _ = drawn(manifold, rng)
    spacing = np.median(np.sort(np.linalg.norm(rows[:200, None] - rows, axis=2))[:, 1])
    assert np.median(manifold.distance(points)) < 0.05 * spacing
    nearest = np.linalg.norm(points[:500, None] - rows, axis=2).min(axis=1)
    assert np.median(nearest) > 0.7 * spacing


def test_every_row_is_the_origin_of_its_share(rng):
    weights = np.repeat([0.0, 1.0, 3.0, 0.0], 200)
    _, points, origins = drawn(Torus(), rng, 8000, weights / weights.sum())
    assert (np.diff(origins) >= 0).all() and len(points) == len(origins) == 8000
    counts = np.bincount(origins, minlength=800)
    np.testing.assert_allclose(counts, 8000 * weights / weights.sum(), atol=1)


def test_neighbours_are_sought_within_groups(rng):
    """Of an arc of five rows no point goes far."""
    t = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    rows = np.column_stack([np.cos(t), np.sin(t)])
    surface = MovingLeastSquares(rows, dim=1, degree=2, n_neighbors=8)
    moved = []
    for groups in (list(torch.arange(400).split(5)), [torch.arange(400)]):
        points, origins = draw_on_surface(
            surface, np.full(400, 1 / 400), 4000, rng, groups=groups
        )
        moved.append(np.linalg.norm(points - rows[origins], axis=1).mean())
    assert moved[0] < 0.2 * moved[1]


@pytest.mark.parametrize(
    ("dim", "n_rows", "expected"),
    [(1, 1000, 40), (2, 1000, 64), (2, 300, 30), (3, 50, 10)],
)
def test_neighbourhoods_are_a_tenth_of_the_rows_at_most(dim, n_rows, expected):
    assert n_neighbors_on_surface(dim, n_rows) == expected
