"""Precision, density, recall and coverage against loops over their definitions."""

import numpy as np
import pytest

from manidiff.datasets import Sphere, make_circle, make_sphere
from manidiff.metrics import (
    coverage,
    density,
    off_manifold_distance,
    precision,
    recall,
)

ALL = [precision, density, recall, coverage]
every_metric = pytest.mark.parametrize("metric", ALL, ids=lambda m: m.__name__)
N_HELDOUT = 1000


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def training(rng):
    return rng.normal(size=(5, 3)) + 50


def scores(generated, heldout, n_neighbors=5):
    """Return all four, the training rows being somewhere else."""
    training = np.full((2, np.shape(heldout)[1]), 99.0)
    return {
        metric.__name__: metric(generated, training, heldout, n_neighbors=n_neighbors)
        for metric in ALL
    }


def loops(generated, heldout, k):
    """Return all four by their definitions, one pair of rows at a time."""

    def distance(x, y):
        return sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) ** 0.5

    def reach(rows):
        return [
            sorted(distance(x, y) for j, y in enumerate(rows) if j != i)[k - 1]
            for i, x in enumerate(rows)
        ]

    of_heldout, of_generated = reach(heldout), reach(generated)
    inside = [
        [
            distance(g, y) <= radius
            for y, radius in zip(heldout, of_heldout, strict=True)
        ]
        for g in generated
    ]
    inside_generated = [
        [
            distance(y, g) <= radius
            for g, radius in zip(generated, of_generated, strict=True)
        ]
        for y in heldout
    ]
    return {
        "precision": sum(any(row) for row in inside) / len(generated),
        "density": sum(sum(row) for row in inside) / len(generated) / k,
        "recall": sum(any(row) for row in inside_generated) / len(heldout),
        "coverage": sum(any(column) for column in zip(*inside, strict=True))
        / len(heldout),
    }


def test_line_by_hand():
    heldout = [[0.0], [1.0], [3.0]]  # reaches 1, 1, 2
    generated = [[-1.5], [0.5], [1.5], [9.0]]  # reaches 2, 1, 1, 7.5
    assert scores(generated, heldout, n_neighbors=1) == {
        "precision": 0.5,  # 0.5 and 1.5
        "density": 1.0,  # 0.5 lies in two balls, 1.5 in two
        "recall": 1.0,
        "coverage": 1.0,
    }
    assert scores([[-1.5], [-2.0]], heldout, n_neighbors=1) == {
        "precision": 0.0,
        "density": 0.0,
        "recall": 0.0,
        "coverage": 0.0,
    }
    assert scores([[5.0], [5.5]], heldout, n_neighbors=1) == {
        "precision": 0.5,  # 5 is at the rim of the ball around 3
        "density": 0.5,
        "recall": 0.0,
        "coverage": 1 / 3,
    }


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("n_features", [2, 20])
def test_scores_are_those_of_loops(k, n_features, rng):
    generated = 1.2 * rng.normal(size=(45, n_features)) + 0.2
    heldout = rng.normal(size=(60, n_features))
    expected = loops(generated.tolist(), heldout.tolist(), k)
    assert scores(generated, heldout, k) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("make", [make_circle, make_sphere])
def test_fresh_rows_score_high(make):
    heldout, generated = (make(N_HELDOUT, random_state=seed)[0] for seed in (0, 1))
    found = scores(generated, heldout)
    assert found["precision"] > 0.98
    assert found["recall"] > 0.98
    # The closed form for equally many rows, within four standard errors; nearby
    # held-out rows are covered or missed together.
    assert abs(found["coverage"] - (1 - 2**-5)) < 4 * np.sqrt(5 * 2**-5 / N_HELDOUT)
    assert abs(found["density"] - 1) < 0.1


