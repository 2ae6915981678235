"""MMD, sliced Wasserstein and likelihood divergence against closed forms and POT."""

import numpy as np
import pytest
from ot import sliced_wasserstein_distance as pot_sliced  # codespell:ignore ot
from scipy.optimize import minimize
from scipy.spatial.distance import cdist, pdist
from scipy.special import gammaln
from scipy.stats import multivariate_normal, norm

from manidiff.datasets import make_sphere
from manidiff.metrics import (
    feature_likelihood_divergence,
    maximum_mean_discrepancy,
    sliced_wasserstein_distance,
)
from manidiff.metrics._likelihood import fit_log_variances


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def sets(rng):
    return [
        rng.normal(size=(n, 3)) + shift for n, shift in ((60, 0.3), (50, 0), (70, 0))
    ]


# MMD


def test_mmd_is_that_of_loops(sets):
    generated, _, heldout = sets

    def kernel(x, y):
        return np.exp(-sum((x - y) ** 2) / (2 * 0.7**2))

    def mean(X, Y, skip=False):
        values = [
            kernel(x, y)
            for i, x in enumerate(X)
            for j, y in enumerate(Y)
            if not (skip and i == j)
        ]
        return sum(values) / len(values)

    expected = (
        mean(generated, generated, skip=True)
        + mean(heldout, heldout, skip=True)
        - 2 * mean(generated, heldout)
    )
    found = maximum_mean_discrepancy(*sets, bandwidth=0.7)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_mmd_takes_the_median_distance_of_held_out_rows(sets):
    bandwidth = np.median(pdist(sets[2]))
    found = maximum_mean_discrepancy(*sets)
    np.testing.assert_allclose(
        found, maximum_mean_discrepancy(*sets, bandwidth=bandwidth)
    )
    # So the result does not depend on the unit, nor on the origin.
    moved = [5 * rows + 1e5 for rows in sets]
    np.testing.assert_allclose(maximum_mean_discrepancy(*moved), found, rtol=1e-6)


def test_mmd_of_two_normal_laws(rng):
    # Closed form for N(0, I), N(m, I) and a Gaussian kernel of width h in d dimensions.
    d, h, shift = 3, 1.5, np.array([0.5, 0.0, -0.3])
    generated, heldout = rng.normal(size=(2, 3000, d))
    scale = (h**2 / (h**2 + 2)) ** (d / 2)
    exact = 2 * scale * (1 - np.exp(-(shift @ shift) / (2 * (h**2 + 2))))
    found = maximum_mean_discrepancy(
        generated + shift, np.zeros((1, d)), heldout, bandwidth=h
    )
    # Over 40 seeds the standard deviation was 0.0033.
    assert abs(found - exact) < 4 * 0.0033


def test_mmd_is_unbiased():
    found = []
    for seed in range(300):
        rng = np.random.RandomState(seed)
        generated, heldout = rng.normal(size=(40, 2)), rng.normal(size=(30, 2))
        found.append(
            maximum_mean_discrepancy(generated, [[0.0, 0.0]], heldout, bandwidth=1.0)
        )
    assert min(found) < 0
    assert abs(np.mean(found)) < 4 * np.std(found) / np.sqrt(300)


def test_mmd_of_copies_is_that_of_the_training_rows():
    # For n training rows of N(0, I) it is (1 - E k(X, X')) / n on average.
    found, n_rows, h = [], 20, 1.0
    for seed in range(400):
        rng = np.random.RandomState(seed)
        training, heldout = rng.normal(size=(n_rows, 2)), rng.normal(size=(60, 2))
        copies = training[rng.randint(n_rows, size=60)]
        found.append(maximum_mean_discrepancy(copies, training, heldout, bandwidth=h))
    exact = (1 - h**2 / (h**2 + 2)) / n_rows
    error = np.std(found) / np.sqrt(len(found))
    assert abs(np.mean(found) - exact) < 4 * error < exact / 3


def test_mmd_draws_from_large_sets(sets):
    found = {
        maximum_mean_discrepancy(*sets, bandwidth=1.0, max_rows=20, random_state=seed)
        for seed in (0, 0, 1)
    }
    assert len(found) == 2


def test_mmd_in_chunks(sets, monkeypatch):
    whole = maximum_mean_discrepancy(*sets)
    for entries in (1, 130):
        monkeypatch.setattr("manidiff.metrics._pairs._MAX_ENTRIES", entries)
        monkeypatch.setattr("manidiff.metrics._pairs._LEAST_ROWS", 1)
        np.testing.assert_allclose(maximum_mean_discrepancy(*sets), whole, rtol=1e-9)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.inf, np.nan])
def test_bad_bandwidths_are_named(bandwidth, sets):
    with pytest.raises(ValueError, match="must be a finite number above 0"):
        maximum_mean_discrepancy(*sets, bandwidth=bandwidth)


def test_equal_held_out_rows_have_no_bandwidth(sets):
    generated, training, _ = sets
    with pytest.raises(ValueError, match=r"bandwidth=0.0 .*most of them are equal"):
        maximum_mean_discrepancy(generated, training, np.ones((9, 3)))


# Sliced Wasserstein distance


