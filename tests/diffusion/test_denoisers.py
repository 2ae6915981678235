"""The closed-form denoiser against the plain formula, quadrature and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KernelDensity, NearestNeighbors

from manidiff.diffusion import denoisers
from manidiff.diffusion.denoisers import EmpiricalDenoiser, SmoothedDenoiser


def plain(rows, x, sigma, weights=None):
    """Softmax average of the rows, by differences, in float64."""
    squares = ((x[:, None] - rows) ** 2).sum(-1)
    logits = -squares / (2 * sigma[:, None] ** 2)
    if weights is not None:
        logits = logits + weights.log()
    share = torch.softmax(logits, 1)
    # Averages of differences to one row: exact however far from the origin.
    return rows[0] + share @ (rows - rows[0])


def spacing(rows):
    search = NearestNeighbors(n_neighbors=2).fit(rows.numpy())
    return float(np.median(search.kneighbors(rows.numpy())[0][:, 1]))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def rows(rng):
    return torch.from_numpy(rng.normal(size=(80, 3)) + 2)


@pytest.fixture
def x(rng):
    return torch.from_numpy(2 * rng.normal(size=(40, 3)) + 2)


@pytest.fixture
def sigma(x):
    return torch.logspace(-2, 2, len(x), dtype=torch.float64)


def test_is_the_plain_formula(rows, x, sigma):
    found = EmpiricalDenoiser(rows, fused=False)(x, sigma)
    torch.testing.assert_close(found, plain(rows, x, sigma), rtol=1e-9, atol=1e-9)


def test_is_the_plain_formula_with_weights(rng, rows, x, sigma):
    weights = torch.from_numpy(rng.uniform(0.1, 3, len(rows)))
    for fused in (False, True):
        found = EmpiricalDenoiser(rows, weights, fused=fused)(x, sigma)
        expected = plain(rows, x, sigma, weights)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_is_a_step_along_the_gradient_of_its_log_density(rows, x, sigma):
    denoiser = EmpiricalDenoiser(rows, fused=False)
    x.requires_grad_()
    score = torch.autograd.grad(denoiser.log_density(x, sigma).sum(), x)[0]
    expected = x + sigma[:, None] ** 2 * score
    # Twice the square of the largest sigma times rounding.
    torch.testing.assert_close(denoiser(x, sigma), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shift", [0.0, 1e6])
@pytest.mark.parametrize("dim", [1, 2, 50])
@pytest.mark.parametrize("level", [0.05, 0.3, 1, 5, 30, 200, 1000])
def test_is_right_to_single_precision_at_every_level(rng, level, dim, shift):
    rows = torch.from_numpy(rng.normal(size=(300, dim)) + shift)
    sigma = level * spacing(rows) * torch.ones(64, dtype=torch.float64)
    x = rows[:64] + sigma[:, None] * torch.from_numpy(rng.normal(size=(64, dim)))
    found, exact = EmpiricalDenoiser(rows)(x, sigma), plain(rows, x, sigma)
    error = (found - exact).norm(dim=1)
    # Far above the spread all rows weigh the same, and what is left of their mean is
    # smaller than the rounding of its terms.
    rounding = 1e-7 * (rows - rows.mean(0)).norm(dim=1).max()
    assert (error <= 1e-4 * (exact - rows.mean(0)).norm(dim=1) + rounding).all()


def test_fused_kernel_serves_only_where_it_is_precise(rows, x, monkeypatch):
    used = []
    fused = denoisers.scaled_dot_product_attention
    monkeypatch.setattr(
        denoisers,
        "scaled_dot_product_attention",
        lambda *args, **kwargs: used.append(1) or fused(*args, **kwargs),
    )
    denoiser = EmpiricalDenoiser(rows)
    denoiser(x, torch.full((len(x),), 10.0))
    assert used == [1]
    denoiser(x, torch.full((len(x),), 0.01))
    assert used == [1]


def test_answers_in_the_kind_of_numbers_it_was_asked_in(rows, x, sigma):
    denoiser = EmpiricalDenoiser(rows)
    assert denoiser(x.float(), sigma.float()).dtype == torch.float32
    assert denoiser(x, sigma).dtype == torch.float64


def test_no_query_gives_no_answer(rows):
    denoiser = EmpiricalDenoiser(rows)
    none = torch.empty(0, 3, dtype=torch.float64)
    assert denoiser(none, none[:, 0]).shape == (0, 3)
    assert denoiser.log_density(none, none[:, 0]).shape == (0,)


def test_weights_are_repetitions(rows, x, sigma):
    times = torch.arange(len(rows)) % 3 + 1
    weighted = EmpiricalDenoiser(rows, times, fused=False)
    repeated = EmpiricalDenoiser(rows.repeat_interleave(times, 0), fused=False)
    torch.testing.assert_close(weighted(x, sigma), repeated(x, sigma))
    torch.testing.assert_close(
        weighted.log_density(x, sigma), repeated.log_density(x, sigma)
    )


@pytest.mark.parametrize("sigma", [0.05, 0.5, 5.0])
def test_log_density_is_that_of_kernel_density(rows, x, sigma):
    kde = KernelDensity(bandwidth=sigma, leaf_size=len(rows)).fit(rows.numpy())
    level = torch.full((len(x),), sigma, dtype=torch.float64)
    found = EmpiricalDenoiser(rows).log_density(x, level)
    np.testing.assert_allclose(
        found, kde.score_samples(x.numpy()), rtol=1e-9, atol=1e-9
    )


@pytest.mark.parametrize("conditional", [False, True])
def test_log_density_integrates_to_one(rng, conditional):
    rows = torch.from_numpy(rng.normal(size=(20, 1)) * 2)
    conditions = torch.from_numpy(rng.normal(size=(20, 1))) if conditional else None
    weights = torch.from_numpy(rng.uniform(0.1, 2, 20))
    denoiser = EmpiricalDenoiser(rows, weights, conditions, bandwidth=0.3)
    grid = torch.linspace(-15, 15, 3001, dtype=torch.float64)[:, None]
    asked = torch.full_like(grid, 0.4) if conditional else None
    log_p = denoiser.log_density(grid, torch.full_like(grid[:, 0], 0.2), asked)
    assert float(log_p.exp().sum()) * 0.01 == pytest.approx(1, abs=1e-9)


def test_narrow_conditions_pick_the_rows_of_a_label(rows, x, sigma):
    labels = torch.arange(len(rows)) % 3
    indicators = torch.eye(3, dtype=torch.float64)
    denoiser = EmpiricalDenoiser(rows, None, indicators[labels], bandwidth=0.01)
    alone = EmpiricalDenoiser(rows[labels == 1], fused=False)
    asked = indicators[1].expand(len(x), 3)
    torch.testing.assert_close(denoiser(x, sigma, asked), alone(x, sigma))
    torch.testing.assert_close(
        denoiser.log_density(x, sigma, asked), alone.log_density(x, sigma)
    )


def test_conditions_weigh_rows_by_their_kernel(rng, rows, x, sigma):
    conditions = torch.from_numpy(rng.normal(size=(len(rows), 2)))
    asked = torch.from_numpy(rng.normal(size=(len(x), 2)))
    denoiser = EmpiricalDenoiser(rows, None, conditions, bandwidth=0.7)
    kernel = torch.exp(-(torch.cdist(asked, conditions) ** 2) / (2 * 0.7**2))
    for i in range(len(x)):
        expected = plain(rows, x[i : i + 1], sigma[i : i + 1], kernel[i])
        found = denoiser(x[i : i + 1], sigma[i : i + 1], asked[i : i + 1])
        torch.testing.assert_close(found, expected)


def test_conditions_are_ignored_unless_asked_for(rng, rows, x, sigma):
    conditions = torch.from_numpy(rng.normal(size=(len(rows), 2)))
    denoiser = EmpiricalDenoiser(rows, None, conditions)
    torch.testing.assert_close(denoiser(x, sigma), plain(rows, x, sigma))


@pytest.mark.parametrize("entries", [1, 200])
def test_pieces_give_what_the_whole_gives(rng, rows, x, sigma, monkeypatch, entries):
    conditions = torch.from_numpy(rng.normal(size=(len(rows), 2)))
    asked = torch.from_numpy(rng.normal(size=(len(x), 2)))
    denoiser = EmpiricalDenoiser(rows, None, conditions)

    def results():
        return (
            denoiser(x, sigma, asked),
            denoiser.log_density(x, sigma, asked),
        )

    whole = results()
    monkeypatch.setattr(denoisers, "MAX_ENTRIES", entries)
    for part, expected in zip(results(), whole, strict=True):
        torch.testing.assert_close(part, expected)


def test_smoothed_denoiser_is_the_mean_over_shifts(rng, rows, x, sigma):
    shifts = torch.from_numpy(rng.normal(size=(6, 3)))
    found = SmoothedDenoiser(EmpiricalDenoiser(rows, fused=False), shifts)(x, sigma)
    expected = sum(plain(rows, x + shift, sigma) for shift in shifts) / 6
    torch.testing.assert_close(found, expected)


def test_smoothed_denoiser_gives_barycentres_of_rows_at_small_noise(rng, rows, x):
    shifts = torch.from_numpy(rng.normal(size=(2, 3)))
    level = torch.full((len(x),), 1e-4, dtype=torch.float64)
    found = SmoothedDenoiser(EmpiricalDenoiser(rows), shifts)(x, level)
    pairs = (rows[:, None] + rows).flatten(0, 1) / 2
    assert torch.cdist(found, pairs).min(1)[0].max() < 1e-6
