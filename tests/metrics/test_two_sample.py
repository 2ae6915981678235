"""Energy distances and classifiers against closed forms and other libraries."""

import numpy as np
import pytest
from ot import dist, unif  # codespell:ignore ot
from scipy import stats
from scipy.integrate import quad
from sklearn.linear_model import LogisticRegression

from manidiff.datasets import make_circle, make_sphere
from manidiff.metrics import energy_distance, energy_ratio, two_sample_auc


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def sets(rng):
    return [
        rng.normal(size=(n, 3)) + shift for n, shift in ((60, 0.3), (50, 0), (70, 0))
    ]


def energy_by_pot(X, Y):
    """Return the energy distance from POT's distance matrices and uniform weights."""

    def mean(A, B):
        return unif(len(A)) @ dist(A, B, metric="euclidean") @ unif(len(B))

    return 2 * mean(X, Y) - mean(X, X) - mean(Y, Y)


# Energy distance


def test_energy_distance_by_hand():
    assert energy_distance([[0.0]], [[7.0]], [[3.0]]) == 6
    assert energy_distance([[0.0, 0.0]], [[7.0, 7.0]], [[3.0, 4.0]]) == 10
    # 2 * 1 - 0 - (2 + 2) / 4
    assert energy_distance([[0.0]], [[7.0]], [[-1.0], [1.0]]) == 1


