"""Local surfaces through rows of known shape."""

import numpy as np
import pytest

from manidiff.geometry.surface_choice import SurfaceChoice


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def on_sphere(n, rng):
    X = rng.normal(size=(n, 3))
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def on_circle(n, rng):
    angle = rng.uniform(0, 2 * np.pi, n)
    return np.column_stack([np.cos(angle), np.sin(angle), np.zeros(n)])


def on_helix(n, rng):
    angle = rng.uniform(0, 6, n)
    return np.column_stack([np.cos(angle), np.sin(angle), angle / 3])


@pytest.mark.parametrize(
    ("make", "dim"), [(on_circle, 1), (on_helix, 1), (on_sphere, 2)]
)
def test_manifolds_are_clean_and_have_their_dimension(rng, make, dim):
    surfaces = SurfaceChoice(make(600, rng), rng)
    assert surfaces.is_clean
    assert surfaces.dim == dim


def test_quadratic_surfaces_are_met_exactly(rng):
    plane = rng.normal(size=(300, 2))
    X = np.column_stack([plane, 0.1 * plane[:, 0] * plane[:, 1]])
    surfaces = SurfaceChoice(X, rng)
    assert surfaces.dim == 2
    assert surfaces.residual < 0.05


@pytest.mark.parametrize("dim", [2, 4, 10])
def test_noise_is_not_clean(rng, dim):
    assert not SurfaceChoice(rng.normal(size=(400, dim)), rng).is_clean


@pytest.mark.parametrize("extra", ["constant", "sum"])
def test_noise_is_not_clean_in_a_flat_of_its_own_rank(rng, extra):
    X = rng.normal(size=(400, 3))
    column = np.full(400, 7.0) if extra == "constant" else X.sum(1)
    surfaces = SurfaceChoice(np.column_stack([X, column]), rng)
    assert not surfaces.is_clean


def beside(kind, n, rng):
    """Return columns of few values, as they stand beside numbers."""
    if kind == "categories":
        return np.eye(3)[rng.integers(3, size=n)]
    if kind == "counts":
        return rng.poisson(2, size=(n, 1))
    return rng.random((n, 1)) < {"truth": 0.5, "rare truth": 0.05}[kind]


COLUMNS_OF_FEW_VALUES = ["truth", "rare truth", "categories", "counts"]


@pytest.mark.parametrize("n_rows", [300, 2000])
@pytest.mark.parametrize("kind", COLUMNS_OF_FEW_VALUES)
def test_flats_beside_columns_of_few_values_are_no_manifold(rng, kind, n_rows):
    X = np.column_stack([rng.normal(size=(n_rows, 2)), beside(kind, n_rows, rng)])
    assert not SurfaceChoice(X, rng).is_clean


@pytest.mark.parametrize("kind", COLUMNS_OF_FEW_VALUES)
def test_circles_beside_columns_of_few_values_are_circles(rng, kind):
    X = np.column_stack([on_circle(600, rng)[:, :2], beside(kind, 600, rng)])
    surfaces = SurfaceChoice(X, rng)
    assert surfaces.is_clean
    assert surfaces.dim == 1


@pytest.mark.parametrize("shape", [(5, 5), (20, 20), (20, 30), (5, 50), (8, 8, 8)])
def test_lattices_that_fill_their_space_are_no_manifold(rng, shape):
    axes = np.meshgrid(*map(np.arange, shape))
    X = np.stack(axes, axis=-1).reshape(-1, len(shape)).astype(float)
    assert not SurfaceChoice(X, rng).is_clean


@pytest.mark.parametrize("shape", [(40, 25), (40, 16), (63, 25)])
def test_meshes_of_a_torus_are_surfaces_and_not_lines(rng, shape):
    u, v = (np.linspace(0, 2 * np.pi, n, endpoint=False) for n in shape)
    u, v = (angles.ravel() for angles in np.meshgrid(u, v))
    radius = 1 + 0.4 * np.cos(v)
    X = np.column_stack([radius * np.cos(u), radius * np.sin(u), 0.4 * np.sin(v)])
    surfaces = SurfaceChoice(X, rng)
    assert surfaces.is_clean
    assert surfaces.dim == 2


def test_points_off_a_planar_curve_are_seen_in_its_plane(rng):
    X = on_circle(500, rng)
    np.testing.assert_allclose(SurfaceChoice(X, rng).distance(0.9 * X), 0.1, rtol=0.05)


def test_manifold_under_noise_of_its_spacing_is_not_clean(rng):
    X = on_sphere(600, rng)
    assert not SurfaceChoice(X + 0.1 * rng.normal(size=X.shape), rng).is_clean


def test_rotation_and_unit_change_nothing(rng):
    X = on_sphere(400, rng)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    expected = SurfaceChoice(X, rng).residual
    found = SurfaceChoice(1e3 * X @ turn + 5, rng).residual
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("shape", [(2, 3), (6, 3), (100, 1)])
def test_too_few_rows_or_columns_are_not_clean(rng, shape):
    surfaces = SurfaceChoice(rng.normal(size=shape), rng)
    assert surfaces.residual == np.inf
    assert not surfaces.is_clean


@pytest.mark.parametrize("n_rows", [20, 30, 60, 120])
@pytest.mark.parametrize("n_columns", [2, 3, 5, 10])
def test_few_rows_of_noise_are_not_clean(rng, n_rows, n_columns):
    assert not SurfaceChoice(rng.normal(size=(n_rows, n_columns)), rng).is_clean


def test_thirty_rows_of_a_circle_are_clean(rng):
    surfaces = SurfaceChoice(on_circle(30, rng), rng)
    assert surfaces.is_clean
    assert surfaces.dim == 1


def test_distance_to_a_sphere_is_the_error_of_the_radius(rng):
    surfaces = SurfaceChoice(on_sphere(1500, rng), rng)
    for radius in (0.95, 0.98, 1.0, 1.02, 1.05):
        found = surfaces.distance(radius * on_sphere(100, rng))
        np.testing.assert_allclose(found, abs(radius - 1), atol=0.005)


def test_rows_lie_on_their_own_surfaces(rng):
    X = on_circle(400, rng)
    assert SurfaceChoice(X, rng).distance(X).max() < 1e-3


@pytest.mark.parametrize("n_columns", [1, 3])
def test_rows_on_a_line_leave_nothing_to_compare(rng, n_columns):
    X = np.outer(np.arange(50.0), np.ones(n_columns))
    assert not SurfaceChoice(X, rng).is_clean


@pytest.mark.filterwarnings("error")
def test_rows_that_are_there_twice_count_as_missed(rng):
    X = on_circle(300, rng)
    few = SurfaceChoice(np.concatenate([X, X[:10]]), rng)
    assert few.is_clean
    assert few.dim == 1
    assert not SurfaceChoice(np.concatenate([X, X]), rng).is_clean
    noise = rng.normal(size=(100, 3))
    assert not SurfaceChoice(np.concatenate([noise, noise]), rng).is_clean