@pytest.mark.parametrize("make", [make_circle, make_sphere])
def test_faults_are_told_apart(make, rng):
    heldout = make(N_HELDOUT, random_state=0)[0]
    fresh = make(N_HELDOUT, random_state=1)[0]
    truth = scores(fresh, heldout)

    blurred = scores(make(N_HELDOUT, noise=0.2, random_state=2)[0], heldout)
    assert blurred["precision"] < truth["precision"] - 0.2
    assert blurred["density"] < truth["density"] - 0.2
    assert blurred["coverage"] < truth["coverage"] - 0.05

    half = scores(fresh * np.sign(fresh[:, :1]), heldout)
    assert half["precision"] > 0.98
    assert half["coverage"] < 0.6
    assert half["recall"] < 0.6

    collapsed = scores(fresh[:1] + 1e-6 * rng.normal(size=fresh.shape), heldout)
    assert collapsed["coverage"] < 0.02
    assert collapsed["recall"] < 0.02

    off = scores(3 * fresh, heldout)
    assert off["precision"] == off["density"] == off["coverage"] == 0

    # A stray row reaches over the missing half: recall is fooled, coverage is not.
    stray = [[-5.0, *[0.0] * (fresh.shape[1] - 1)]]
    fooled = scores(np.vstack([fresh * np.sign(fresh[:, :1]), stray]), heldout)
    assert fooled["recall"] > 0.98
    assert fooled["coverage"] < 0.6


def test_the_held_out_rows_themselves_are_perfect(rng):
    heldout = rng.normal(size=(100, 3))
    found = scores(heldout, heldout)
    assert found["precision"] == found["recall"] == found["coverage"] == 1


@every_metric
def test_training_rows_do_not_enter(metric, rng, training):
    generated, heldout = rng.normal(size=(2, 40, 3))
    found = metric(generated, training, heldout)
    assert found == metric(generated, training[:1] - 7, heldout)


@every_metric
def test_chunks_do_not_change_scores(metric, rng, training, monkeypatch):
    generated, heldout = rng.normal(size=(2, 60, 3))
    whole = metric(generated, training, heldout)
    for entries in (1, 130, 60 * 60 - 1):
        monkeypatch.setattr("manidiff.metrics._pairs._MAX_ENTRIES", entries)
        monkeypatch.setattr("manidiff.metrics._pairs._LEAST_ROWS", 1)
        assert metric(generated, training, heldout) == whole


@every_metric
@pytest.mark.parametrize("n_neighbors", [0, -1, 2.5, 20, "5"])
def test_bad_numbers_of_neighbours_are_named(metric, n_neighbors, rng, training):
    generated, heldout = rng.normal(size=(2, 20, 3))
    with pytest.raises(ValueError, match=f"n_neighbors={n_neighbors!r} must be"):
        metric(generated, training, heldout, n_neighbors=n_neighbors)
    assert metric(generated, training, heldout, n_neighbors=19) > 0


def test_off_manifold_distance_is_in_spacings_of_the_training_rows(rng):
    training, heldout, fresh = (make_sphere(200, random_state=s)[0] for s in range(3))
    distances = np.linalg.norm(training[:, None] - training, axis=2)
    spacing = np.median(np.sort(distances, axis=1)[:, 1])
    found = off_manifold_distance(3 * fresh, training, heldout, manifold=Sphere())
    np.testing.assert_allclose(found, 2 / spacing)
    assert off_manifold_distance(fresh, training, heldout, manifold=Sphere()) < 1e-9
    # Rows that are given twice do not bring the spacing down.
    twice = np.vstack([training, training])
    again = off_manifold_distance(3 * fresh, twice, heldout, manifold=Sphere())
    np.testing.assert_allclose(again, found)


def test_anything_that_knows_distances_is_a_manifold(rng, training):
    class Plane:
        def distance(self, X):
            return np.abs(X[:, 2])

    generated, heldout = rng.normal(size=(2, 20, 3))
    unit = off_manifold_distance(np.ones((1, 3)), training, heldout, manifold=Plane())
    found = off_manifold_distance(generated, training, heldout, manifold=Plane())
    np.testing.assert_allclose(found, np.mean(np.abs(generated[:, 2])) * unit)
    with pytest.raises(TypeError, match=r"manifold=.* has no method distance"):
        off_manifold_distance(generated, training, heldout, manifold=None)
