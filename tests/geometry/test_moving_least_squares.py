"""Moving least squares against surfaces of known shape."""

import pickle

import numpy as np
import pytest
import torch

from manidiff.datasets import RotationGroup, Sphere, SwissRoll, Torus
from manidiff.geometry.moving_least_squares import MovingLeastSquares, n_monomials


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def project(rows, x, **kwargs):
    return MovingLeastSquares(rows, **kwargs).project(torch.from_numpy(x)).numpy()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_graphs_of_the_degree_are_reproduced(rng, degree):
    t = rng.uniform(-1, 1, size=(400, 2))
    rows = np.column_stack([t, 0.05 * t[:, 0] ** degree])
    errors, misfits = MovingLeastSquares(
        rows, dim=2, degree=degree, n_neighbors=3 * n_monomials(2, degree)
    ).leave_one_out(np.arange(400))
    # A tangent plane that leans a little turns the graph into one of higher degree.
    assert np.median(errors) < (1e-7 if degree == 1 else 1e-4)
    assert np.median(misfits) < (1e-7 if degree == 1 else 1e-4)


def test_a_plane_misses_the_rows_it_was_made_of_by_their_spread(rng):
    noise = 0.01
    rows = np.column_stack(
        [rng.uniform(-1, 1, (2000, 2)), noise * rng.normal(size=2000)]
    )
    flat = MovingLeastSquares(rows, dim=2, degree=1, n_neighbors=200)
    # The mean of 300 such values, each of some 100 rows less three coefficients.
    misfits = flat.leave_one_out(np.arange(300))[1]
    assert np.sqrt((misfits**2).mean()) == pytest.approx(noise, rel=0.1)


def test_higher_degrees_follow_a_sphere_more_closely(rng):
    rows = Sphere().sample(1000, random_state=0)
    x = 1.02 * Sphere().sample(300, random_state=1)
    off = [
        Sphere().distance(project(rows, x, dim=2, degree=degree, n_neighbors=20)).mean()
        for degree in (1, 2, 3)
    ]
    assert off[1] < off[0] / 5
    assert off[2] < off[0] / 5


def test_error_falls_with_the_spacing_as_the_degree_says():
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False) + 0.01
    x = np.column_stack([np.cos(angle), np.sin(angle)])
    for degree in (1, 2):
        off = []
        for n_rows in (60, 120):
            around = np.linspace(0, 2 * np.pi, n_rows, endpoint=False)
            rows = np.column_stack([np.cos(around), np.sin(around)])
            found = project(rows, x, dim=1, degree=degree, n_neighbors=8)
            off.append(np.abs(np.linalg.norm(found, axis=1) - 1).mean())
        # Half the spacing: a quarter of the error at degree 1, less at degree 2.
        assert off[1] < off[0] / 3.5


@pytest.mark.parametrize("manifold", [Torus(), SwissRoll(), RotationGroup()])
def test_noised_points_come_back(rng, manifold):
    rows = manifold.sample(1000, random_state=0)
    on = manifold.sample(200, random_state=1)
    noise = 0.2 * rows.std() * rng.normal(size=on.shape) / np.sqrt(on.shape[1])
    dim = manifold.intrinsic_dim
    found = project(rows, on + noise, dim=dim, degree=2, n_neighbors=12 * dim)
    before = np.median(manifold.distance(on + noise))
    assert np.median(manifold.distance(found)) < before / 5


def test_projecting_twice_changes_little(rng):
    rows = Torus().sample(1000, random_state=0)
    surface = MovingLeastSquares(rows, dim=2, degree=2, n_neighbors=16)
    x = torch.from_numpy(rows[:200] + 0.02 * rng.normal(size=(200, 3)))
    once = surface.project(x)
    step = (surface.project(once) - once).norm(dim=1)
    assert float(step.median()) < 1e-5


def test_rotation_shift_and_unit_change_nothing(rng):
    rows = Torus().sample(500, random_state=0)
    x = rows[:50] + 0.02 * rng.normal(size=(50, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    expected = project(rows, x, dim=2, degree=2, n_neighbors=20)
    found = project(
        1e3 * rows @ turn + 7, 1e3 * x @ turn + 7, dim=2, degree=2, n_neighbors=20
    )
    np.testing.assert_allclose(found, 1e3 * expected @ turn + 7, rtol=1e-6, atol=1e-4)


def test_leaving_out_equals_fitting_without_the_row(rng):
    rows = Torus().sample(300, random_state=0)
    found, _ = MovingLeastSquares(rows, dim=2, degree=2, n_neighbors=20).leave_one_out(
        np.arange(5)
    )
    for i in range(5):
        others = MovingLeastSquares(
            np.delete(rows, i, axis=0), dim=2, degree=2, n_neighbors=20
        )
        row = torch.from_numpy(rows[i : i + 1])
        once, _ = others._once(row, row)
        assert np.linalg.norm(once.numpy() - rows[i]) == pytest.approx(found[i])


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((10, 3)),
        np.outer(np.arange(10.0), np.ones(3)),
        np.eye(3),
        np.random.default_rng(0).normal(size=(6, 40)),
        np.repeat(np.random.default_rng(0).normal(size=(4, 3)), 5, axis=0),
    ],
    ids=["one point", "a line", "three rows", "wide", "duplicates"],
)
def test_degenerate_neighbourhoods_stay_finite(rows, degree, rng):
    x = np.vstack([rows[:2], rng.normal(size=(3, rows.shape[1])), 1e6 + rows[:1]])
    found = project(rows, x, dim=2, degree=degree, n_neighbors=12)
    assert np.isfinite(found).all()
    # Far points come back to the rows.
    assert np.linalg.norm(found[-1]) < 1e3


