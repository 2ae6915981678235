"""Attacks against counts over pairs, closed forms and the estimator that remembers."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manidiff import EmpiricalScoreDiffusion
from manidiff.datasets import make_rotations, make_sphere
from manidiff.metrics import loss_attack, nearest_generated_attack


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def success(of_members, of_others, max_fpr):
    """Return the area and the rate from all pairs and all thresholds."""
    pairs = np.subtract.outer(of_others, of_members)
    auc = np.mean((pairs > 0) + (pairs == 0) / 2)
    rates = [
        np.mean(of_members <= at)
        for at in of_members
        if np.mean(of_others <= at) <= max_fpr
    ]
    return auc, max(rates, default=0.0)


def test_nearest_generated_by_hand():
    # Distances of training rows: 0, 1, 3; of held-out rows: 1, 2.
    found = nearest_generated_attack(
        [[0.0], [10.0]], [[0.0], [1.0], [7.0]], [[-1.0], [12.0]], max_fpr=0.5
    )
    np.testing.assert_allclose(found.auc, (2 + 1.5 + 0) / 6)
    assert found.tpr == 2 / 3


@pytest.mark.parametrize("max_fpr", [0.0, 0.01, 0.1, 1.0])
def test_nearest_generated_is_that_of_pairs(max_fpr, rng):
    generated, training, heldout = (rng.normal(size=(n, 4)) for n in (60, 80, 70))
    generated[:20] = training[:20] + 0.1
    of_members, of_others = (
        cdist(rows, generated).min(axis=1) for rows in (training, heldout)
    )
    found = nearest_generated_attack(generated, training, heldout, max_fpr=max_fpr)
    np.testing.assert_allclose(found, success(of_members, of_others, max_fpr))


@pytest.mark.parametrize("max_fpr", [-0.1, 1.1, np.nan])
def test_bad_rates_are_named(max_fpr, rng):
    with pytest.raises(ValueError, match="max_fpr="):
        nearest_generated_attack(*rng.normal(size=(3, 20, 2)), max_fpr=max_fpr)


def test_losses_are_measured_in_scaled_units(rng):
    # D(x) = 0, so that the loss is |x / scale|^2 whatever the noise.
    training, heldout = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
    scale = np.array([1.0, 100.0])
    zero = SimpleNamespace(denoise=lambda X, sigma: 0 * X)
    scaled = SimpleNamespace(
        denoise=zero.denoise, scaling_=SimpleNamespace(scale=scale)
    )
    for estimator, unit in ((zero, 1.0), (scaled, scale)):
        of_members, of_others = (
            np.sum((rows / unit) ** 2, axis=1) for rows in (training, heldout)
        )
        found = loss_attack(estimator, training, heldout, sigma=1.0, max_fpr=0.1)
        np.testing.assert_allclose(found, success(of_members, of_others, 0.1))


def test_noise_is_drawn_in_scaled_units(rng):
    seen = []

    def denoise(X, sigma):
        seen.append((X, sigma))
        return X

    scale = np.array([1.0, 100.0])
    estimator = SimpleNamespace(
        denoise=denoise, scaling_=SimpleNamespace(scale=scale), nn_distance_=0.8
    )
    rows = np.zeros((500, 2))
    heldout = np.full((500, 2), 7.0)
    loss_attack(estimator, rows, heldout, n_draws=3, random_state=0)
    assert [sigma for _, sigma in seen] == [0.2] * 3  # a quarter of nn_distance_
    noise = np.vstack([X[:500] for X, _ in seen])
    np.testing.assert_allclose(noise.std(axis=0), 0.2 * scale, rtol=0.1)


@pytest.mark.parametrize("make", [make_sphere, make_rotations])
def test_the_estimator_that_remembers_is_found_out(make):
    training, heldout = (make(300, random_state=seed)[0] for seed in (0, 1))
    estimator = EmpiricalScoreDiffusion(coarseness=0, random_state=0).fit(training)
    success = [
        loss_attack(
            estimator,
            training,
            heldout,
            sigma=share * estimator.nn_distance_,
            random_state=0,
        )
        for share in (0.02, 0.25, 1.0)
    ]
    assert success[0].auc > 0.995
    assert success[0].tpr > 0.9
    assert success[0].auc > success[1].auc > success[2].auc > 0.5
    assert loss_attack(estimator, training, heldout, random_state=0).auc > 0.95


def test_other_rows_of_the_law_are_not_told_apart():
    rows, training, heldout = (make_sphere(400, random_state=s)[0] for s in range(3))
    estimator = EmpiricalScoreDiffusion(random_state=0).fit(rows)
    found = loss_attack(estimator, training, heldout, max_fpr=0.1, random_state=0)
    # Four standard errors of the area and of the rate.
    assert abs(found.auc - 0.5) < 4 / np.sqrt(12 * 200)
    assert abs(found.tpr - 0.1) < 4 * np.sqrt(2 * 0.09 / 400)


def test_few_rows_are_drawn_of_many(rng):
    sizes = []

    def denoise(X, sigma):
        sizes.append(len(X))
        return X / 2

    training, heldout = rng.normal(size=(90, 2)), rng.normal(size=(30, 2))
    estimator = SimpleNamespace(denoise=denoise)
    loss_attack(estimator, training, heldout, sigma=1.0, max_rows=40, n_draws=2)
    assert sizes == [70, 70]


def test_unfit_estimators_are_named(rng):
    sets = rng.normal(size=(2, 20, 2))
    with pytest.raises(TypeError, match="no method denoise"):
        loss_attack(object(), *sets)
    nameless = SimpleNamespace(denoise=lambda X, sigma: X)
    with pytest.raises(TypeError, match=r"no attribute nn_distance_ .*Pass sigma"):
        loss_attack(nameless, *sets)
    for sigma in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="sigma="):
            loss_attack(nameless, *sets, sigma=sigma)
