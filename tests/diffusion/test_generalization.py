"""The level from which on unseen rows are denoised as well as seen ones."""

import numpy as np
import pytest
import torch

from manidiff.diffusion.generalization import generalization_scale
from manidiff.geometry.scale import nearest_neighbor_distance


def scale_of(X, weights=None, seed=0):
    rows = torch.from_numpy(X)
    weights = torch.ones(len(X)).double() if weights is None else weights
    r1 = nearest_neighbor_distance(X, np.random.default_rng(0))
    generator = torch.Generator().manual_seed(seed)
    return generalization_scale(rows, weights / weights.sum(), r1, generator), r1


def excess(X, sigma, seed):
    """Relative excess of the leave-one-out error, by plain averages over all rows."""
    rng = np.random.default_rng(seed)
    seen = held_out = 0.0
    for i, row in enumerate(X):
        x = row + sigma * rng.normal(size=(40, X.shape[1]))
        kernel = np.exp(-((x[:, None] - X) ** 2).sum(-1) / (2 * sigma**2))
        denoised = kernel @ X / kernel.sum(1, keepdims=True)
        seen += ((denoised - row) ** 2).sum()
        kernel[:, i] = 0
        denoised = kernel @ X / np.maximum(kernel.sum(1, keepdims=True), 1e-300)
        held_out += ((denoised - row) ** 2).sum()
    return held_out / seen - 1


@pytest.fixture
def circle():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 150)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_excess_error_passes_five_percent_there(circle):
    sigma, _ = scale_of(circle)
    assert excess(circle, 1.5 * sigma, 1) < 0.05
    assert excess(circle, sigma / 1.5, 1) > 0.05


def test_follows_the_units(circle):
    # A power of two, so that rounding is the same.
    assert scale_of(circle * 1024)[0] == pytest.approx(scale_of(circle)[0] * 1024)


def test_more_rows_resolve_more():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 2))
    assert scale_of(X)[0] < scale_of(X[:100])[0]


def test_two_rows_give_the_upper_end():
    sigma, r1 = scale_of(np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert sigma == pytest.approx(64 * r1)


def test_stays_within_its_range(circle):
    sigma, r1 = scale_of(circle)
    assert r1 / 4 <= sigma <= 64 * r1


def test_repeats_with_its_seed(circle):
    assert scale_of(circle, seed=3)[0] == scale_of(circle, seed=3)[0]
