"""Novelty: hand-counted cases, fresh draws at their closed forms, and bad input."""

import warnings

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manidiff import metrics
from manidiff.datasets import make_circle, make_rotations, make_sphere
from manidiff.metrics import (
    distance_to_closest_record,
    excess_memorization,
    memorization_ratio,
)

NAMES = metrics.__all__
every_metric = pytest.mark.parametrize("name", NAMES)
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


# Laws that are known


@pytest.mark.parametrize(("make", "dim"), MAKERS)
def test_fresh_rows_score_as_chance_says(make, dim):
    generated, training, heldout = draws(make, 4000, 2000, 4000)
    ratio = memorization_ratio(generated, training, heldout)
    # Four standard errors; SO(3) is a little curved at the scale of neighbours.
    assert abs(ratio - 3.0**-dim) < 4 * np.sqrt(3.0**-dim / 4000) + 0.005
    assert abs(excess_memorization(generated, training, heldout)) < 0.06
    assert abs(distance_to_closest_record(generated, training, heldout) - 1) < 0.1


@pytest.mark.parametrize(("make", "dim"), MAKERS)
def test_copies_near_copies_and_far_rows_are_told_from_fresh_ones(make, dim, rng):
    training, heldout = draws(make, 500, 500)
    copies = training[rng.randint(500, size=600)]
    assert memorization_ratio(copies, training, heldout) == 1
    assert excess_memorization(copies, training, heldout) == 1
    assert distance_to_closest_record(copies, training, heldout) == 0

    near = copies + 1e-4 * rng.normal(size=copies.shape)
    assert excess_memorization(near, training, heldout) > 0.9
    assert distance_to_closest_record(near, training, heldout) < 0.1

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


@pytest.mark.parametrize("n_features", [2, 20])
def test_novelty_does_not_depend_on_origin_and_unit(n_features, rng):
    sets = [rng.normal(size=(n, n_features)) for n in (200, 150, 100)]
    moved = [5 * rows + 1e8 for rows in sets]
    for metric in (memorization_ratio, excess_memorization):
        assert metric(*moved, threshold=0.8) == metric(*sets, threshold=0.8)
    np.testing.assert_allclose(
        distance_to_closest_record(*moved), distance_to_closest_record(*sets), rtol=1e-6
    )


def test_chunks_do_not_change_distances(rng, monkeypatch):
    sets = [rng.normal(size=(n, 3)) for n in (50, 40, 30)]
    whole = distance_to_closest_record(*sets)
    monkeypatch.setattr("manidiff.metrics._neighbors._MAX_ENTRIES", 7)
    assert distance_to_closest_record(*sets) == whole


# Bad input, which all metrics refuse alike


def call(name, *sets):
    keywords = {"random_state": 0} if name in ("energy_ratio", "two_sample_auc") else {}
    return getattr(metrics, name)(*sets, **keywords)


@pytest.fixture
def good_sets(rng):
    return [rng.normal(size=(n, 3)) for n in (12, 14, 13)]


@every_metric
def test_metrics_return_python_floats_and_leave_their_sets_alone(name, good_sets):
    before = [rows.copy() for rows in good_sets]
    assert type(call(name, *good_sets)) is float
    for rows, kept in zip(good_sets, before, strict=True):
        np.testing.assert_array_equal(rows, kept)


@every_metric
@pytest.mark.parametrize("which", [0, 1, 2])
def test_metrics_name_the_set_that_is_bad(name, which, good_sets):
    label = ("X_gen", "X_train", "X_heldout")[which]
    for bad in (np.nan, np.inf):
        sets = [rows.copy() for rows in good_sets]
        sets[which][0, 0] = bad
        with pytest.raises(ValueError, match=rf"Input {label} contains"):
            call(name, *sets)
    sets = list(good_sets)
    sets[which] = sets[which][:, :2]
    with pytest.raises(ValueError, match=rf"different numbers of .*'{label}': 2"):
        call(name, *sets)


# The distance to the closest record is refused then: its divisor is 0.
@pytest.mark.parametrize("name", sorted(set(NAMES) - {"distance_to_closest_record"}))
def test_metrics_warn_when_held_out_rows_were_used_to_fit(name, good_sets):
    generated, training, heldout = good_sets
    overlapping = np.vstack([training[:10], heldout[:9]])
    with pytest.warns(UserWarning, match="10 of 19 rows of X_heldout") as caught:
        call(name, generated, training, overlapping)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        call(name, generated, training, np.vstack([training[:9], heldout[:9]]))


@pytest.mark.parametrize(
    "name", sorted(set(NAMES) - {"distance_to_closest_record", "energy_ratio"})
)
def test_training_rows_as_held_out_ones_are_warned_about(name, good_sets):
    generated, training, _ = good_sets
    if name == "excess_memorization":
        with (
            pytest.warns(UserWarning, match="14 of 14 rows of X_heldout"),
            pytest.raises(ValueError, match="Every held-out row counts as a copy"),
        ):
            call(name, generated, training, training)
        return
    with pytest.warns(UserWarning, match="14 of 14 rows of X_heldout"):
        assert np.isfinite(call(name, generated, training, training))


@pytest.mark.parametrize("name", ["distance_to_closest_record", "energy_ratio"])
def test_ratios_to_nothing_are_refused(name, good_sets):
    generated, training, _ = good_sets
    generated = np.vstack([generated, generated])
    with (
        pytest.warns(UserWarning, match="14 of 14 rows of X_heldout"),
        pytest.raises(ValueError, match="no distance to compare with"),
    ):
        call(name, generated, training, training)


@pytest.mark.parametrize("threshold", [0, -1, 1.5, np.nan])
def test_bad_thresholds_are_named(threshold, good_sets):
    for metric in (memorization_ratio, excess_memorization):
        with pytest.raises(ValueError, match="threshold="):
            metric(*good_sets, threshold=threshold)


def test_one_training_row_is_refused_where_two_are_compared(good_sets):
    generated, training, heldout = good_sets
    with pytest.raises(ValueError, match="X_train has one row"):
        memorization_ratio(generated, training[:1], heldout)
    assert distance_to_closest_record(generated, training[:1], heldout) > 0
