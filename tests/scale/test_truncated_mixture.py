"""Sums over few rows against the sums over all of them."""

import numpy as np
import pytest
import torch

from manidiff.diffusion import truncated_mixture
from manidiff.diffusion.compact_order import NEVER, compact_order, n_parts, part_starts
from manidiff.diffusion.condensed_mixture import (
    CondensedDenoiser,
    condensing_levels,
    truncated,
)
from manidiff.diffusion.denoisers import EmpiricalDenoiser
from manidiff.diffusion.truncated_mixture import TruncatedDenoiser


def make_torus(n_samples, rng, n_features=50):
    around, across = rng.uniform(0, 2 * np.pi, size=(2, n_samples))
    ring = 2 + np.cos(across)
    torus = np.column_stack(
        [ring * np.cos(around), ring * np.sin(around), np.sin(across)]
    )
    basis = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0][:3]
    return torus @ basis


def ordered(rows, weights, rng):
    order, cuts = compact_order(rows, rng)
    return torch.from_numpy(rows[order]), torch.from_numpy(weights[order]), cuts


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def torus(rng):
    rows = make_torus(6000, rng)
    return ordered(rows, rng.dirichlet(np.ones(len(rows))), rng)


def error(denoiser, exact, x, sigma):
    level = torch.full_like(x[:, 0], sigma)
    return float((denoiser(x, level) - exact(x, level)).norm(dim=1).max()) / sigma


def noised(rows, sigma, n, rng):
    kept = rows[torch.from_numpy(rng.integers(len(rows), size=n))]
    return kept + sigma * torch.from_numpy(rng.normal(size=kept.shape))


