"""EmpiricalScoreDiffusion with more rows than it sums over."""

import numpy as np
import pytest
import torch

import manidiff
from manidiff import EmpiricalScoreDiffusion, _empirical


@pytest.fixture
def few_are_many(monkeypatch):
    monkeypatch.setattr(_empirical, "_MANY_ROWS", 1000)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 4000)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    return circle @ rng.normal(size=(2, 12))


def both(X, sample_weight=None, **parameters):
    """Return draws with the error allowed, exact ones, and the fitted estimator."""
    model = EmpiricalScoreDiffusion(random_state=0, **parameters)
    drawn = model.fit(X, sample_weight=sample_weight).sample(300, random_state=0)
    exact = model.set_params(tol=0).sample(300, random_state=0)
    return model.scaling_.apply(drawn), model.scaling_.apply(exact), model


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-3])
def test_coarse_draws_are_the_exact_ones_within_the_error_allowed(few_are_many, X, tol):
    drawn, exact, model = both(X, tol=tol, coarseness=5)
    off = np.linalg.norm(drawn - exact, axis=1) / model.sigma_c_
    # Two projections, each with weights 2 and -1 and the second of sqrt(2) sigma.
    assert off.max() <= 2 * (2 + 2**0.5) * tol
    assert model._cuts is not None


@pytest.mark.parametrize(("tol", "coarseness"), [(0.1, 50), (0.01, 200), (1e-3, 400)])
def test_coarse_draws_by_means_are_nearly_exact(few_are_many, X, tol, coarseness):
    levels = EmpiricalScoreDiffusion(tol=tol, random_state=0).fit(X)._condensing_levels
    drawn, exact, model = both(X, tol=tol, coarseness=coarseness)
    assert levels[-1, 0] < model.sigma_c_ < levels[0, 0]
    off = np.linalg.norm(drawn - exact, axis=1) / model.sigma_c_
    # More than rounding, and what truncation does: means were used.
    assert off.max() >= tol / 10
    # Means may cost tol / 2 in a denoised row, of which a projection weighs two as
    # above. Two projections may err by twice that; .5 to .7 tol is found here.
    assert off.max() <= (2 + 2**0.5) * tol / 2


@pytest.mark.parametrize("smoothing", [0.0, 1.0])
@pytest.mark.parametrize("tol", [1e-2, 1e-4])
def test_the_sampler_follows_the_exact_flow(few_are_many, X, smoothing, tol):
    drawn, exact, model = both(
        X, tol=tol, smoothing=smoothing, n_smoothing=2, n_steps=10
    )
    off = np.linalg.norm(drawn - exact, axis=1)
    # The flow parts between rows: an error may end it at the next one.
    assert np.median(off) <= tol
    assert np.quantile(off, 0.95) <= 10 * tol + model.nn_distance_


def test_weights_count(few_are_many):
    X = np.random.default_rng(0).normal(size=(1500, 2))
    weight = np.where(X[:, 0] > 0, 3.0, 1.0)
    model = EmpiricalScoreDiffusion(n_steps=10, random_state=0)
    model.fit(X, sample_weight=weight)
    right = np.mean(model.sample(2000, random_state=0)[:, 0] > 0)
    # Four standard errors of independent draws: one false alarm in 16 000.
    assert right == pytest.approx(weight[X[:, 0] > 0].sum() / weight.sum(), abs=0.04)


def test_densities_and_denoised_rows_are_exact(few_are_many, X):
    many = EmpiricalScoreDiffusion(tol=0.1, random_state=0).fit(X)
    exact = EmpiricalScoreDiffusion(tol=0, random_state=0).fit(X)
    assert exact._cuts is None
    np.testing.assert_allclose(many.score_samples(X[:9]), exact.score_samples(X[:9]))
    np.testing.assert_allclose(many.denoise(X[:9], 0.3), exact.denoise(X[:9], 0.3))


def test_a_saved_model_draws_the_same(few_are_many, X, tmp_path):
    model = EmpiricalScoreDiffusion(random_state=0, n_steps=5).fit(X)
    model.save(tmp_path / "model")
    loaded = manidiff.load(tmp_path / "model")
    drawn = [one.sample(20, random_state=0) for one in (model, loaded)]
    np.testing.assert_array_equal(*drawn)


def denoising_error(model, rng):
    """Return the largest error of a noised row at large levels, over the level."""
    sampling, exact = model._sampling_denoiser(), model._exact(fused=False)
    rows = torch.from_numpy(model.rows_[rng.integers(len(model.rows_), size=100)])
    errors = []
    for sigma in (10.0, 3.0, 1.0, 0.3):
        x = rows + sigma * torch.from_numpy(rng.normal(size=rows.shape))
        level = torch.full_like(x[:, 0], sigma)
        errors.append(float((sampling(x, level) - exact(x, level)).norm(dim=1).max()))
        errors[-1] /= sigma
    return max(errors)


def test_an_error_made_smaller_after_fit_is_kept_to(few_are_many, X, tmp_path):
    rng = np.random.default_rng(0)
    model = EmpiricalScoreDiffusion(tol=0.1, random_state=0).fit(X)
    # Means are in use, whose error would be too large for what is asked next.
    assert 1e-4 < denoising_error(model, rng) <= 0.1
    assert denoising_error(model.set_params(tol=1e-4), rng) <= 1e-4
    model.save(tmp_path / "model")
    loaded = manidiff.load(tmp_path / "model").set_params(tol=1e-3)
    assert denoising_error(loaded, rng) <= 1e-3
    # They serve again when as much is allowed again.
    loaded.tol = model.tol = 0.1
    assert denoising_error(loaded, rng) > 1e-4
    assert denoising_error(model, rng) > 1e-4


def test_few_rows_and_labels_are_summed_over_as_ever(few_are_many, X):
    labels = np.arange(4000) % 2
    model = EmpiricalScoreDiffusion(conditional=True).fit(X, labels)
    assert model._cuts is None
    assert EmpiricalScoreDiffusion().fit(X[:900])._cuts is None


def test_a_fit_to_few_rows_forgets_the_order_of_many(few_are_many, X):
    model = EmpiricalScoreDiffusion(n_steps=5, random_state=0).fit(X)
    drawn = model.fit(X[:500]).sample(50, random_state=0)
    fresh = EmpiricalScoreDiffusion(n_steps=5, random_state=0).fit(X[:500])
    np.testing.assert_array_equal(drawn, fresh.sample(50, random_state=0))
