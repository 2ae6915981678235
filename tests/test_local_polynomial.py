"""The training-free estimator on manifolds and on noisy rows."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity
from sklearn.preprocessing import StandardScaler

from manidiff import LocalPolynomialScoreDiffusion, metrics
from manidiff.datasets import Circle, RotationGroup, Sphere, SwissRoll, Torus

MANIFOLDS = [Circle(law="irregular"), Sphere(), Torus(), SwissRoll(), RotationGroup()]


def rows_of(manifold, n=1000):
    rows = manifold.sample(2 * n, random_state=0)
    return rows[:n], rows[n:]


@pytest.fixture(scope="module", params=MANIFOLDS, ids=lambda m: type(m).__name__)
def fitted(request):
    train, held_out = rows_of(request.param)
    model = LocalPolynomialScoreDiffusion(random_state=0).fit(train)
    return request.param, train, held_out, model


def test_manifold_is_found_with_its_dimension(fitted):
    manifold, _, _, model = fitted
    assert model.final_step_ == "local_polynomial"
    assert model.intrinsic_dim_ == manifold.intrinsic_dim


def test_draws_are_new_and_on_the_manifold(fitted):
    manifold, train, held_out, model = fitted
    drawn = model.sample(2000, random_state=0)
    sets = (drawn, train, held_out)
    assert metrics.off_manifold_distance(*sets, manifold=manifold) < 0.1
    assert abs(metrics.excess_memorization(*sets)) < 0.08
    assert 0.9 < metrics.distance_to_closest_record(*sets) < 1.07
    assert metrics.precision(*sets) > 0.97
    assert metrics.coverage(*sets) > 0.94
    assert metrics.energy_ratio(*sets, random_state=0) < 1.5


def test_projection_lands_on_the_manifold(fitted):
    manifold, _, held_out, model = fitted
    noise = np.random.default_rng(0).normal(size=held_out.shape)
    # Half the spacing of the rows, in the units of X.
    noise *= 0.5 * model.nn_distance_ * model.scaling_.scale / np.sqrt(noise.shape[1])
    projected = model.project(held_out + noise)
    assert np.median(manifold.distance(projected)) < 0.1 * np.median(
        manifold.distance(held_out + noise)
    )


def test_dimension_from_the_score_is_that_of_the_manifold(fitted):
    manifold, _, held_out, model = fitted
    found = np.median(model.intrinsic_dimension(held_out))
    assert found == pytest.approx(manifold.intrinsic_dim, abs=0.25)


def test_distance_tells_points_off_the_torus():
    train, held_out = rows_of(Torus())
    model = LocalPolynomialScoreDiffusion(random_state=0).fit(train)
    direction = np.random.default_rng(0).normal(size=held_out.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    scores = model.distance(np.vstack([held_out, held_out + 0.5 * direction]))
    assert roc_auc_score(np.repeat([0, 1], len(held_out)), scores) > 0.95


@pytest.mark.parametrize("manifold", [Torus(), RotationGroup()])
@pytest.mark.parametrize("share", [0.25, 0.5])
def test_score_prefers_coarse_laws_to_copies(manifold, share):
    train, held_out = rows_of(manifold, 500)
    model = LocalPolynomialScoreDiffusion(random_state=0)
    level = share * model.fit(train).nn_distance_
    scores = {
        coarseness: model.set_params(coarseness=coarseness, sigma_min=level)
        .fit(train)
        .score(held_out)
        for coarseness in (0, 1, "auto")
    }
    # At half the spacing a kernel about the rows already covers a surface in part.
    margin = 2 if share == 0.25 else 0.4
    assert scores[1] > scores[0] + margin
    assert scores["auto"] > scores[0] + margin


def test_score_is_near_the_density_of_many_draws():
    train, held_out = rows_of(Torus())
    model = LocalPolynomialScoreDiffusion(scaling=None, random_state=0).fit(train)
    level = 0.5 * model.nn_distance_
    model.set_params(sigma_min=level).fit(train)
    kde = KernelDensity(bandwidth=level).fit(model.sample(100_000, random_state=0))
    expected = kde.score(held_out) / len(held_out)
    assert model.score(held_out) == pytest.approx(expected, abs=0.17)


def test_noisy_table_is_not_projected():
    X = StandardScaler().fit_transform(load_breast_cancer().data)
    train, held_out = X[::2], X[1::2]
    model = LocalPolynomialScoreDiffusion(random_state=0).fit(train)
    assert model.final_step_ == "none"
    assert model.surface_ is None
    sets = (model.sample(2000, random_state=0), train, held_out)
    assert metrics.excess_memorization(*sets) < 0.02
    assert metrics.precision(*sets) > 0.93
    assert metrics.coverage(*sets) > 0.94


def test_no_coarseness_returns_the_rows():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = LocalPolynomialScoreDiffusion(coarseness=0, scaling=None).fit(X)
    drawn = model.sample(60, random_state=0)
    np.testing.assert_allclose(np.sort(drawn, axis=0), np.sort(X, axis=0), atol=1e-9)


def test_isotropic_noise_scores_as_a_kernel_density():
    X = np.random.default_rng(0).normal(size=(200, 3))
    model = LocalPolynomialScoreDiffusion(
        noise="isotropic", final_step="none", coarseness=1.0, scaling=None
    ).fit(X)
    width = np.hypot(model.sigma_c_, model.sigma_min_)
    kde = KernelDensity(bandwidth=width, leaf_size=len(X)).fit(X)
    np.testing.assert_allclose(model.score_samples(X), kde.score_samples(X), rtol=1e-9)


def test_surface_without_enough_rows_is_refused_by_name():
    X = np.random.default_rng(0).normal(size=(6, 3))
    model = LocalPolynomialScoreDiffusion(final_step="local_polynomial")
    with pytest.raises(ValueError, match="final_step='local_polynomial' needs more"):
        model.fit(X)
