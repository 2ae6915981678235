"""Coverage at (delta, c) and its resolution against loops and known faults."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manidiff.datasets import Circle, RotationGroup, Torus
from manidiff.metrics import coverage_resolution, mass_coverage

TRAINING = [[99.0]]


@pytest.fixture
def rng():
    return np.random.RandomState(0)


def loop(generated, true, delta, c, centers=None):
    """Return the coverage by its definition, one ball at a time."""
    covered = 0
    middles = true if centers is None else centers
    for index, middle in enumerate(middles):
        others = np.delete(true, index, axis=0) if centers is None else true
        mass = np.mean([np.linalg.norm(row - middle) <= delta for row in others])
        found = np.mean([np.linalg.norm(row - middle) <= delta for row in generated])
        covered += mass > 0 and found >= c * mass
    return covered / len(middles)


def test_line_by_hand():
    heldout = [[0.0], [1.0], [2.0], [10.0]]
    generated = [[0.0], [0.0], [9.0], [9.0]]
    sets = (generated, TRAINING, heldout)
    # Of 3 others: 1 about 0, 2 about 1, 1 about 2, none about 10.
    # Of 4 generated: 2 about 0, 2 about 1, none about 2, 2 about 10.
    assert mass_coverage(*sets, delta=1.0, c=0.5) == 0.5
    assert mass_coverage(*sets, delta=1.0, c=0.8) == 0.25
    assert mass_coverage(*sets, delta=0.5) == 0  # no held-out row in any ball
    assert mass_coverage(*sets, delta=20.0, c=1.0) == 1
    # About given middles all four held-out rows count.
    at = {"centers": [[0.5], [9.5]], "delta": 0.5}
    assert mass_coverage(*sets, **at, c=1.0) == 1
    assert mass_coverage([[0.0], [1.0]], TRAINING, heldout, **at) == 0.5


@pytest.mark.parametrize("n_features", [1, 3, 20])
def test_coverage_is_that_of_loops(n_features, rng):
    generated = 1.2 * rng.normal(size=(45, n_features)) + 0.2
    heldout = rng.normal(size=(60, n_features))
    centers = rng.normal(size=(20, n_features))
    training = np.zeros((1, n_features))
    delta = np.quantile(cdist(heldout, heldout), 0.1)
    for c in (0.3, 0.5, 1.0):
        found = mass_coverage(generated, training, heldout, delta=delta, c=c)
        assert found == loop(generated, heldout, delta, c)
        found = mass_coverage(
            generated, training, heldout, delta=delta, c=c, centers=centers
        )
        assert found == loop(generated, heldout, delta, c, centers)


@pytest.mark.parametrize("share", [0.5, 0.95])
@pytest.mark.parametrize("manifold", [Circle(), Torus()], ids=["circle", "torus"])
def test_resolution_is_the_first_radius_that_covers(manifold, share):
    sets = [manifold.sample(200, random_state=seed) for seed in range(3)]
    found = coverage_resolution(*sets, share=share, random_state=0).resolution
    assert mass_coverage(*sets, delta=found) >= share
    # Below it, at the radii that were tried, it does not cover.
    nearest = np.sort(cdist(sets[2], sets[2]), axis=1)[:, 1]
    lowest = np.sort(nearest)[int(np.ceil(share * 200)) - 1]
    tried = lowest * 1.25 ** np.arange(40)
    for delta in [*tried[tried < found], found / 1.011]:
        assert mass_coverage(*sets, delta=delta) < share


def test_the_truth_itself_is_covered_from_its_own_spacing_on(rng):
    heldout = rng.uniform(size=(100, 2))
    found = coverage_resolution(heldout, heldout[:3] + 1, heldout, c=1.0, share=1.0)
    nearest = np.sort(cdist(heldout, heldout), axis=1)[:, 1]
    np.testing.assert_allclose(found.resolution, nearest.max())


def test_resolution_finds_the_size_of_a_hole(rng):
    # A disc of radius 0.2 is left out; middles in it see rows from its rim on.
    heldout, generated = rng.uniform(-1, 1, size=(2, 20_000, 2))
    kept = generated[np.linalg.norm(generated, axis=1) > 0.2]
    middle = np.zeros((1, 2))
    found = coverage_resolution(kept, middle, heldout, c=0.5, centers=middle)
    # (delta^2 - hole^2) / (delta^2 (1 - share of the hole)) reaches one half.
    exact = 0.2 / np.sqrt(1 - 0.5 * (1 - np.pi * 0.04 / 4))
    np.testing.assert_allclose(found.resolution, exact, rtol=0.05)


@pytest.mark.parametrize(
    "manifold",
    [Torus(), Torus(law="irregular"), RotationGroup()],
    ids=["torus", "irregular", "rotations"],
)
@pytest.mark.parametrize("c", [0.5, 0.8])
def test_the_floor_is_what_fresh_rows_score(manifold, c):
    found = []
    for seed in range(12):
        rng = np.random.RandomState(seed)
        sets = [manifold.sample(400, rng) for _ in "abc"]
        found.append(coverage_resolution(*sets, c=c, random_state=rng))
    resolution, floor = np.mean(found, axis=0)
    # Four standard errors of the mean over runs, and what the approximation costs.
    error = 4 * np.std(found, axis=0)[0] / np.sqrt(12) + 0.05 * floor
    assert abs(resolution - floor) < error < 0.5 * floor


def test_copies_are_coarser_than_fresh_rows_where_the_truth_is_known():
    torus = Torus()
    training, centers = (torus.sample(200, random_state=seed) for seed in (0, 1))
    truth, fresh = (torus.sample(20_000, random_state=seed) for seed in (2, 3))
    copies = np.repeat(training, 100, axis=0)
    of_fresh, of_copies = (
        coverage_resolution(rows, training, truth, centers=centers, random_state=0)
        for rows in (fresh, copies)
    )
    assert abs(of_fresh.resolution / of_fresh.floor - 1) < 0.3
    assert of_copies.resolution > 4 * of_copies.floor
    # More copies do not help, more fresh rows do.
    fewer = coverage_resolution(
        fresh[:2000], training, truth, centers=centers, random_state=0
    )
    assert fewer.resolution > 2 * of_fresh.resolution


def test_equal_rows_have_a_resolution():
    ones, fours = np.ones((20, 2)), np.full((20, 2), 4.0)
    assert coverage_resolution(ones, fours, ones) == (0.0, 0.0)
    moved = coverage_resolution(fours, ones[:1] - 9, ones)
    np.testing.assert_allclose(moved.resolution, np.sqrt(18), rtol=0.011)
    # Two values, of which one is missed; its rows are covered by balls of length 1.
    coins = np.repeat([[0.0], [1.0]], 50, axis=0)
    missed = coverage_resolution(coins[:50], [[9.0]], coins, c=0.5)
    np.testing.assert_allclose(missed.resolution, 1.0, rtol=0.011)
    assert missed.floor < 1e-6
    both = coverage_resolution(coins, [[9.0]], coins, c=0.5)
    assert both.resolution < 1e-6


def test_middles_are_chosen_by_the_seed(rng):
    generated, heldout = rng.uniform(size=(2, 700, 2))
    training = np.zeros((1, 2))

    def found(seed):
        return mass_coverage(
            generated, training, heldout, delta=0.05, random_state=seed
        )

    assert found(0) == found(0)
    assert len({found(seed) for seed in range(5)}) > 1
    assert len({coverage_at_most_500(generated, heldout, seed) for seed in (0, 1)}) == 1


def coverage_at_most_500(generated, heldout, seed):
    return mass_coverage(
        generated, np.zeros((1, 2)), heldout[:500], delta=0.05, random_state=seed
    )


@pytest.mark.parametrize("value", [0, -0.5, 1.5, np.nan])
@pytest.mark.parametrize("name", ["c", "share"])
def test_bad_shares_are_named(name, value, rng):
    sets = rng.normal(size=(3, 20, 2))
    with pytest.raises(ValueError, match=f"{name}={value!r} must be above 0"):
        coverage_resolution(*sets, **{name: value})
    if name == "c":
        with pytest.raises(ValueError, match="c="):
            mass_coverage(*sets, delta=1.0, c=value)


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_bad_radii_are_named(delta, rng):
    with pytest.raises(ValueError, match="must be a finite radius"):
        mass_coverage(*rng.normal(size=(3, 20, 2)), delta=delta)


def test_bad_middles_are_named(rng):
    sets = rng.normal(size=(3, 20, 2))
    with pytest.raises(ValueError, match="centers has 3 features, but the sets have 2"):
        coverage_resolution(*sets, centers=np.zeros((4, 3)))
    with pytest.raises(ValueError, match="Input centers contains NaN"):
        coverage_resolution(*sets, centers=np.full((4, 2), np.nan))


@pytest.mark.parametrize("n_features", [2, 30])
def test_trees_and_distances_count_alike(n_features, monkeypatch):
    generated, training, heldout = np.random.RandomState(0).normal(
        size=(3, 300, n_features)
    )
    sets = (1.1 * generated, training, heldout)
    found = coverage_resolution(*sets, random_state=0)
    shares = [mass_coverage(*sets, delta=delta, random_state=0) for delta in (1, 6)]
    monkeypatch.setattr("manidiff.metrics._mass_coverage._MAX_ENTRIES", 1)
    assert coverage_resolution(*sets, random_state=0) == pytest.approx(found)
    for delta, share in zip((1, 6), shares, strict=True):
        assert mass_coverage(*sets, delta=delta, random_state=0) == share
