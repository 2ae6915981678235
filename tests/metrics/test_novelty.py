"""Novelty: hand-counted cases, loops, and fresh draws at their closed forms."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import betainc

from manidiff.datasets import make_circle, make_rotations, make_sphere
from manidiff.metrics import (
    authenticity,
    distance_to_closest_record,
    excess_memorization,
    memorization_ratio,
    nearest_neighbor_distance_ratio,
)

MAKERS = [(make_circle, 1), (make_sphere, 2), (make_rotations, 3)]


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def draws(make, *sizes):
    return [
        make(size, random_state=seed)[0] for seed, size in enumerate(sizes, start=1)
    ]


# Cases counted by hand

LINE = np.array([[0.0], [1.0], [2.0]])


@pytest.mark.parametrize(
    ("point", "counts"),
    [
        (0.0, True),
        (0.24, True),
        (0.25, False),  # exactly a third of 0.75
        (0.5, False),
        (-0.49, True),
        (-0.5, False),
        (-4.0, False),
    ],
)
def test_memorization_ratio_of_one_row(point, counts):
    assert memorization_ratio([[point]], LINE, [[1.5]]) == counts


def test_memorization_ratio_by_threshold():
    generated = [[0.0], [0.1], [0.4], [0.5]]
    expected = {0.05: 0.25, 0.2: 0.5, 0.7: 0.75, 1.0: 0.75}
    for threshold, ratio in expected.items():
        found = memorization_ratio(generated, LINE, LINE + 0.5, threshold=threshold)
        assert found == ratio


def test_excess_memorization_by_hand():
    heldout = [[0.1], [0.5], [1.5], [1.45]]
    generated = [[0.1], [0.9], [1.5], [2.0]]
    # 3/4 of the generated and 1/4 of the held-out rows count.
    excess = excess_memorization(generated, LINE, heldout)
    np.testing.assert_allclose(excess, (0.75 - 0.25) / (1 - 0.25))
    kept_away = excess_memorization([[0.5]], LINE, heldout)
    np.testing.assert_allclose(kept_away, -0.25 / 0.75)


def test_distance_to_closest_record_by_hand():
    heldout = [[0.1], [0.5], [-0.25]]
    generated = [[5.0], [0.5], [1.0], [0.7]]
    # Medians of .1, .5, .25 and of 3, .5, 0, .3.
    ratio = distance_to_closest_record(generated, LINE, heldout)
    np.testing.assert_allclose(ratio, 0.4 / 0.25)


def test_nearest_neighbor_distance_ratio_by_hand():
    heldout = [[0.1], [0.5], [-0.5]]  # ratios 1/9, 1, 1/3
    generated = [[0.2], [1.0], [1.6], [2.0]]  # 1/4, 0, 2/3, 0
    ratio = nearest_neighbor_distance_ratio(generated, LINE, heldout)
    np.testing.assert_allclose(ratio, (0 + 1 / 4) / 2 / (1 / 3))


@pytest.mark.parametrize(
    ("point", "counts"),
    [(0.0, False), (0.5, False), (-1.0, False), (-1.01, True), (2.9, False), (4, True)],
)
def test_authenticity_of_one_row(point, counts):
    assert authenticity([[point]], LINE, [[1.5]]) == counts


def test_novelty_by_brute_force(rng):
    generated, training, heldout = (rng.normal(size=(n, 20)) for n in (70, 90, 80))

    def two_nearest(X):
        return np.sort(cdist(X, training), axis=1)[:, :2].T

    def share(X, threshold):
        first, second = two_nearest(X)
        return np.mean(first < threshold * second)

    sets = (generated, training, heldout)
    for threshold in (0.5, 0.9, 0.97):
        expected = share(generated, threshold)
        assert memorization_ratio(*sets, threshold=threshold) == expected
        chance = share(heldout, threshold)
        np.testing.assert_allclose(
            excess_memorization(*sets, threshold=threshold),
            (expected - chance) / (1 - chance),
        )
    np.testing.assert_allclose(
        distance_to_closest_record(*sets),
        np.median(two_nearest(generated)[0]) / np.median(two_nearest(heldout)[0]),
    )

    def median_ratio(X):
        first, second = two_nearest(X)
        return np.median(first / second)

    np.testing.assert_allclose(
        nearest_neighbor_distance_ratio(*sets),
        median_ratio(generated) / median_ratio(heldout),
    )
    crowding = 0
    for row in generated:
        distances = [np.linalg.norm(row - other) for other in training]
        nearest = int(np.argmin(distances))
        rest = np.delete(training, nearest, axis=0)
        reach = min(np.linalg.norm(training[nearest] - other) for other in rest)
        crowding += distances[nearest] <= reach
    assert authenticity(*sets) == 1 - crowding / len(generated)


# Laws that are known


@pytest.mark.parametrize(("make", "dim"), MAKERS)
def test_fresh_rows_score_as_chance_says(make, dim):
    generated, training, heldout = draws(make, 4000, 2000, 4000)
    ratio = memorization_ratio(generated, training, heldout)
    # Four standard errors; SO(3) is a little curved at the scale of neighbours.
    assert abs(ratio - 3.0**-dim) < 4 * np.sqrt(3.0**-dim / 4000) + 0.005
    assert abs(excess_memorization(generated, training, heldout)) < 0.06
    assert abs(distance_to_closest_record(generated, training, heldout) - 1) < 0.1
    ratio = nearest_neighbor_distance_ratio(generated, training, heldout)
    assert abs(ratio - 1) < 0.1
    # The share of a ball outside an equal ball about a point of its surface.
    outside = 1 - betainc((dim + 1) / 2, 0.5, 0.75)
    expected = outside / (1 + outside)
    share = authenticity(generated, training, heldout)
    # Four standard errors of the draws and, as large, of the training rows.
    assert abs(share - expected) < 4 * np.sqrt(2 * expected * (1 - expected) / 4000)


@pytest.mark.parametrize(("make", "dim"), MAKERS)
def test_copies_near_copies_and_far_rows_are_told_from_fresh_ones(make, dim, rng):
    training, heldout = draws(make, 500, 500)
    copies = training[rng.randint(500, size=600)]
    assert memorization_ratio(copies, training, heldout) == 1
    assert excess_memorization(copies, training, heldout) == 1
    assert distance_to_closest_record(copies, training, heldout) == 0
    assert nearest_neighbor_distance_ratio(copies, training, heldout) == 0
    assert authenticity(copies, training, heldout) == 0

    near = copies + 1e-4 * rng.normal(size=copies.shape)
    assert excess_memorization(near, training, heldout) > 0.9
    assert distance_to_closest_record(near, training, heldout) < 0.1
    assert nearest_neighbor_distance_ratio(near, training, heldout) < 0.1
    assert authenticity(near, training, heldout) < 0.05

    blurred = make(600, noise=0.3, random_state=5)[0]
    assert distance_to_closest_record(blurred, training, heldout) > 1.5
    assert excess_memorization(blurred, training, heldout) < 0.02
    far = copies + 100
    assert distance_to_closest_record(far, training, heldout) > 100
    assert memorization_ratio(far, training, heldout) == 0


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e7])
@pytest.mark.parametrize("n_features", [2, 20])
def test_copies_of_duplicated_rows_are_copies(n_features, offset, rng):
    rows = rng.normal(size=(100, n_features)) + offset
    training = np.vstack([rows, rows])
    heldout = rng.normal(size=(100, n_features)) + offset
    assert memorization_ratio(rows, training, heldout) == 1
    assert distance_to_closest_record(rows, training, heldout) == 0
    # Two equal rows are nearest to held-out rows: their ratio is 1.
    assert nearest_neighbor_distance_ratio(rows, training, heldout) == 0
    assert authenticity(rows, training, heldout) == 0


@pytest.mark.parametrize("n_features", [2, 20])
def test_novelty_does_not_depend_on_origin_and_unit(n_features, rng):
    sets = [rng.normal(size=(n, n_features)) for n in (200, 150, 100)]
    moved = [5 * rows + 1e8 for rows in sets]
    for metric in (memorization_ratio, excess_memorization):
        assert metric(*moved, threshold=0.8) == metric(*sets, threshold=0.8)
    for metric in (distance_to_closest_record, nearest_neighbor_distance_ratio):
        np.testing.assert_allclose(metric(*moved), metric(*sets), rtol=1e-6)
    assert authenticity(*moved) == authenticity(*sets)


def test_chunks_do_not_change_distances(rng, monkeypatch):
    sets = [rng.normal(size=(n, 3)) for n in (50, 40, 30)]
    whole = distance_to_closest_record(*sets)
    monkeypatch.setattr("manidiff.metrics._neighbors._MAX_ENTRIES", 7)
    assert distance_to_closest_record(*sets) == whole
