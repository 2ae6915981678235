"""Every manifold against its equations, fine grids and closed-form laws."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.distance import cdist
from scipy.stats import chisquare, kstest

from manidiff.datasets import (
    Circle,
    CurvedFlatTorus,
    KleinBottle,
    RotationGroup,
    Sphere,
    SwissRoll,
    Torus,
    make_circle,
    make_curved_flat_torus,
    make_klein_bottle,
    make_rotations,
    make_sphere,
    make_swiss_roll,
    make_torus,
)

# A right law fails one of the tests of laws below this often; seeds are fixed.
FALSE_ALARMS = 1e-4
N_DRAWS = 20_000
TURN = 2 * np.pi


def unchanged(t):
    return t


def constant(a):
    return 1.0


@dataclass
class Case:
    """What is known about a manifold without asking it."""

    make: Callable
    # How far points (n, D) miss the equations that define the manifold.
    residual: Callable
    # Axes of a grid of parameters: (low, high, nodes, largest speed in space).
    axes: list
    # From parameters to the coordinates of the manifold.
    coordinates: Callable = unchanged
    # Name -> (statistic of points, cumulative distribution under the uniform law).
    marginals: dict = field(default_factory=dict)
    # The angle of the irregular law as a function of points, its range, and its
    # density under the uniform law up to a factor.
    angle: Callable = None
    angle_range: tuple = (0.0, TURN)
    angle_density: Callable = constant


def spread(low, high):
    return lambda value: np.clip((value - low) / (high - low), 0, 1)


def turn_of(y, x):
    return np.arctan2(y, x) % TURN


def hyperspherical(t):
    """Map angles (n, d) to unit vectors (n, d + 1), speeds at most 1."""
    sines = np.cumprod(np.sin(t), axis=1)
    cosines = np.cos(t) * np.column_stack([np.ones(len(t)), sines[:, :-1]])
    return np.column_stack([cosines, sines[:, -1]])


def sphere_case(dim, radius, n_grid, marginals):
    axes = [(0.0, np.pi, n, radius) for n in n_grid[:-1]]
    return Case(
        lambda law="uniform": Sphere(dim, radius, law),
        lambda X: np.linalg.norm(X, axis=1) - radius,
        [*axes, (0.0, TURN, n_grid[-1], radius)],
        hyperspherical,
        {"angle": (first_angle, spread(0, TURN)), **marginals},
        first_angle,
    )


def first_angle(X):
    return turn_of(X[:, 1], X[:, 0])


def height_cdf_in_four_dimensions(h):
    h = np.clip(h, -1, 1)
    return 0.5 + (h * np.sqrt(1 - h**2) + np.arcsin(h)) / np.pi


def torus_residual(X, major, minor):
    return np.hypot(np.hypot(X[:, 0], X[:, 1]) - major, X[:, 2]) - minor


def torus_around(X, major):
    return turn_of(X[:, 2], np.hypot(X[:, 0], X[:, 1]) - major)


def roll_residual(X):
    angle = np.hypot(X[:, 0], X[:, 2])
    off_spiral = np.hypot(
        X[:, 0] - angle * np.cos(angle), X[:, 2] - angle * np.sin(angle)
    )
    outside = np.maximum(1.5 * np.pi - angle, angle - 4.5 * np.pi).clip(0)
    return off_spiral + outside + np.maximum(-X[:, 1], X[:, 1] - 21).clip(0)


def roll_angle(X):
    return np.hypot(X[:, 0], X[:, 2])


def spiral_length(angle):
    return (angle * np.sqrt(1 + angle**2) + np.log(angle + np.sqrt(1 + angle**2))) / 2


def rotation_residual(X):
    R = X.reshape(-1, 3, 3)
    off_orthogonal = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2))
    return off_orthogonal + np.abs(np.linalg.det(R) - 1)


def rotation_angle(X):
    cosine = (X[:, 0] + X[:, 4] + X[:, 8] - 1) / 2
    return np.arccos(np.clip(cosine, -1, 1))


def rotation_axis(X):
    axis = np.column_stack([X[:, 7] - X[:, 5], X[:, 2] - X[:, 6], X[:, 3] - X[:, 1]])
    return axis / np.linalg.norm(axis, axis=1, keepdims=True)


def harmonics(X, dim):
    """Return first, second and third harmonics as unit complex numbers (n, dim, 3)."""
    manifold = CurvedFlatTorus(dim)
    parts = (X @ manifold._axes).reshape(len(X), dim, 2, 3)
    # Amplitudes 4 : 2 : 1 and unit speed.
    amplitudes = np.array([4, 2, 1]) / np.sqrt(4**2 + (2 * 2) ** 2 + (3 * 1) ** 2)
    return (parts[:, :, 0] + 1j * parts[:, :, 1]) / amplitudes


def flat_torus_residual(X, dim):
    axes = CurvedFlatTorus(dim)._axes
    first = harmonics(X, dim)
    powers = first[:, :, :1] ** np.array([1, 2, 3])
    off_curve = np.abs(first - powers).max(axis=(1, 2))
    off_circle = np.abs(np.abs(first) - 1).max(axis=(1, 2))
    return off_curve + off_circle + np.linalg.norm(X - X @ axes @ axes.T, axis=1)


def flat_torus_case(dim, n_grid):
    def angle(axis):
        return lambda X: np.angle(harmonics(X, dim)[:, axis, 0]) % TURN

    return Case(
        lambda law="uniform": CurvedFlatTorus(dim, law=law),
        lambda X: flat_torus_residual(X, dim),
        [(0.0, TURN, n_grid, 1.0)] * dim,
        marginals={f"angle {i}": (angle(i), spread(0, TURN)) for i in range(dim)},
        angle=angle(0),
    )


def bottle_sides(X):
    about = turn_of(X[:, 1], X[:, 0])
    along = X[:, 2] * np.cos(about / 2) + X[:, 3] * np.sin(about / 2)
    across = X[:, 3] * np.cos(about / 2) - X[:, 2] * np.sin(about / 2)
    return along, across


def bottle_residual(X, major, minor):
    from_middle = np.hypot(X[:, 0], X[:, 1]) - major
    along, across = bottle_sides(X)
    return np.abs(np.hypot(from_middle, along) - minor) + np.abs(across)


def bottle_around(X, major):
    return turn_of(bottle_sides(X)[0], np.hypot(X[:, 0], X[:, 1]) - major)


CASES = {
    "circle": Case(
        lambda law="uniform": Circle(law=law),
        lambda X: np.linalg.norm(X, axis=1) - 1,
        [(0.0, TURN, 4001, 1.0)],
        hyperspherical,
        {"angle": (first_angle, spread(0, TURN))},
        first_angle,
    ),
    "sphere 1": sphere_case(1, 2.5, [4001], {}),
    "sphere 2": sphere_case(
        2, 0.5, [201, 401], {"height": (lambda X: X[:, 2] / 0.5, spread(-1, 1))}
    ),
    "sphere 3": sphere_case(
        3,
        1.0,
        [41, 41, 81],
        {"height": (lambda X: X[:, 3], height_cdf_in_four_dimensions)},
    ),
    "torus": Case(
        lambda law="uniform": Torus(1.0, 0.3, law),
        lambda X: torus_residual(X, 1.0, 0.3),
        [(0.0, TURN, 401, 1.3), (0.0, TURN, 201, 0.3)],
        marginals={
            "about": (first_angle, spread(0, TURN)),
            "around": (
                lambda X: torus_around(X, 1.0),
                lambda a: (a + 0.3 * np.sin(a)) / TURN,
            ),
        },
        angle=first_angle,
    ),
    "swiss roll": Case(
        lambda law="uniform": SwissRoll(law),
        roll_residual,
        [(1.5 * np.pi, 4.5 * np.pi, 1001, np.hypot(1, 4.5 * np.pi)), (0, 21, 101, 1)],
        marginals={
            "length": (
                lambda X: spiral_length(roll_angle(X)),
                spread(spiral_length(1.5 * np.pi), spiral_length(4.5 * np.pi)),
            ),
            "across": (lambda X: X[:, 1], spread(0, 21)),
        },
        angle=roll_angle,
        angle_range=(1.5 * np.pi, 4.5 * np.pi),
        angle_density=lambda a: np.hypot(1, a),
    ),
    "rotations": Case(
        lambda law="uniform": RotationGroup(law),
        rotation_residual,
        # Half of the quaternions. Turning one by an angle turns its rotation by twice
        # that, and the matrix moves by sqrt(2) times as much.
        [
            (0.0, np.pi / 2, 25, np.sqrt(8)),
            (0.0, np.pi, 49, np.sqrt(8)),
            (0.0, TURN, 97, np.sqrt(8)),
        ],
        hyperspherical,
        {
            # Density (1 - cos a) / pi.
            "angle": (rotation_angle, lambda a: (a - np.sin(a)) / np.pi),
            "axis height": (lambda X: rotation_axis(X)[:, 2], spread(-1, 1)),
            "axis angle": (lambda X: first_angle(rotation_axis(X)), spread(0, TURN)),
        },
        rotation_angle,
        (0.0, np.pi),
        lambda a: 1 - np.cos(a),
    ),
    "flat torus 1": flat_torus_case(1, 4001),
    "flat torus 2": flat_torus_case(2, 201),
    "klein bottle": Case(
        lambda law="uniform": KleinBottle(1.0, 0.4, law),
        lambda X: bottle_residual(X, 1.0, 0.4),
        [(0.0, TURN, 401, np.hypot(1.4, 0.2)), (0.0, TURN, 201, 0.4)],
        marginals={"about": (first_angle, spread(0, TURN))},
        angle=first_angle,
    ),
}
GEODESICS = [
    *("circle", "sphere 1", "sphere 2", "sphere 3"),
    *("swiss roll", "rotations", "flat torus 1", "flat torus 2"),
]
every_manifold = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_geodesic = pytest.mark.parametrize("name", GEODESICS)


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def near(manifold, noise, n_samples, rng):
    """Draw points beside the manifold, and how far they were moved."""
    moved = noise * rng.normal(size=(n_samples, manifold.n_features))
    X = manifold.sample_uniform(n_samples, rng)
    return X + moved, np.linalg.norm(moved, axis=1)


def fine_grid(case):
    """Return embedded nodes, and how far the nearest node can be from a point."""
    ticks = [np.linspace(low, high, n) for low, high, n, _ in case.axes]
    steps = [speed * (high - low) / (n - 1) for low, high, n, speed in case.axes]
    t = np.stack(np.meshgrid(*ticks, indexing="ij"), axis=-1)
    coordinates = case.coordinates(t.reshape(-1, len(ticks)))
    return case.make().embed(coordinates), np.linalg.norm(steps) / 2


def chi_square_p(values, low, high, density, n_bins=36):
    """Return the p-value of values having a density, given up to a factor."""
    edges = np.linspace(low, high, n_bins + 1)
    # Smooth within a bin: the kinks of the irregular law lie on edges.
    masses = [quad(density, *ends, limit=200)[0] for ends in pairwise(edges)]
    expected = np.array(masses) / np.sum(masses) * len(values)
    counts = np.histogram(values, edges)[0]
    assert counts.sum() == len(values)
    return chisquare(counts, expected).pvalue


# Points, projections, distances


@every_manifold
@pytest.mark.parametrize("law", ["uniform", "irregular"])
def test_samples_lie_on_the_manifold(case, law):
    manifold = case.make(law)
    X = manifold.sample(2000, random_state=0)
    assert X.shape == (2000, manifold.n_features)
    assert X.dtype == np.float64
    np.testing.assert_allclose(case.residual(X), 0, atol=1e-12)
    assert manifold.distance(X).max() < 1e-6


@every_manifold
def test_embed_maps_a_grid_of_coordinates_onto_the_manifold(case):
    points, _ = fine_grid(case)
    np.testing.assert_allclose(case.residual(points[::37]), 0, atol=1e-12)


@every_manifold
@pytest.mark.parametrize("noise", [0.01, 0.5, 5.0])
def test_project_lands_on_the_manifold_and_stays(case, noise, rng):
    manifold = case.make()
    X, _ = near(manifold, noise, 300, rng)
    projected = manifold.project(X)
    np.testing.assert_allclose(case.residual(projected), 0, atol=1e-12)
    np.testing.assert_allclose(manifold.project(projected), projected, atol=1e-6)
    np.testing.assert_array_equal(
        manifold.distance(X), np.linalg.norm(X - projected, axis=1)
    )


@every_manifold
@pytest.mark.parametrize("noise", [0.03, 0.3, 3.0])
def test_distance_is_the_least_over_a_fine_grid(case, noise, rng):
    manifold = case.make()
    nodes, resolution = fine_grid(case)
    X, _ = near(manifold, noise, 20, rng)
    least = cdist(X, nodes).min(axis=1)
    distance = manifold.distance(X)
    assert (distance <= least + 1e-9).all()
    assert (distance >= least - resolution).all()


@every_manifold
def test_distance_is_at_most_that_to_any_point_of_the_manifold(case, rng):
    # Many points, so that some lie beside the seams of the coordinates.
    manifold = case.make()
    X, moved = near(manifold, 1e-3, 4000, rng)
    assert (manifold.distance(X) <= moved + 1e-12).all()


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("minor_radius", [0.4, 0.9])
def test_klein_bottle_finds_the_deepest_valley(noise, minor_radius, rng):
    manifold = KleinBottle(1.0, minor_radius)
    X, _ = near(manifold, noise, 1000, rng)
    about = np.linspace(0, TURN, 1801)
    # The distance to a circle of the tube, in closed form.
    along = np.outer(X[:, 0], np.cos(about)) + np.outer(X[:, 1], np.sin(about))
    side = np.outer(X[:, 2], np.cos(about / 2)) + np.outer(X[:, 3], np.sin(about / 2))
    in_plane = np.hypot(along - 1, side) - minor_radius
    off_plane = (X**2).sum(axis=1)[:, None] - along**2 - side**2
    least = np.sqrt((in_plane**2 + off_plane).clip(0).min(axis=1))
    assert (manifold.distance(X) <= least + 1e-7).all()


@pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
def test_flat_torus_finds_the_deepest_valley(noise, rng):
    manifold = CurvedFlatTorus(1, n_features=6)
    X, _ = near(manifold, noise, 1000, rng)
    nodes = manifold.embed(np.linspace(0, TURN, 1801)[:, None])
    assert (manifold.distance(X) <= cdist(X, nodes).min(axis=1) + 1e-9).all()


def test_projection_of_long_input_is_that_of_its_parts(rng):
    manifold = CurvedFlatTorus(1, n_features=6)
    X, _ = near(manifold, 0.1, 4100, rng)
    parts = np.vstack([manifold.project(part) for part in np.array_split(X, 3)])
    np.testing.assert_allclose(manifold.project(X), parts, rtol=0, atol=1e-12)


def test_roll_ends_at_its_edges():
    roll = SwissRoll()
    ends = [[1.5 * np.pi, 0.0], [4.5 * np.pi, 21.0], [4.5 * np.pi, 21.0]]
    moved = np.array([[0, -3, 0], [0, 4, 0], [0, 4, 3]])
    distance = roll.distance(roll.embed(ends) + moved)
    np.testing.assert_allclose(distance, [3, 4, 5], rtol=1e-6)


# Laws


@every_manifold
def test_uniform_draws_have_the_marginals_of_volume(case):
    X = case.make("irregular").sample_uniform(N_DRAWS, random_state=0)
    for name, (statistic, cdf) in case.marginals.items():
        assert kstest(statistic(X), cdf).pvalue > FALSE_ALARMS, name


def test_klein_bottle_is_uniform_around_its_tube():
    # A wide tube, where the turning of its circles adds much area.
    X = KleinBottle(1.0, 0.9).sample_uniform(N_DRAWS, random_state=0)
    around = bottle_around(X, 1.0)

    def area(a):
        return np.hypot(1 + 0.9 * np.cos(a), 0.45 * np.sin(a))

    assert chi_square_p(around, 0.0, TURN, area) > FALSE_ALARMS
    without_turning = chi_square_p(around, 0.0, TURN, lambda a: 1 + 0.9 * np.cos(a))
    assert without_turning < 1e-10


@every_manifold
def test_the_uniform_law_is_that_of_sample_uniform(case):
    manifold = case.make()
    np.testing.assert_array_equal(
        manifold.sample(50, random_state=1), manifold.sample_uniform(50, random_state=1)
    )


@every_manifold
def test_the_irregular_law_has_its_density_and_is_not_uniform(case):
    angle = case.angle(case.make("irregular").sample(N_DRAWS, random_state=0))

    def density(a):
        return case.angle_density(a) * (0.2 + np.abs(np.sin(1.5 * a)))

    assert chi_square_p(angle, *case.angle_range, density) > FALSE_ALARMS
    assert chi_square_p(angle, *case.angle_range, case.angle_density) < 1e-10


@every_manifold
def test_draws_repeat_by_their_seed_alone(case):
    manifold = case.make("irregular")
    np.random.seed(3)
    before = np.random.get_state()[1].copy()
    X = manifold.sample(10, random_state=0)
    np.testing.assert_array_equal(X, manifold.sample(10, random_state=0))
    state = np.random.RandomState(0)
    np.testing.assert_array_equal(X, manifold.sample(10, random_state=state))
    assert (X != manifold.sample(10, random_state=state)).any()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Geodesics


def shortest_path(name, start, end, share):
    """Return coordinates along the shortest path between two coordinates."""
    share = share[:, None]
    if name.startswith("flat torus"):
        return start + share * ((end - start + np.pi) % TURN - np.pi)
    if name == "swiss roll":
        angles = np.linspace(1.5 * np.pi, 4.5 * np.pi, 100_001)
        lengths = spiral_length(angles)
        ends = spiral_length(np.array([start[0], end[0]]))
        length = ends[0] + share[:, 0] * (ends[1] - ends[0])
        across = start[1] + share[:, 0] * (end[1] - start[1])
        return np.column_stack([np.interp(length, lengths, angles), across])
    if name == "rotations":
        end = end * np.sign(start @ end)
    angle = np.arccos(start @ end)
    return (np.sin((1 - share) * angle) * start + np.sin(share * angle) * end) / np.sin(
        angle
    )


@every_geodesic
def test_geodesic_is_the_sum_of_small_steps(name, rng):
    manifold = CASES[name].make()
    t = manifold.sample_coordinates(8, rng)
    for start, end in zip(t[:4], t[4:], strict=True):
        path = manifold.embed(
            shortest_path(name, start, end, np.linspace(0, 1, 1001)),
        )
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
        geodesic = manifold.geodesic(path[:1], path[-1:])
        np.testing.assert_allclose(geodesic, steps, rtol=1e-4)


@every_geodesic
def test_geodesic_is_a_metric_and_at_least_the_chord(name, rng):
    manifold = CASES[name].make()
    X, Y, Z = (manifold.sample(500, rng) for _ in range(3))
    between = manifold.geodesic(X, Y)
    assert between.shape == (500,)
    np.testing.assert_allclose(between, manifold.geodesic(Y, X), atol=1e-6)
    np.testing.assert_allclose(manifold.geodesic(X, X), 0, atol=1e-6)
    detour = manifold.geodesic(X, Z) + manifold.geodesic(Z, Y)
    assert (between <= detour + 1e-6).all()
    assert (between >= np.linalg.norm(X - Y, axis=1) - 1e-6).all()


@every_geodesic
def test_geodesic_of_near_points_is_the_chord(name, rng):
    manifold = CASES[name].make()
    X = manifold.sample(200, rng)
    Y = manifold.project(X + 1e-3 * rng.normal(size=X.shape))
    chord = np.linalg.norm(X - Y, axis=1)
    np.testing.assert_allclose(manifold.geodesic(X, Y), chord, rtol=1e-4, atol=1e-7)


def test_longest_geodesics():
    pole = [[0.0, 0.0, 2.0]]
    sphere = Sphere(2, radius=2.0).geodesic(pole, [[0.0, 0.0, -2.0]])
    np.testing.assert_allclose(sphere, 2 * np.pi)
    half_turn = RotationGroup().geodesic(
        np.eye(3).reshape(1, 9), np.diag([1.0, -1, -1]).reshape(1, 9)
    )
    np.testing.assert_allclose(half_turn, np.sqrt(2) * np.pi)
    torus = CurvedFlatTorus()
    ends = torus.embed([[0.0, 1.0], [np.pi, 1.0 + np.pi]])
    far = torus.geodesic(ends[:1], ends[1:])
    np.testing.assert_allclose(far, np.sqrt(2) * np.pi, rtol=1e-6)


# Degenerate and bad input


@every_manifold
@pytest.mark.parametrize("factor", [0.0, 1e-300, 1e-30, 1e30])
def test_extreme_points_have_projections(case, factor, rng):
    manifold = case.make()
    X = factor * rng.normal(size=(20, manifold.n_features))
    projected = manifold.project(X)
    np.testing.assert_allclose(case.residual(projected), 0, atol=1e-12)
    assert np.isfinite(manifold.distance(X)).all()


@pytest.mark.parametrize(
    ("manifold", "point", "expected"),
    [
        (Circle(), [0, 0], 1),
        (Sphere(3, radius=2.0), [0, 0, 0, 0], 2),
        (Torus(1.0, 0.3), [0, 0, 0], 0.7),
        (Torus(1.0, 0.3), [0, 0, 2], np.sqrt(5) - 0.3),
        (Torus(1.0, 0.3), [0, 1, 0], 0.3),
        (SwissRoll(), [0, 10, 0], 1.5 * np.pi),
        (RotationGroup(), [0] * 9, np.sqrt(3)),
        (RotationGroup(), [-1, 0, 0, 0, -1, 0, 0, 0, -1], 2),
        (RotationGroup(), [1, 0, 0, 0, 1, 0, 0, 0, -1], 2),
        (RotationGroup(), [5, 0, 0, 0, 0, 0, 0, 0, 0], np.sqrt(16 + 2)),
        (KleinBottle(1.0, 0.4), [0, 0, 0, 0], 0.6),
        (KleinBottle(1.0, 0.4), [0, 0, 2, 0], np.sqrt(5) - 0.4),
        (KleinBottle(1.0, 0.4), [0, -1, 0, 0], 0.4),
        (CurvedFlatTorus(1), [0] * 50, np.sqrt(21 / 41)),
        (CurvedFlatTorus(2), [0] * 50, np.sqrt(42 / 41)),
    ],
)
def test_points_with_many_nearest_ones(manifold, point, expected):
    np.testing.assert_allclose(manifold.distance([point]), expected, rtol=1e-9)
    nearest = manifold.project([point])
    assert np.isfinite(nearest).all()
    assert manifold.distance(nearest) < 1e-6


@every_manifold
@pytest.mark.parametrize("n_samples", [0, -1, 2.5, True, "3", None])
def test_bad_numbers_of_samples_are_named(case, n_samples):
    manifold = case.make()
    for draw in (manifold.sample, manifold.sample_uniform, manifold.sample_coordinates):
        with pytest.raises(ValueError, match="n_samples"):
            draw(n_samples)


@every_manifold
def test_bad_points_are_named(case):
    manifold = case.make()
    X = manifold.sample(2, random_state=0)
    wide = np.column_stack([X, X[:, 0]])
    broken = X.copy()
    broken[0, 0] = np.nan
    for ask in (manifold.project, manifold.distance):
        with pytest.raises(ValueError, match=r"X has \d+ features, but"):
            ask(wide)
        with pytest.raises(ValueError, match="Input X contains NaN"):
            ask(broken)
        with pytest.raises(ValueError, match="1D array"):
            ask(X[0])


@every_geodesic
def test_bad_points_of_geodesics_are_named(name):
    manifold = CASES[name].make()
    X = manifold.sample(2, random_state=0)
    with pytest.raises(ValueError, match=r"X has \d+ features"):
        manifold.geodesic(X[:, 1:], X)
    with pytest.raises(ValueError, match=r"Y has \d+ features"):
        manifold.geodesic(X, X[:, 1:])
    with pytest.raises(ValueError, match="Input Y contains NaN"):
        manifold.geodesic(X, X * np.nan)


@every_manifold
@pytest.mark.parametrize("law", ["normal", None, 1])
def test_bad_laws_are_named(case, law):
    with pytest.raises(ValueError, match="law="):
        case.make(law)


@pytest.mark.parametrize("bad", [0, -1.0, np.nan, np.inf, "1", None])
def test_bad_radii_are_named(bad):
    for kind in (Circle, Sphere):
        with pytest.raises(ValueError, match="radius="):
            kind(radius=bad)
    for kind in (Torus, KleinBottle):
        for name in ("major_radius", "minor_radius"):
            with pytest.raises(ValueError, match=f"{name}="):
                kind(**{name: bad})
        with pytest.raises(ValueError, match=r"minor_radius=1\.0 must be below"):
            kind(1.0, 1.0)


@pytest.mark.parametrize("bad", [0, -1, 1.5, True, "1", None])
def test_bad_dimensions_are_named(bad):
    for kind in (Sphere, CurvedFlatTorus):
        with pytest.raises(ValueError, match="intrinsic_dim="):
            kind(bad)
    with pytest.raises(ValueError, match="n_features="):
        CurvedFlatTorus(1, n_features=bad)
    with pytest.raises(ValueError, match=r"n_features=11 .* at least 12"):
        CurvedFlatTorus(2, n_features=11)


# The functions in the style of scikit-learn

MAKERS = {
    "circle": (make_circle, Circle(), 2),
    "sphere": (make_sphere, Sphere(), 3),
    "swiss roll": (make_swiss_roll, SwissRoll(), 2),
    "torus": (make_torus, Torus(), 2),
    "rotations": (make_rotations, RotationGroup(), 4),
    "flat torus": (make_curved_flat_torus, CurvedFlatTorus(), 2),
    "klein bottle": (make_klein_bottle, KleinBottle(), 2),
}
every_maker = pytest.mark.parametrize(
    ("make", "manifold", "n_coordinates"), MAKERS.values(), ids=MAKERS
)


@every_maker
@pytest.mark.parametrize("law", ["uniform", "irregular"])
def test_makers_return_points_and_their_coordinates(make, manifold, n_coordinates, law):
    X, t = make(60, law=law, random_state=0)
    assert X.shape == (60, manifold.n_features)
    assert t.shape == (60, n_coordinates)
    np.testing.assert_array_equal(manifold.embed(t), X)
    again = make(60, law=law, random_state=0)
    np.testing.assert_array_equal(again[0], X)
    np.testing.assert_array_equal(again[1], t)
    assert (make(60, law=law, random_state=1)[0] != X).any()
    assert len(make(random_state=0)[0]) == 100


@every_maker
def test_makers_add_normal_noise(make, manifold, n_coordinates):
    X, t = make(4000, noise=0.1, random_state=0)
    noise = ((X - manifold.embed(t)) / 0.1).ravel()
    assert kstest(noise, "norm").pvalue > FALSE_ALARMS


@every_maker
@pytest.mark.parametrize("noise", [-0.1, np.nan, np.inf, "0.1", None])
def test_makers_name_bad_noise(make, manifold, n_coordinates, noise):
    with pytest.raises(ValueError, match="noise="):
        make(10, noise=noise)


@every_maker
def test_makers_name_other_bad_parameters(make, manifold, n_coordinates):
    with pytest.raises(ValueError, match="n_samples=0"):
        make(0)
    with pytest.raises(ValueError, match="law='normal'"):
        make(10, law="normal")


@pytest.mark.parametrize("intrinsic_dim", [1, 3])
def test_makers_of_any_dimension(intrinsic_dim):
    X, t = make_sphere(5, intrinsic_dim=intrinsic_dim, random_state=0)
    assert X.shape == t.shape == (5, intrinsic_dim + 1)
    X, t = make_curved_flat_torus(5, intrinsic_dim=intrinsic_dim, random_state=0)
    assert X.shape == (5, 50)
    assert t.shape == (5, intrinsic_dim)