@pytest.mark.parametrize("sigma", [1e-4, 0.01, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("tol", [0.3, 1e-3, 1e-9])
def test_truncation_stays_within_its_bound(torus, rng, sigma, tol):
    rows, weights, cuts = torus
    exact = EmpiricalDenoiser(rows, weights, fused=False)
    few = truncated(rows, weights, cuts, tol=tol)
    points = [noised(rows, sigma, 60, rng), rows[:20], 3 * rows[:20] + 5]
    # Rounding: logits of the exact sum are differences of squares over sigma^2.
    rounding = 1e-14 / sigma**2
    for x in points:
        assert error(few, exact, x, sigma) <= tol + rounding


def test_the_bound_holds_for_cells_of_any_shape(rng):
    rows = torch.from_numpy(rng.standard_cauchy(size=(900, 3)))
    weights = torch.from_numpy(rng.dirichlet(np.full(900, 0.1)) + 1e-9)
    starts = np.r_[0, np.sort(rng.choice(np.arange(1, 900), 60, replace=False))]
    exact = EmpiricalDenoiser(rows, weights, fused=False)
    for sigma in (0.03, 0.3, 3.0, 30.0):
        for tol in (0.1, 1e-3):
            few = TruncatedDenoiser(rows, weights, starts, tol=tol)
            assert error(few, exact, noised(rows, sigma, 100, rng), sigma) <= tol + 1e-6


def errors_of_what_is_left_out(make, n_rows, n_far, sigma):
    """Return errors at one of two places, the other one ever farther away."""
    errors = []
    for distance in sigma * np.arange(2, 8, 0.03):
        rows = torch.zeros(n_rows, 2, dtype=torch.float64)
        rows[n_rows - n_far :, 0] = distance
        exact = EmpiricalDenoiser(rows, fused=False)
        errors.append(error(make(rows), exact, rows[:1], sigma))
    return np.array(errors)


# Cells without extent whose rows all pull to one side: their bound is what they add.
# Their distance is the radius of the rows, of which the bound takes twice as much. So
# just beyond the distance up to which they are summed, they err by half of tol.
@pytest.mark.parametrize("sigma", [0.01, 3.0])
@pytest.mark.parametrize("n_far", [1, 20])
@pytest.mark.parametrize("tol", [0.3, 1e-3, 1e-6])
def test_the_worst_rows_err_by_half_of_what_is_allowed(tol, n_far, sigma):
    def make(rows):
        weights = torch.ones(len(rows), dtype=torch.float64)
        return TruncatedDenoiser(rows, weights, np.arange(len(rows)), tol=tol)

    errors = errors_of_what_is_left_out(make, n_far + 1, n_far, sigma)
    assert errors.min() < 1e-12
    assert 0.4 * tol < errors.max() <= 0.5 * tol


@pytest.mark.parametrize("tol", [0.3, 1e-3, 1e-6])
def test_half_of_the_error_is_for_what_is_left_out(tol):
    cuts = np.full(600, NEVER)
    cuts[[0, 300]] = 0, 1

    def make(rows):
        weights = torch.full((600,), 1 / 600, dtype=torch.float64)
        return CondensedDenoiser(rows, weights, cuts, np.zeros((0, 2)), tol=tol)

    errors = errors_of_what_is_left_out(make, 600, 300, 1.0)
    assert errors.min() < 1e-12
    assert 0.2 * tol < errors.max() <= 0.25 * tol


def test_at_small_noise_few_rows_are_looked_at(torus, rng, monkeypatch):
    rows, weights, cuts = torus
    looked_at = []
    add = truncated_mixture._KernelSums.add

    def counted(self, index, points, log_weights):
        looked_at.append(len(index) * len(points))
        add(self, index, points, log_weights)

    monkeypatch.setattr(truncated_mixture._KernelSums, "add", counted)
    few = truncated(rows, weights, cuts, tol=1e-6)
    few(noised(rows, 0.01, 100, rng), torch.full((100,), 0.01, dtype=torch.float64))
    assert sum(looked_at) < 100 * len(rows) / 4


@pytest.mark.parametrize("tol", [0.1, 1e-2, 1e-3])
def test_condensed_sums_are_right_at_every_noise_level(torus, rng, tol):
    rows, weights, cuts = torus
    levels = condensing_levels(
        rows,
        weights,
        cuts,
        sigma_range=(10.0, 0.01),
        tol=tol,
        generator=torch.Generator().manual_seed(0),
    )
    exact = EmpiricalDenoiser(rows, weights, fused=False)
    few = CondensedDenoiser(rows, weights, cuts, levels, tol=tol)
    # In use at large levels, and not below.
    assert levels[0, 0] == 10
    assert levels[-1, 0] > 0.01
    assert (np.diff(levels[:, 1]) >= 0).all()
    for sigma in np.geomspace(10, 0.01, 12):
        assert error(few, exact, noised(rows, sigma, 100, rng), sigma) <= tol


def test_rows_without_structure_are_summed_as_they_are(rng):
    rows = rng.normal(size=(2000, 50))
    parts = ordered(rows, np.full(2000, 1 / 2000), rng)
    levels = condensing_levels(
        *parts,
        sigma_range=(30.0, 1.0),
        tol=1e-2,
        generator=torch.Generator().manual_seed(0),
    )
    few = CondensedDenoiser(*parts, levels, tol=1e-2)
    exact = EmpiricalDenoiser(parts[0], fused=False)
    for sigma in (30.0, 10.0, 3.0, 1.0):
        assert error(few, exact, noised(parts[0], sigma, 50, rng), sigma) <= 1e-2


def test_no_points_give_no_points(torus):
    rows, weights, cuts = torus
    few = CondensedDenoiser(rows, weights, cuts, np.zeros((0, 2)), tol=1e-2)
    assert few(rows[:0], rows[:0, 0]).shape == (0, 50)


def test_an_order_holds_every_row_once_and_its_parts_are_compact(rng):
    rows = make_torus(5000, rng)
    order, cuts = compact_order(rows, rng)
    np.testing.assert_array_equal(np.sort(order), np.arange(5000))
    assert cuts[0] == 0
    starts = part_starts(cuts, np.searchsorted(n_parts(cuts), 100))
    parts = np.split(rows[order], starts[1:])
    within = np.sqrt(sum(((part - part.mean(0)) ** 2).sum() for part in parts) / 5000)
    # A hundred square patches of the torus, of area 8 pi^2, scatter by about 0.37.
    assert 0.2 < within < 0.45


def test_equal_and_single_rows_are_not_cut():
    for rows in (np.ones((9, 2)), np.ones((1, 2))):
        order, cuts = compact_order(rows, np.random.default_rng(0))
        assert sorted(order) == list(range(len(rows)))
        assert (cuts[1:] == NEVER).all()


def test_far_outliers_do_not_spoil_an_order(rng):
    rows = np.vstack([make_torus(3000, rng), [[1e9] * 50]])
    _, cuts = compact_order(rows, rng)
    starts = part_starts(cuts, np.searchsorted(n_parts(cuts), 64))
    sizes = np.diff(np.append(starts, len(rows)))
    assert len(starts) >= 64
    assert sizes.max() < 400