def test_sliced_wasserstein_is_that_of_pot(sets):
    generated, _, heldout = sets
    directions = np.random.RandomState(0).normal(size=(30, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    expected = pot_sliced(generated, heldout, projections=directions.T, p=1)
    found = sliced_wasserstein_distance(*sets, n_projections=30, random_state=0)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_sliced_wasserstein_of_a_shift(rng):
    rows, shift = rng.normal(size=(50, 5)), np.array([3.0, 0, 0, 0, 4.0])
    found = sliced_wasserstein_distance(
        rows + shift, rows[:1], rows[1:], n_projections=4000, random_state=0
    )
    # The mean of |<u, shift>| over the sphere, but for the one row left out.
    exact = 5 * np.exp(gammaln(5 / 2) - gammaln(6 / 2)) / np.sqrt(np.pi)
    assert abs(found / exact - 1) < 0.05


def test_directions_are_drawn_by_the_seed(sets):
    found = [
        sliced_wasserstein_distance(*sets, n_projections=5, random_state=seed)
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]


# Feature likelihood divergence


def objective(centers, rows, log_variances):
    """Return the log-likelihood that the widths are to make large."""
    d = rows.shape[1]
    spread = np.mean(rows.var(axis=0))
    base = multivariate_normal(rows.mean(axis=0), spread * np.eye(d)).pdf(rows)
    squares = cdist(rows, centers) ** 2
    v = np.exp(log_variances)
    mixture = np.mean(np.exp(-squares / (2 * v)) / (2 * np.pi * v) ** (d / 2), axis=1)
    return np.mean(np.log(mixture + base))


def test_widths_are_those_of_a_general_optimiser(rng):
    centers, rows = rng.normal(size=(8, 2)), rng.normal(size=(60, 2))
    found = fit_log_variances(centers, rows, 1e-9)
    start = np.log((cdist(rows, centers) ** 2).min(axis=0) + 1e-2)
    best = minimize(lambda v: -objective(centers, rows, v), start)
    reached = objective(centers, rows, found)
    assert reached > -best.fun - 2e-3
    # A maximum: no step along any width gains.
    for step in 0.2 * np.vstack([np.eye(8), -np.eye(8)]):
        assert objective(centers, rows, found + step) < reached + 1e-4


def test_divergence_by_its_definition(rng):
    generated, training, heldout = (rng.normal(size=(n, 2)) for n in (20, 40, 30))
    center, scale = heldout.mean(axis=0), heldout.std(axis=0)

    scaled = (training - center) / scale
    spacing = np.median(np.sort(cdist(scaled, scaled))[:, 1])
    least = (0.1 * spacing) ** 2 / 2

    def nll(centers, rows):
        centers, rows, others = ((X - center) / scale for X in (centers, rows, heldout))
        deviations = np.exp(fit_log_variances(centers, rows, least) / 2)
        total = 0
        for x in others:
            densities = norm.pdf(x, centers, deviations[:, None]).prod(axis=1)
            total -= np.log(densities.mean())
        return total / len(others) / 2

    expected = 100 * (nll(generated, training) - nll(training[:20], training[20:]))
    shuffled = unshuffled(generated, training, heldout)
    found = feature_likelihood_divergence(*shuffled, random_state=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def unshuffled(generated, training, heldout):
    """Return sets that the seed 0 puts in the given order."""
    order = np.random.RandomState(0)
    sets = []
    for X in (generated, training, heldout):
        places = order.permutation(len(X))
        sets.append(X[np.argsort(places)])
    return sets


def test_divergence_tells_faults_from_fresh_rows():
    training, heldout, fresh = (make_sphere(300, random_state=s)[0] for s in range(3))
    rng = np.random.RandomState(0)

    def divergence(rows):
        return feature_likelihood_divergence(rows, training, heldout, random_state=0)

    truth = divergence(fresh)
    assert abs(truth) < 15
    assert divergence(training) > truth + 1000
    near = training + 1e-3 * rng.normal(size=training.shape)
    assert divergence(near) > truth + 100
    assert divergence(fresh + 0.3 * rng.normal(size=fresh.shape)) > truth + 15
    assert divergence(fresh * np.sign(fresh[:, :1])) > truth + 15
    # Units do not matter, nor a column that is constant among held-out rows.
    scaled = [rows * [1e3, 1.0, 1e-3] for rows in (fresh, training, heldout)]
    np.testing.assert_allclose(
        feature_likelihood_divergence(*scaled, random_state=0), truth, atol=1e-6
    )
    flat = [np.hstack([rows, np.ones((300, 1))]) for rows in (fresh, training, heldout)]
    assert np.isfinite(feature_likelihood_divergence(*flat, random_state=0))


def test_widths_have_a_least_one(rng):
    rows = rng.normal(size=(40, 5))
    found = fit_log_variances(rows, rows, 1e-4)
    np.testing.assert_allclose(found, np.log(1e-4))


@pytest.mark.parametrize("n_features", [1, 2, 5, 50])
def test_divergence_of_copies_is_large_and_readable(n_features, rng):
    fresh, training, heldout = rng.normal(size=(3, 300, n_features))
    found, truth = (
        feature_likelihood_divergence(rows, training, heldout, random_state=0)
        for rows in (training, fresh)
    )
    assert abs(truth) < 50
    assert 3000 < found < 1e6


def test_divergence_of_equal_rows_is_refused(rng):
    ones, rows = np.ones((50, 3)), rng.normal(size=(50, 3))
    with pytest.raises(ValueError, match=r"X_train has one distinct row.*at least two"):
        feature_likelihood_divergence(ones, ones, ones)
    # One half of the training rows may be equal, and the other sets.
    mostly = np.vstack([ones, rows[:3]])
    for sets in ((ones, rows, rows[::-1] + 1), (rows, mostly, ones + 1)):
        assert np.isfinite(feature_likelihood_divergence(*sets, random_state=0))
