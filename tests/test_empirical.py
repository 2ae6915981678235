"""EmpiricalScoreDiffusion against kernel densities and its own training rows."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import KernelDensity

from manidiff import EmpiricalScoreDiffusion


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def make_circle(n_samples, rng):
    angle = rng.uniform(0, 2 * np.pi, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def nearest(points, rows):
    return cdist(points, rows).min(axis=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("sigma_min", ["auto", 0.05, 0.7])
def test_scores_are_those_of_kernel_density(rng, weighted, sigma_min):
    X = rng.normal(size=(200, 3)) + 10
    queries = rng.normal(size=(50, 3)) + 10
    weight = rng.uniform(0.1, 2, len(X)) if weighted else None
    estimator = EmpiricalScoreDiffusion(scaling=None, sigma_min=sigma_min)
    estimator.fit(X, sample_weight=weight)
    # With many leaves its tree loses whole nats far from the rows; one leaf is exact.
    kde = KernelDensity(bandwidth=estimator.sigma_min_, leaf_size=len(X))
    kde.fit(X, sample_weight=weight)
    scores = estimator.score_samples(queries)
    np.testing.assert_allclose(scores, kde.score_samples(queries), rtol=1e-9, atol=1e-9)
    assert estimator.score(queries) == pytest.approx(kde.score(queries) / 50, rel=1e-9)


@pytest.mark.parametrize("scaling", ["feature", "global", None])
@pytest.mark.parametrize("final_step", ["tweedie", "richardson"])
def test_default_returns_training_rows(rng, scaling, final_step):
    X = rng.normal(size=(150, 4)) * [1, 10, 0.1, 1]
    estimator = EmpiricalScoreDiffusion(scaling=scaling, final_step=final_step).fit(X)
    drawn = estimator.sample(300, random_state=0)
    assert nearest(drawn, X).max() < 1e-6
    # Not always the same ones.
    assert len(np.unique(drawn.round(6), axis=0)) > 90


def test_default_returns_rows_by_their_weights(rng):
    X = np.array([[0.0, 0.0], [1.0, 5.0], [7.0, 2.0]])
    estimator = EmpiricalScoreDiffusion().fit(X, sample_weight=[1, 2, 5])
    index = cdist(estimator.sample(4000, random_state=0), X).argmin(axis=1)
    share = np.bincount(index, minlength=3) / 4000
    np.testing.assert_allclose(share, [0.125, 0.25, 0.625], atol=0.03)


def test_final_step_none_keeps_the_noise_of_the_last_level(rng):
    X = rng.normal(size=(100, 2))
    noisy = EmpiricalScoreDiffusion(final_step="none", scaling=None).fit(X)
    missed = nearest(noisy.sample(500, random_state=0), X) / noisy.nn_distance_
    assert 1e-4 < np.median(missed) < 0.05


def test_coarse_draws_are_new_and_nearer_the_circle_than_kernel_density(rng):
    X = make_circle(300, rng)
    estimator = EmpiricalScoreDiffusion(coarseness=4, scaling=None).fit(X)
    drawn = estimator.sample(1000, random_state=0)
    kde = KernelDensity(bandwidth=estimator.sigma_c_).fit(X)

    def off(points):
        return np.median(np.abs(np.linalg.norm(points, axis=1) - 1))

    assert off(drawn) < 0.2 * off(kde.sample(1000, random_state=0))
    assert np.median(nearest(drawn, X)) > 0.1 * estimator.nn_distance_


def test_richardson_is_nearer_the_circle_than_tweedie(rng):
    X = make_circle(400, rng)
    off = {}
    for final_step in ("tweedie", "richardson"):
        estimator = EmpiricalScoreDiffusion(
            coarseness=12, final_step=final_step, scaling=None
        )
        drawn = estimator.fit(X).sample(500, random_state=0)
        off[final_step] = np.median(np.abs(np.linalg.norm(drawn, axis=1) - 1))
    assert off["richardson"] < off["tweedie"]


def test_auto_coarseness_is_above_zero_and_makes_new_rows(rng):
    X = rng.normal(size=(200, 2))
    estimator = EmpiricalScoreDiffusion(coarseness="auto", random_state=0).fit(X)
    assert estimator.sigma_c_ > 0
    assert np.median(nearest(estimator.sample(200, random_state=0), X)) > 1e-3


def test_smoothing_makes_new_rows_on_the_circle(rng):
    X = make_circle(200, rng)
    estimator = EmpiricalScoreDiffusion(smoothing=1.0, scaling=None, random_state=0)
    drawn = estimator.fit(X).sample(300, random_state=0)
    assert np.mean(nearest(drawn, X) > 1e-3 * estimator.nn_distance_) > 0.5
    off = np.abs(np.linalg.norm(drawn, axis=1) - 1)
    assert np.median(off) < estimator.nn_distance_
    assert np.isfinite(estimator.score(X[:20]))


@pytest.mark.parametrize("final_step", ["none", "tweedie", "richardson"])
def test_score_below_sigma_c_is_finite_and_continuous(rng, final_step):
    X, queries = rng.normal(size=(2, 80, 2))

    def scores(coarseness):
        estimator = EmpiricalScoreDiffusion(
            coarseness=coarseness, sigma_min=0.1, scaling=None, final_step=final_step
        )
        return estimator.fit(X).score_samples(queries)

    assert np.isfinite(scores(2.0)).all()
    assert np.isfinite(scores(10.0)).all()
    # Below sigma_min coarseness does not enter the density.
    np.testing.assert_allclose(scores(1e-3), scores(0), rtol=1e-9)


def test_coarse_density_prefers_rows_of_the_same_law(rng):
    X, held_out = make_circle(300, rng), make_circle(100, rng)
    estimator = EmpiricalScoreDiffusion(coarseness=2, scaling=None).fit(X)
    assert estimator.score(held_out) > estimator.score(1.3 * held_out) + 1
    # It does not single out the rows it was fitted to, as the exact density does.
    exact = EmpiricalScoreDiffusion(scaling=None).fit(X)
    gap = estimator.score(X) - estimator.score(held_out)
    assert gap < 0.5 * (exact.score(X) - exact.score(held_out))


@pytest.mark.parametrize("labels", [["b", "a", "c"], [3, 7, 5]])
@pytest.mark.parametrize("coarseness", [0, 0.5])
def test_class_labels(rng, labels, coarseness):
    centers = np.array([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0]])
    code = np.repeat([0, 1, 2], [100, 60, 40])
    X = centers[code] + rng.normal(size=(200, 2))
    y = np.array(labels)[code]
    estimator = EmpiricalScoreDiffusion(coarseness=coarseness, conditional=True)
    estimator.fit(X, y)

    def cluster(points):
        return np.array(labels)[cdist(points, centers).argmin(axis=1)]

    drawn = estimator.sample(50, y=labels[1], random_state=0)
    assert (cluster(drawn) == labels[1]).all()
    wanted = np.array(labels)[rng.integers(3, size=60)]
    np.testing.assert_array_equal(
        cluster(estimator.sample(60, y=wanted, random_state=0)), wanted
    )
    share = np.mean(cluster(estimator.sample(4000, random_state=0)) == labels[0])
    assert share == pytest.approx(0.5, abs=0.04)

    given = estimator.score_samples(X, y)
    assert np.mean(given) > np.mean(estimator.score_samples(X, np.roll(y, 100))) + 5
    # The marginal is the mixture over labels, here of clusters far apart.
    weight = np.bincount(code)[code] / 200
    marginal = estimator.score_samples(X)
    np.testing.assert_allclose(marginal, given + np.log(weight), atol=1e-6)


def test_marginal_over_labels_is_the_unconditional_density(rng):
    X, y = rng.normal(size=(100, 2)), rng.integers(2, size=100)
    conditional = EmpiricalScoreDiffusion(conditional=True).fit(X, y)
    plain = EmpiricalScoreDiffusion().fit(X)
    queries = rng.normal(size=(30, 2))
    np.testing.assert_allclose(
        conditional.score_samples(queries), plain.score_samples(queries), rtol=1e-9
    )


@pytest.mark.parametrize("n_targets", [1, 2])
def test_continuous_targets(rng, n_targets):
    Y = rng.uniform(-1, 1, size=(800, n_targets))
    X = np.hstack([Y, Y**2]) + 0.02 * rng.normal(size=(800, 2 * n_targets))
    y = Y[:, 0] if n_targets == 1 else Y
    estimator = EmpiricalScoreDiffusion(conditional=True, coarseness=1).fit(X, y)
    wanted = np.full(n_targets, 0.5)
    drawn = estimator.sample(
        100, y=0.5 if n_targets == 1 else np.tile(wanted, (100, 1)), random_state=0
    )
    np.testing.assert_allclose(drawn[:, :n_targets].mean(axis=0), 0.5, atol=0.15)
    every = estimator.sample(500, random_state=0)
    assert np.ptp(every[:, 0]) > 1.5
    assert np.isfinite(estimator.score(X[:50], y[:50]))
    assert estimator.score(X[:50], y[:50]) > estimator.score(X[:50], -y[:50])


def test_conditional_rows_may_share_their_x(rng):
    X = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0], [2.0, 1.0]])
    estimator = EmpiricalScoreDiffusion(conditional=True)
    estimator.fit(X, ["a", "b", "a", "b"])
    assert estimator.sample(20, y="a", random_state=0).max() < 1 + 1e-6


def test_rows_in_read_only_memory_have_a_dimension():
    # As joblib hands them to its workers; torch would warn.
    model = EmpiricalScoreDiffusion().fit(np.random.default_rng(0).normal(size=(50, 2)))
    expected = model.intrinsic_dimension(model.rows_)
    model.rows_.flags.writeable = model.weights_.flags.writeable = False
    np.testing.assert_array_equal(model.intrinsic_dimension(model.rows_), expected)
