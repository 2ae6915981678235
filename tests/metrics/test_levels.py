"""Intervals and p-values hold their level for fresh rows, and reject copies."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier

from manidiff import EmpiricalScoreDiffusion
from manidiff.datasets import (
    Circle,
    CurvedFlatTorus,
    KleinBottle,
    RotationGroup,
    Sphere,
    SwissRoll,
    Torus,
)
from manidiff.metrics import (
    authenticity,
    coverage,
    coverage_resolution,
    data_copying_test,
    density,
    distance_to_closest_record,
    energy_ratio,
    excess_memorization,
    feature_likelihood_divergence,
    loss_attack,
    maximum_mean_discrepancy,
    memorization_interval,
    memorization_ratio,
    nearest_generated_attack,
    nearest_neighbor_distance_ratio,
    two_sample_auc,
)

MANIFOLDS = [Circle(), Sphere(), RotationGroup(), CurvedFlatTorus()]
# They bend otherwise, or have a seam or an edge.
MORE = [Torus(), SwissRoll(), KleinBottle()]
every_manifold = pytest.mark.parametrize(
    "manifold",
    [*MANIFOLDS, *(pytest.param(some, marks=pytest.mark.slow) for some in MORE)],
    ids=lambda manifold: type(manifold).__name__,
)
N_RUNS = 200


def fresh_sets(manifold, n_rows, seed):
    rng = np.random.RandomState(seed)
    return [manifold.sample(n_rows, rng) for _ in "abc"]


# What the simulations below allow: a correct test of level p fails more or fewer than
# these numbers of times with a probability of at most 1e-4 each.
def bounds(share):
    return stats.binom.ppf([1e-4, 1 - 1e-4], N_RUNS, share)


@every_manifold
def test_intervals_of_fresh_rows_hold_zero(manifold):
    held = {0.8: 0, 0.95: 0}
    for seed in range(N_RUNS):
        sets = fresh_sets(manifold, 150, seed)
        for level in held:
            found = memorization_interval(*sets, level=level, random_state=seed)
            held[level] += found.low <= 0 <= found.high
    # Where few rows are copies by chance the counts are coarse: no less than stated.
    assert held[0.8] >= bounds(0.8)[0]
    assert held[0.95] >= bounds(0.95)[0]


def test_intervals_hold_their_level_and_no_more_where_counts_are_large():
    held = sum(
        found.low <= 0 <= found.high
        for found in (
            memorization_interval(
                *fresh_sets(Circle(), 300, seed), level=0.8, random_state=seed
            )
            for seed in range(N_RUNS)
        )
    )
    low, high = bounds(0.8)
    assert low <= held <= high


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_intervals_hold_a_known_excess(share):
    # A share of copies among fresh rows is that excess.
    held = 0
    for seed in range(N_RUNS):
        fresh, training, heldout = fresh_sets(Sphere(), 200, seed)
        rng = np.random.RandomState(seed)
        copied = rng.uniform(size=200) < share
        generated = np.where(copied[:, None], training, fresh)
        found = memorization_interval(generated, training, heldout, random_state=rng)
        held += found.low <= share <= found.high
    assert held >= bounds(0.95)[0]


def test_the_interval_belongs_to_the_ratios():
    sets = fresh_sets(Circle(), 200, 0)
    generated, training, heldout = sets
    found = memorization_interval(*sets, threshold=0.5, random_state=0)
    assert found.raw == memorization_ratio(*sets, threshold=0.5)
    swapped = (heldout, training, generated)
    assert found.heldout == memorization_ratio(*swapped, threshold=0.5)
    assert found.excess == excess_memorization(*sets, threshold=0.5)
    assert found.low < found.excess < found.high
    wider = memorization_interval(*sets, threshold=0.5, level=0.999, random_state=0)
    assert wider.low < found.low
    assert found.high < wider.high
    # The interval of a difference of two shares, by the normal approximation.
    error = np.sqrt(sum(p * (1 - p) / 200 for p in (found.raw, found.heldout))) / (
        1 - found.heldout
    )
    assert abs((found.high - found.low) / (2 * 1.96 * error) - 1) < 0.2


def test_no_copies_among_few_rows_is_not_certainty():
    generated, training, heldout = fresh_sets(RotationGroup(), 30, 0)
    far = memorization_interval(generated + 9, training, heldout + 9, random_state=0)
    assert far.raw == far.heldout == far.excess == 0
    assert far.low < -0.02
    assert far.high > 0.02


@pytest.mark.parametrize("level", [0, 1, -0.5, np.nan])
def test_bad_levels_are_named(level):
    with pytest.raises(ValueError, match="level="):
        memorization_interval(*fresh_sets(Circle(), 20, 0), level=level)


@every_manifold
@pytest.mark.parametrize("n_rows", [60, pytest.param(300, marks=pytest.mark.slow)])
def test_p_values_of_fresh_rows_are_uniform(manifold, n_rows):
    pvalues = [
        data_copying_test(*fresh_sets(manifold, n_rows, seed), random_state=seed).pvalue
        for seed in range(N_RUNS)
    ]
    for share in (0.05, 0.25, 0.75):
        low, high = bounds(share)
        assert low <= np.sum(np.less(pvalues, share)) <= high
    assert stats.kstest(pvalues, "uniform").pvalue > 1e-4


@every_manifold
def test_attacks_on_fresh_rows_succeed_by_chance(manifold):
    found = [
        nearest_generated_attack(*fresh_sets(manifold, 150, seed), max_fpr=0.1)
        for seed in range(N_RUNS)
    ]
    auc, tpr = np.mean(found, axis=0)
    errors = 4 * np.std(found, axis=0) / np.sqrt(N_RUNS)
    assert abs(auc - 0.5) < errors[0]
    # Below the 16th of 150 held-out distances lies a share 16/151 of the others.
    assert abs(tpr - 16 / 151) < errors[1]


def log_of(ratio):
    return lambda *sets: np.log(ratio(*sets))


# Of 60 generated and 60 held-out rows the five nearest to a held-out row are all
# held-out ones by chance: 59/119 * 58/118 * ...
UNCOVERED = np.prod([(59 - i) / (119 - i) for i in range(5)])
# What fresh rows score on average. Generated rows can be exchanged for held-out or for
# training rows in the ratios, which turns the sign of the logarithm.
MEANS = {
    "coverage": (coverage, 1 - UNCOVERED),
    "density": (density, 1.0),
    "distance_to_closest_record": (log_of(distance_to_closest_record), 0.0),
    "energy_ratio": (log_of(energy_ratio), 0.0),
    "maximum_mean_discrepancy": (
        lambda *sets: maximum_mean_discrepancy(*sets, bandwidth=1.0),
        0.0,
    ),
    "nearest_neighbor_distance_ratio": (log_of(nearest_neighbor_distance_ratio), 0.0),
}


@every_manifold
@pytest.mark.parametrize("name", MEANS)
def test_fresh_rows_meet_the_ideal_on_average(name, manifold):
    metric, ideal = MEANS[name]
    found = [metric(*fresh_sets(manifold, 60, seed)) for seed in range(N_RUNS)]
    # Missed by chance with a probability of 6e-5.
    assert abs(np.mean(found) - ideal) < 4 * np.std(found) / np.sqrt(N_RUNS)


@pytest.mark.slow
@every_manifold
def test_classifiers_tell_fresh_rows_by_chance(manifold):
    forest = RandomForestClassifier(20, min_samples_leaf=5, random_state=0)
    n_runs, n_rows = 60, 100
    found = [
        two_sample_auc(
            *fresh_sets(manifold, n_rows, seed), estimator=forest, random_state=seed
        )
        for seed in range(n_runs)
    ]
    # The standard deviation of Mann-Whitney's statistic; rows that train for each other
    # raise it by up to 1.6 times.
    deviation = np.sqrt((2 * n_rows + 1) / 12) / n_rows
    assert abs(np.mean(found) - 0.5) < 4 * 1.6 * deviation / np.sqrt(n_runs)
    # Between the quantiles of a chi-squared law at 1e-4 from either end.
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], n_runs - 1) / (n_runs - 1)
    assert low < np.var(found, ddof=1) / deviation**2 < 1.6**2 * high


# The share of an equal ball about a point of its surface that is outside a ball of
# dimension 1, 2, 3: a fresh row is authentic with odds of it to 1.
OUTSIDE = {1: 1 / 2, 2: 1 / 3 + np.sqrt(3) / (2 * np.pi), 3: 11 / 16}


@every_manifold
def test_fresh_rows_are_authentic_as_often_as_the_dimension_says(manifold):
    found = [authenticity(*fresh_sets(manifold, 150, seed)) for seed in range(N_RUNS)]
    ideal = OUTSIDE[manifold.intrinsic_dim] / (1 + OUTSIDE[manifold.intrinsic_dim])
    # Missed by chance with a probability of 6e-5.
    assert abs(np.mean(found) - ideal) < 4 * np.std(found) / np.sqrt(N_RUNS)


@every_manifold
def test_loss_attacks_on_other_rows_succeed_by_chance(manifold):
    # Training and held-out rows can be exchanged: the estimator knows neither.
    n_runs, found = 60, []
    for seed in range(n_runs):
        others, training, heldout = fresh_sets(manifold, 60, seed)
        model = EmpiricalScoreDiffusion(random_state=0).fit(others)
        found.append(
            loss_attack(model, training, heldout, max_fpr=0.1, random_state=seed)
        )
    auc, tpr = np.mean(found, axis=0)
    # Missed by chance with a probability of 6e-5 each.
    errors = 4 * np.std(found, axis=0) / np.sqrt(n_runs)
    assert abs(auc - 0.5) < errors[0]
    assert abs(tpr - 7 / 61) < errors[1]


@every_manifold
def test_likelihood_divergences_of_fresh_rows_are_small(manifold):
    # Mixtures about generated rows are fitted to more rows than those they are compared
    # with, so that the mean is not 0, on curves least of all.
    n_runs = 60
    found = [
        feature_likelihood_divergence(
            *fresh_sets(manifold, 150, seed), random_state=seed
        )
        for seed in range(n_runs)
    ]
    # Exceeded by chance with a probability of at most 6e-5, if the mean is that small.
    bound = (50 if manifold.intrinsic_dim == 1 else 5) + 4 * np.std(found) / np.sqrt(
        n_runs
    )
    assert abs(np.mean(found)) < bound
    assert np.std(found) < (60 if manifold.intrinsic_dim == 1 else 15)


@every_manifold
def test_resolutions_of_fresh_rows_are_at_their_floor(manifold):
    n_runs = 60
    ratios = [
        np.log(found.resolution / found.floor)
        for found in (
            coverage_resolution(*fresh_sets(manifold, 300, seed), random_state=seed)
            for seed in range(n_runs)
        )
    ]
    # To a tenth. Exceeded by chance with a probability of at most 6e-5.
    assert abs(np.mean(ratios)) < max(0.1, 4 * np.std(ratios) / np.sqrt(n_runs))


def loop(generated, training, heldout, labels):
    """Return C_T from pairs of rows and cells (of generated, of held-out rows)."""
    scores, weights = [], []
    for cell in np.unique(labels[1]):
        x, y = (
            cdist(rows[label == cell], training).min(axis=1)
            for rows, label in zip((generated, heldout), labels, strict=True)
        )
        if min(len(x), len(y)) < 8:
            continue
        wins = np.sum(x[:, None] > y) + np.sum(x[:, None] == y) / 2
        # The tie correction of scipy's p-value, which is 2 (1 - cdf |z|).
        pvalue = stats.mannwhitneyu(
            x, y, method="asymptotic", use_continuity=False
        ).pvalue
        sign = np.sign(wins - len(x) * len(y) / 2)
        scores.append(sign * stats.norm.isf(pvalue / 2))
        weights.append(len(y))
    return np.average(scores, weights=weights)


@pytest.mark.parametrize("n_cells", [1, 4])
def test_the_statistic_is_that_of_a_loop(n_cells):
    generated, training, heldout = fresh_sets(Sphere(), 200, 0)
    for rows in (generated, np.vstack([generated[:150], training[:40]])):
        cells = KMeans(n_cells, random_state=0).fit(training)
        labels = cells.predict(rows), cells.predict(heldout)
        found = data_copying_test(
            rows, training, heldout, n_cells=n_cells, random_state=0
        )
        expected = loop(rows, training, heldout, labels)
        np.testing.assert_allclose(found.statistic, expected, rtol=1e-6)


def test_one_cell_is_a_mann_whitney_test():
    generated, training, heldout = fresh_sets(Sphere(), 50, 0)
    found = data_copying_test(generated, training, heldout, n_cells=1)
    x, y = (cdist(rows, training).min(axis=1) for rows in (generated, heldout))
    expected = stats.mannwhitneyu(
        x, y, alternative="less", method="asymptotic", use_continuity=False
    )
    np.testing.assert_allclose(found.pvalue, expected.pvalue)


def test_copies_and_far_rows_are_at_either_end():
    generated, training, heldout = fresh_sets(Sphere(), 300, 0)
    copies = data_copying_test(training, training, heldout, random_state=0)
    assert copies.statistic < -10
    assert copies.pvalue < 1e-80
    far = data_copying_test(2 * generated, training, heldout, random_state=0)
    assert far.statistic > 10
    assert far.pvalue > 1 - 1e-9
    # One of two rows copied in both sets, the other far: the ranks are tied.
    tied = np.vstack([training[:20], training[:20] + 5])
    with pytest.warns(UserWarning, match="20 of 40 rows of X_heldout"):
        even = data_copying_test(tied, training[:20], np.flip(tied, axis=0), n_cells=1)
    assert abs(even.statistic) < 1e-12


def test_numbers_of_cells_are_checked():
    sets = fresh_sets(Circle(), 30, 0)
    with pytest.raises(ValueError, match="n_cells=31 must be at most the 30 rows"):
        data_copying_test(*sets, n_cells=31)
    with pytest.raises(ValueError, match="With n_cells=30 no cell holds 8 generated"):
        data_copying_test(*sets, n_cells=30)
