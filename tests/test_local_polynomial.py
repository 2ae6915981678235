"""The training-free estimator on manifolds and on noisy rows."""

import copy

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
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
    before, after = manifold.distance(held_out + noise), manifold.distance(projected)
    assert after.mean() < 0.1 * before.mean()


def test_dimension_from_the_score_is_that_of_the_manifold(fitted):
    manifold, _, held_out, model = fitted
    found = np.median(model.intrinsic_dimension(held_out))
    assert found == pytest.approx(manifold.intrinsic_dim, abs=0.25)


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
        for coarseness in (0, 1, 4, "auto")
    }
    # At half the spacing a kernel about the rows already covers a surface in part.
    margin = 2 if share == 0.25 else 0.4
    assert scores[1] > scores[0] + margin
    assert scores["auto"] > scores[0] + margin
    # Four spacings are half the radius of the rotations: there it is too coarse for the
    # second level, at which copies lose least.
    if share == 0.25:
        assert scores[4] > scores[0] + margin


def test_score_is_near_the_density_of_many_draws():
    train, held_out = rows_of(Torus())
    model = LocalPolynomialScoreDiffusion(scaling=None, random_state=0).fit(train)
    level = 0.5 * model.nn_distance_
    model.set_params(sigma_min=level).fit(train)
    kde = KernelDensity(bandwidth=level).fit(model.sample(100_000, random_state=0))
    expected = kde.score(held_out) / len(held_out)
    assert model.score(held_out) == pytest.approx(expected, abs=0.17)
    # From sigma_c on the density is that of the draws before they are projected.
    level = 2 * model.sigma_c_
    before = copy.copy(model)
    before.surface_ = None
    kde = KernelDensity(bandwidth=level).fit(before.sample(20_000, random_state=0))
    found = model.score_samples(held_out[:200], sigma=level)
    assert (found - kde.score_samples(held_out[:200])).mean() == pytest.approx(
        0, abs=0.02
    )


def test_score_function_is_the_gradient_from_sigma_c_on():
    train, held_out = rows_of(Torus(), 300)
    model = LocalPolynomialScoreDiffusion(scaling=None, random_state=0).fit(train)
    level, step = 1.5 * model.sigma_c_, 1e-4
    found = model.score_function(held_out[:20], level)
    for column in range(3):
        moved = held_out[:20].copy()
        moved[:, column] += step
        ahead = model.score_samples(moved, sigma=level)
        moved[:, column] -= 2 * step
        behind = model.score_samples(moved, sigma=level)
        np.testing.assert_allclose(
            found[:, column], (ahead - behind) / (2 * step), atol=1e-5
        )


@pytest.mark.parametrize("kind", [int, np.int64])
def test_numbers_that_are_asked_for_make_the_surfaces(kind):
    train, _ = rows_of(Torus(), 200)
    model = LocalPolynomialScoreDiffusion(
        final_step="local_polynomial",
        degree=kind(1),
        intrinsic_dim=kind(1),
        n_neighbors=kind(9),
    ).fit(train)
    surface = model.surface_
    assert (surface.degree, surface.dim, surface.n_neighbors) == (1, 1, 9)
    assert model.intrinsic_dim_ == 1


def test_a_dimension_that_leaves_nothing_to_project_onto():
    X = np.random.default_rng(0).normal(size=(100, 3))
    model = LocalPolynomialScoreDiffusion(intrinsic_dim=3).fit(X)
    assert model.final_step_ == "none"
    model.set_params(final_step="local_polynomial").fit(X)
    assert model.final_step_ == "none"
    with pytest.raises(ValueError, match="intrinsic_dim=4 is more than the 3 columns"):
        model.set_params(intrinsic_dim=4).fit(X)


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


def test_numbers_beside_a_rare_truth_value_keep_their_law():
    rng = np.random.default_rng(0)
    x, n_rows = rng.normal(size=2000), 2000
    y = x + 0.1 * rng.normal(size=n_rows)
    X = np.column_stack([x, y, rng.random(n_rows) < 0.05])
    drawn = (
        LocalPolynomialScoreDiffusion(random_state=0)
        .fit(X)
        .sample(n_rows, random_state=0)
    )
    # Both within five standard errors of what the rows have.
    assert (drawn[:, 1] - drawn[:, 0]).std() == pytest.approx(0.1, rel=0.1)
    share = X[:, 2].mean()
    error = 5 * np.sqrt(share / n_rows)
    assert (drawn[:, 2] > 0.5).mean() == pytest.approx(share, abs=error)
    assert np.abs(drawn[:, 2] - drawn[:, 2].round()).mean() < 0.01


def test_draws_from_a_mesh_lie_between_its_lines_too():
    n_lines = 25
    mesh = np.meshgrid(np.linspace(0, 2, 40), np.arange(n_lines) / n_lines)
    angle, turn = (2 * np.pi * share.ravel() for share in mesh)
    # A band that winds once around, so that no column is of few values.
    radius = 2 + 0.5 * np.cos(turn)
    X = np.column_stack(
        [radius * np.cos(angle / 2), radius * np.sin(angle / 2), 0.5 * np.sin(turn)]
    )
    drawn = (
        LocalPolynomialScoreDiffusion(random_state=0)
        .fit(X)
        .sample(1000, random_state=0)
    )
    radius = np.hypot(drawn[:, 0], drawn[:, 1]) - 2
    turn = np.arctan2(drawn[:, 2], radius) / (2 * np.pi) * n_lines
    # 1 / 4 on average where draws are spread evenly between lines, 0 on them.
    assert np.abs(turn - turn.round()).mean() == pytest.approx(0.25, abs=0.03)
    assert np.abs(np.hypot(radius, drawn[:, 2]) - 0.5).mean() < 0.01


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


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["labels", "targets"])
def test_rows_repeated_under_other_conditions_are_learned(kind):
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = np.repeat([0, 1], 60) if kind == "labels" else np.arange(120.0)
    model = LocalPolynomialScoreDiffusion(conditional=True, random_state=0)
    drawn = model.fit(np.concatenate([X, X]), y).sample(120, y=y, random_state=0)
    np.testing.assert_allclose(drawn.mean(0), X.mean(0), atol=0.4)
