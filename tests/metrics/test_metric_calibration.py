"""Copies, fresh rows, blurred rows and noise are told apart on every manifold.

Copies are drawn from the training rows, blurred rows are copies with noise of r1, the
spacing of the training rows (draws of a kernel density estimate), and noise is fresh
rows with noise of half their spread in every direction.
"""

from functools import cache

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from manidiff import EmpiricalScoreDiffusion, metrics
from manidiff.datasets import (
    Circle,
    CurvedFlatTorus,
    KleinBottle,
    RotationGroup,
    Sphere,
    SwissRoll,
    Torus,
)
from manidiff.geometry.scale import nearest_neighbor_distance

MANIFOLDS = {
    type(manifold).__name__: manifold
    for manifold in (
        Circle(),
        Sphere(),
        Torus(),
        SwissRoll(),
        RotationGroup(),
        CurvedFlatTorus(),
        KleinBottle(),
    )
}
N_ROWS, N_RUNS = 300, 12
FOREST = RandomForestClassifier(30, min_samples_leaf=5, random_state=0)
NEIGHBORS = KNeighborsClassifier()
KEYWORDS = {
    "coverage_resolution": {"random_state": 0},
    "data_copying_test": {"random_state": 0},
    "energy_ratio": {"random_state": 0},
    "feature_likelihood_divergence": {"random_state": 0},
    "sliced_wasserstein_distance": {"n_projections": 30, "random_state": 0},
    "two_sample_auc": {"estimator": FOREST, "cv": 3, "random_state": 0},
}


@cache
def kinds(name, seed):
    """Return the generated rows of each kind, training rows, held-out rows and r1."""
    rng, manifold = np.random.RandomState(seed), MANIFOLDS[name]
    training, heldout, fresh, more = (manifold.sample(N_ROWS, rng) for _ in range(4))
    spacing = nearest_neighbor_distance(training, np.random.default_rng(0))
    spread = np.linalg.norm(training.std(axis=0))
    copies, copied = (training[rng.randint(N_ROWS, size=N_ROWS)] for _ in "ab")
    generated = {
        "copies": copies,
        "fresh": fresh,
        "blurred": copied + spacing * rng.normal(size=copied.shape),
        "noise": more + 0.5 * spread * rng.normal(size=more.shape),
    }
    return generated, training, heldout, spacing


@cache
def score(metric, name, seed, kind):
    """Return the first figure of a metric, or the mean of an array of them."""
    generated, training, heldout, spacing = kinds(name, seed)
    more = dict(KEYWORDS.get(metric, {}))
    if metric == "off_manifold_distance":
        more["manifold"] = MANIFOLDS[name]
    if metric == "mass_coverage":
        more["delta"] = 4 * spacing
    found = getattr(metrics, metric)(generated[kind], training, heldout, **more)
    return found[0] if isinstance(found, tuple) else np.mean(found)


# The first of two kinds scores less than the second in every run.
ALWAYS = {
    "authenticity": ["copies < fresh", "fresh < noise"],
    "coverage": ["noise < fresh"],
    "data_copying_test": ["copies < fresh", "fresh < noise"],
    "density": ["noise < fresh"],
    "distance_to_closest_record": ["copies < fresh", "fresh < noise"],
    "energy_distance": ["fresh < noise"],
    "energy_ratio": ["fresh < noise"],
    "excess_memorization": ["fresh < copies", "blurred < fresh", "noise < fresh"],
    "feature_likelihood_divergence": ["fresh < copies", "fresh < noise"],
    "mass_coverage": ["noise < fresh"],
    "memorization_ratio": ["fresh < copies", "blurred < fresh", "noise < fresh"],
    "nearest_generated_attack": ["fresh < copies"],
    "nearest_neighbor_distance_ratio": [
        "copies < fresh",
        "fresh < blurred",
        "fresh < noise",
    ],
    "off_manifold_distance": ["copies < blurred", "fresh < blurred", "fresh < noise"],
    "precision": ["noise < fresh"],
    "sliced_wasserstein_distance": ["fresh < noise"],
    "two_sample_auc": ["fresh < noise"],
}

# On every manifold the mean over runs says so.
ON_EACH = {
    "authenticity": ["fresh < blurred"],
    "column_differences": ["fresh < noise"],
    "coverage": ["copies < fresh", "blurred < fresh"],
    "coverage_resolution": ["fresh < noise"],
    "feature_likelihood_divergence": ["fresh < blurred"],
    "maximum_mean_discrepancy": ["fresh < noise"],
    "nearest_generated_attack": ["fresh < blurred"],
    "recall": ["copies < fresh"],
    "two_sample_auc": ["fresh < copies", "fresh < blurred"],
}

