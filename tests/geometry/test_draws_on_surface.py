"""Draws without strays and without gaps."""

import numpy as np
import pytest

from manidiff.geometry.draws_on_surface import filled_up, without_strays
from manidiff.geometry.surface_choice import SurfaceChoice


@pytest.fixture
def circle():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 400)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_strays_are_left_out_and_little_else(circle):
    strays = np.array([[0.0, 0.0], [0.5, 0.0], [1.1, 0.0], [3.0, 4.0]])
    rows = np.vstack([circle, strays])
    surfaces = SurfaceChoice(rows, np.random.default_rng(0))
    found = without_strays(surfaces)
    assert np.linalg.norm(found, axis=1).max() < 1.001
    assert np.linalg.norm(found, axis=1).min() > 0.999
    assert len(found) >= 390


def test_gaps_are_filled_on_the_surface(circle):
    rng = np.random.default_rng(0)
    found = filled_up(SurfaceChoice(circle, rng), 3000, rng)
    assert len(found) == 3000
    np.testing.assert_array_equal(found[:400], circle)
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-3
    gaps = [np.diff(np.sort(np.arctan2(*rows.T))).max() for rows in (circle, found)]
    assert gaps[1] < 0.75 * gaps[0]


def test_enough_rows_stay_as_they_are(circle):
    rng = np.random.default_rng(0)
    assert filled_up(SurfaceChoice(circle, rng), 400, rng) is circle