def test_energy_distance_is_that_of_scipy_on_a_line(rng):
    generated, heldout = rng.normal(size=40), rng.gumbel(size=55)
    expected = stats.energy_distance(generated, heldout) ** 2
    found = energy_distance(generated[:, None], [[0.0]], heldout[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_energy_distance_is_that_of_distance_matrices(sets):
    generated, _, heldout = sets
    expected = energy_by_pot(generated, heldout)
    np.testing.assert_allclose(energy_distance(*sets), expected, rtol=1e-9)


def test_energy_distance_of_two_normal_laws(rng):
    generated, heldout = rng.normal(size=(4000, 1)), 1 + rng.normal(size=(4000, 1))
    # Twice the integral of the squared difference of the distribution functions.
    exact = (
        2 * quad(lambda x: (stats.norm.cdf(x) - stats.norm.cdf(x - 1)) ** 2, -9, 9)[0]
    )
    assert abs(energy_distance(generated, [[0.0]], heldout) / exact - 1) < 0.1


def test_energy_distance_is_symmetric_and_zero_for_equal_sets(sets):
    generated, training, heldout = sets
    forth = energy_distance(generated, training, heldout)
    np.testing.assert_allclose(energy_distance(heldout, training, generated), forth)
    assert abs(energy_distance(heldout, training, heldout)) < 1e-12
    twice = np.vstack([heldout, heldout])
    assert abs(energy_distance(twice, training, heldout)) < 1e-12


@pytest.mark.parametrize("entries", [1, 130, 70 * 60 - 1])
def test_chunks_do_not_change_energies(entries, sets, monkeypatch):
    distance, ratio = energy_distance(*sets), energy_ratio(*sets, random_state=0)
    monkeypatch.setattr("manidiff.metrics._pairs._MAX_ENTRIES", entries)
    monkeypatch.setattr("manidiff.metrics._pairs._LEAST_ROWS", 1)
    np.testing.assert_allclose(energy_distance(*sets), distance, rtol=1e-9)
    found = energy_ratio(*sets, random_state=0)
    np.testing.assert_allclose(found, ratio, rtol=1e-9)


# Energy ratio


def test_energy_ratio_by_hand():
    # Energies to the held-out row: 2 |x - 1|.
    generated = [[3.0], [2.0], [11.0]]
    assert energy_ratio(generated[:1], [[5.0]], [[1.0]]) == 0.5
    # One training row: the mean over three blocks of one row each.
    np.testing.assert_allclose(
        energy_ratio(generated, [[5.0]], [[1.0]]), (4 + 2 + 20) / 3 / 8
    )


def test_energy_ratio_takes_equally_many_rows(sets):
    generated, training, heldout = sets
    blocks = [energy_by_pot(generated[i : i + 20], heldout) for i in (0, 20, 40)]
    expected = np.mean(blocks) / energy_by_pot(training[:20], heldout)
    found = energy_ratio(generated, training[:20], heldout)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # Rows beyond the last whole block are left out.
    longer = np.vstack([generated, generated[:19] + 100])
    np.testing.assert_allclose(energy_ratio(longer, training[:20], heldout), expected)


def test_energy_ratio_chooses_training_rows_by_its_seed(sets):
    generated, training, heldout = sets
    few = generated[:10]
    first = energy_ratio(few, training, heldout, random_state=0)
    assert energy_ratio(few, training, heldout, random_state=0) == first
    assert energy_ratio(few, training, heldout, random_state=1) != first
    state = np.random.RandomState(0)
    assert energy_ratio(few, training, heldout, random_state=state) == first
    # With as many generated rows there is nothing to choose.
    ratios = [energy_ratio(*sets, random_state=seed) for seed in (0, 1)]
    np.testing.assert_allclose(ratios[0], ratios[1])


def test_energy_ratio_of_fresh_and_of_resampled_rows():
    # The ratio of means: a single ratio of two small numbers spreads widely.
    energies = []
    for seed in range(200):
        rng = np.random.RandomState(seed)
        training, heldout, fresh = (
            make_sphere(100, random_state=rng)[0] for _ in "abc"
        )
        resampled = training[rng.randint(100, size=100)]
        expected = energy_distance(training, fresh, heldout)
        ratios = [
            energy_ratio(rows, training, heldout, random_state=rng)
            for rows in (fresh, resampled)
        ]
        energies.append([expected, *np.multiply(ratios, expected)])
    expected, fresh, resampled = np.mean(energies, axis=0)
    assert abs(fresh / expected - 1) < 0.1
    assert abs(resampled / expected - 1.5) < 0.15


@pytest.mark.parametrize("make", [make_circle, make_sphere])
def test_energy_ratio_tells_faults_apart(make):
    training, heldout, fresh = (make(500, random_state=seed)[0] for seed in range(3))
    faults = {
        "blurred": make(500, noise=0.7, random_state=3)[0],
        "off": 1.5 * fresh,
        "half": fresh * np.sign(fresh[:, :1]),
    }
    truth = energy_ratio(fresh, training, heldout, random_state=0)
    for name, rows in faults.items():
        ratio = energy_ratio(rows, training, heldout, random_state=0)
        assert ratio > 4 * max(truth, 1), name


# Two-sample AUC


def test_auc_of_separated_and_of_fresh_rows(rng):
    generated, training, heldout = (rng.normal(size=(100, 2)) for _ in range(3))
    far = two_sample_auc(generated + 50, training, heldout, random_state=0)
    assert far == 1
    fresh = two_sample_auc(generated, training, heldout, random_state=0)
    assert abs(fresh - 0.5) < 0.15


def test_auc_of_a_linear_classifier_is_that_of_two_normal_laws(rng):
    generated, heldout = rng.normal(size=(2000, 1)), 1 + rng.normal(size=(2000, 1))
    found = two_sample_auc(
        generated, [[0.0]], heldout, estimator=LogisticRegression(), random_state=0
    )
    exact = stats.norm.cdf(1 / np.sqrt(2))
    # Hanley and McNeil's standard error is below 0.008.
    assert abs(found - exact) < 4 * 0.008


def test_auc_tells_blurred_and_off_manifold_rows_from_fresh_ones():
    training, heldout, fresh = (
        make_circle(150, random_state=seed)[0] for seed in range(3)
    )
    blurred = make_circle(150, noise=0.2, random_state=3)[0]
    found = {
        name: two_sample_auc(rows, training, heldout, random_state=0)
        for name, rows in {
            "fresh": fresh,
            "blurred": blurred,
            "off": 1.3 * fresh,
        }.items()
    }
    assert found["fresh"] < 0.65
    assert found["blurred"] > 0.8
    assert found["off"] > 0.95


def test_auc_takes_equally_many_rows_by_its_seed(rng):
    generated, heldout = rng.normal(size=(400, 2)), rng.normal(size=(60, 2))
    linear = LogisticRegression()

    def auc(seed):
        return two_sample_auc(
            generated, [[0.0, 0.0]], heldout, estimator=linear, random_state=seed
        )

    assert auc(0) == auc(0) == auc(np.random.RandomState(0))
    assert auc(0) != auc(1)
    assert not hasattr(linear, "coef_")


def test_auc_uses_no_more_rows_than_allowed(rng):
    generated, heldout = rng.normal(size=(2, 60, 2))

    class Counting(LogisticRegression):
        seen = []

        def fit(self, X, y, sample_weight=None):
            self.seen.append(np.bincount(y).tolist())
            return super().fit(X, y)

    two_sample_auc(
        generated, [[0.0, 0.0]], heldout, estimator=Counting(), cv=2, max_rows=40
    )
    assert Counting.seen == [[20, 20]] * 2


def test_auc_hands_its_folds_on(rng):
    generated, heldout = rng.normal(size=(2, 30, 2))

    class Counting(LogisticRegression):
        seen = []

        def fit(self, X, y, sample_weight=None):
            self.seen.append(np.bincount(y).tolist())
            return super().fit(X, y)

    two_sample_auc(
        generated, [[0.0, 0.0]], heldout, estimator=Counting(), cv=3, random_state=0
    )
    assert Counting.seen == [[20, 20]] * 3


def test_auc_names_folds_that_rows_do_not_fill(rng):
    generated, heldout = rng.normal(size=(2, 30, 2))
    few = heldout[:3]
    with pytest.raises(ValueError, match=r"cv=5 folds need .* 3 of each.*lower cv"):
        two_sample_auc(generated, [[0.0, 0.0]], few)
    with pytest.raises(ValueError, match=r"cv=5 folds need .* 4 of each"):
        two_sample_auc(generated, [[0.0, 0.0]], heldout, max_rows=4)
    for cv in (1, True, 2.5, "5"):
        with pytest.raises(ValueError, match=f"cv={cv!r} must be an int of at least 2"):
            two_sample_auc(generated, [[0.0, 0.0]], heldout, cv=cv)