# And here the mean over all manifolds, and none says the contrary: training rows and
# slightly blurred ones are not far from the law. How little the discrepancy sees of
# copies is known, and tested, in closed form. Recall is fooled by stray rows, and only
# correlated columns have a correlation to lose.
ON_AVERAGE = {
    "column_differences": ["fresh < copies", "fresh < blurred"],
    "correlation_differences": ["fresh < blurred", "fresh < noise"],
    "coverage_resolution": ["fresh < copies", "fresh < blurred"],
    "data_copying_test": ["fresh < blurred"],
    "density": ["blurred < fresh"],
    "distance_to_closest_record": ["fresh < blurred"],
    "energy_distance": ["fresh < copies", "fresh < blurred"],
    "energy_ratio": ["fresh < copies", "fresh < blurred"],
    "mass_coverage": ["copies < fresh", "blurred < fresh"],
    "maximum_mean_discrepancy": ["fresh < blurred"],
    "precision": ["blurred < fresh"],
    "sliced_wasserstein_distance": ["fresh < copies", "fresh < blurred"],
}


def pairs(orders):
    return [(metric, order) for metric, some in orders.items() for order in some]


@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize(("metric", "order"), pairs(ALWAYS))
def test_gross_faults_are_always_told_apart(metric, order, name):
    low, high = order.split(" < ")
    # If the two kinds scored alike, three runs would agree once in eight.
    for seed in range(3):
        assert score(metric, name, seed, low) < score(metric, name, seed, high)


def z_score(metric, order, name):
    """Return how far the mean gap of two kinds is above 0, in its standard errors."""
    low, high = order.split(" < ")
    gaps = [
        score(metric, name, seed, high) - score(metric, name, seed, low)
        for seed in range(N_RUNS)
    ]
    return np.mean(gaps) / (np.std(gaps, ddof=1) / np.sqrt(N_RUNS))


@pytest.mark.slow
@pytest.mark.parametrize("name", MANIFOLDS)
@pytest.mark.parametrize(("metric", "order"), pairs(ON_EACH))
def test_faults_are_told_apart_on_each_manifold(metric, order, name):
    # Kinds that score alike would reach this with a probability of .01, Student's law
    # of 11 degrees of freedom.
    assert z_score(metric, order, name) > 2.72


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "order"), pairs(ON_AVERAGE))
def test_slight_faults_are_told_apart_on_average(metric, order):
    z_scores = [z_score(metric, order, name) for name in MANIFOLDS]
    # Kinds that score alike would reach this with a probability of about 1e-3.
    assert np.sum(z_scores) / np.sqrt(len(MANIFOLDS)) > 3.1
    # Where they score alike, one manifold is below this with a probability of .003.
    assert min(z_scores) > -3.5


@pytest.mark.parametrize("name", MANIFOLDS)
def test_copies_and_fresh_rows_meet_their_ideals(name):
    assert score("memorization_ratio", name, 0, "copies") == 1
    assert score("authenticity", name, 0, "copies") == 0
    assert score("distance_to_closest_record", name, 0, "copies") == 0
    for kind in ("copies", "fresh"):
        assert score("off_manifold_distance", name, 0, kind) < 1e-6
        assert score("precision", name, 0, kind) > 0.97
    fresh = {
        metric: score(metric, name, 0, "fresh")
        for metric in ("data_copying_test", "nearest_generated_attack")
    }
    # Four standard errors of three cells, and of two sets of 300 ranks.
    assert abs(fresh["data_copying_test"]) < 4 / np.sqrt(3)
    assert abs(fresh["nearest_generated_attack"] - 0.5) < 4 / np.sqrt(6 * N_ROWS)


@pytest.mark.parametrize("name", MANIFOLDS)
def test_the_loss_tells_what_was_trained_on(name):
    generated, training, heldout, _ = kinds(name, 0)
    found = {
        kind: metrics.loss_attack(
            EmpiricalScoreDiffusion(random_state=0).fit(rows),
            training,
            heldout,
            random_state=0,
        ).auc
        for kind, rows in {**generated, "training": training}.items()
    }
    assert found["training"] > 0.9
    # Copies are of two training rows in three.
    assert found["training"] > found["copies"] > 0.7
    for kind in ("fresh", "noise"):
        assert abs(found[kind] - 0.5) < 4 / np.sqrt(6 * N_ROWS)


@pytest.mark.parametrize("name", MANIFOLDS)
def test_noise_is_of_less_use_than_fresh_rows(name):
    manifold, rng = MANIFOLDS[name], np.random.RandomState(0)
    fresh, training, heldout = (manifold.sample(N_ROWS, rng) for _ in range(3))
    y = {
        label: rows[:, 0] > rows[:, 1]
        for label, rows in (
            ("y_gen", fresh),
            ("y_train", training),
            ("y_heldout", heldout),
        )
    }
    noise = fresh + np.linalg.norm(fresh.std(axis=0)) * rng.normal(size=fresh.shape)
    of_copies, of_fresh, of_noise = (
        metrics.train_on_synthetic(
            rows, training, heldout, **{**y, "y_gen": labels}, estimator=NEIGHBORS
        ).ratio
        for rows, labels in (
            (training, y["y_train"]),
            (fresh, y["y_gen"]),
            (noise, y["y_gen"]),
        )
    )
    assert of_copies == 1
    assert abs(of_fresh - 1) < 0.06
    assert of_noise < of_fresh - 0.04