def test_points_on_the_axis_of_a_tube_reach_it():
    # Their neighbours lie all around them.
    torus = Torus(minor_radius=0.2)
    rows = torus.sample(1000, random_state=0)
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    axis = np.column_stack([np.cos(angle), np.sin(angle), 0 * angle])
    found = project(rows, axis, dim=2, degree=2, n_neighbors=12)
    assert torus.distance(found).max() < 0.05


def test_a_disc_keeps_its_edge(rng):
    radius, angle = np.sqrt(rng.uniform(size=2000)), rng.uniform(0, 2 * np.pi, 2000)
    disc = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    rows = np.column_stack([disc, 0.3 * (disc**2).sum(1)])
    x = rows[:300] + 0.05 * rng.normal(size=(300, 3))
    found = project(rows, x, dim=2, degree=2, n_neighbors=15)
    # Beyond the edge a surface goes on by the width of its neighbourhood at most.
    assert np.linalg.norm(found[:, :2], axis=1).max() < 1.3
    assert np.median(np.abs(found[:, 2] - 0.3 * (found[:, :2] ** 2).sum(1))) < 1e-3


def test_two_thin_sheets_stay_two(rng):
    t = rng.uniform(-1, 1, size=(3000, 2))
    rows = np.column_stack([t, np.where(np.arange(3000) % 2, 0.1, -0.1)])
    side = np.sign(rows[:300, 2])
    x = rows[:300] + np.outer(side, [0, 0, 0.03])
    found = project(rows, x, dim=2, degree=2, n_neighbors=12)
    np.testing.assert_allclose(found[:, 2], 0.1 * side, atol=0.02)


def test_a_curve_through_a_surface_of_another_dimension(rng):
    plane = np.column_stack([rng.uniform(-1, 1, size=(1500, 2)), np.zeros(1500)])
    line = np.column_stack([np.zeros((300, 2)), rng.uniform(0.3, 1.5, 300)])
    rows = np.vstack([plane, line])
    x = rows + 0.01 * rng.normal(size=rows.shape)
    found = project(rows, x, dim=2, degree=2, n_neighbors=12)
    assert np.abs(found[:1500, 2]).mean() < 0.005
    # A surface of two dimensions holds the line and may keep one direction of noise.
    off_line = np.linalg.norm(found[1500:, :2], axis=1)
    assert off_line.mean() < 1.1 * np.linalg.norm(x[1500:, :2], axis=1).mean()


def test_noise_bends_surfaces_less_than_a_fixed_ridge_lets_it(rng, monkeypatch):
    rows = np.column_stack([rng.uniform(-1, 1, size=(1000, 2)), np.zeros(1000)])
    rows[:, 2] += 0.02 * rng.normal(size=1000)
    x = rows[:300] * [0.8, 0.8, 1]
    shape = {"dim": 2, "degree": 3, "n_neighbors": 18}
    off = np.abs(project(rows, x, **shape)[:, 2]).mean()
    ridges = "manidiff.geometry.moving_least_squares._BENDING_RIDGES"
    monkeypatch.setattr(ridges, (0.0,))
    assert off < 0.8 * np.abs(project(rows, x, **shape)[:, 2]).mean()


def test_no_direction_is_left_to_project_along(rng):
    rows = rng.normal(size=(30, 2))
    x = rng.normal(size=(5, 2))
    np.testing.assert_array_equal(project(rows, x, dim=2, degree=1, n_neighbors=5), x)


def test_dtype_is_kept_and_pickles_work():
    rows = Sphere().sample(200, random_state=0)
    surface = MovingLeastSquares(rows, dim=2, degree=2, n_neighbors=20)
    x = torch.from_numpy(rows[:5]).float()
    found = surface.project(x)
    assert found.dtype == torch.float32
    again = pickle.loads(pickle.dumps(surface)).project(x)
    torch.testing.assert_close(again, found)
