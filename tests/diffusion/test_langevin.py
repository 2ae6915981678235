"""Uniform draws by exact projections; laws by chi-square tests at fixed seeds.

A right sampler fails a chi-square test here at one seed in a thousand; draws weighted
by their density are more even than independent ones and fail it more rarely.
"""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from manidiff.datasets import Circle, Sphere, Torus
from manidiff.diffusion.langevin import (
    _draw,
    _thin,
    choose_thickness,
    tempered_langevin,
    uniform_on_manifold,
)
from manidiff.diffusion.samplers import normal_noise

FALSE_ALARM = 1e-3


def onto(manifold):
    return lambda x: torch.from_numpy(manifold.project(x.numpy())).to(x)


def onto_line(x):
    return x * torch.tensor([1.0, 0.0, 0.0], dtype=x.dtype)


def uneven(manifold, n, seed=0):
    """Draw by a density that varies 20:1 along the first axis."""
    rng = np.random.RandomState(seed)
    X = manifold.sample_uniform(20 * n, rng)
    kept = rng.uniform(size=len(X)) < 20 ** ((X[:, 0] / X[:, 0].max() - 1) / 2)
    return torch.from_numpy(X[kept][:n])


def arcs(x, n=24):
    turns = torch.atan2(x[:, 1], x[:, 0]) / (2 * torch.pi) + 0.5
    return torch.bincount((turns * n).long().clamp(max=n - 1), minlength=n).numpy()


def circle_draws(
    n_samples=2000, seed=0, thickness=0.3, start=None, project=None, max_steps=1000
):
    return uniform_on_manifold(
        project or onto(Circle()),
        uneven(Circle(), 500) if start is None else start,
        n_samples,
        thickness=thickness,
        rng=np.random.default_rng(seed),
        max_steps=max_steps,
    )


@pytest.mark.parametrize("step_size", [0.2, 1.0])
def test_chains_forget_where_they_start(step_size):
    x = torch.tensor([[1.0, 0.0]], dtype=torch.float64).expand(4000, 2)
    noise = normal_noise(np.random.default_rng(0))
    x = tempered_langevin(
        onto(Circle()),
        x,
        thickness=0.4,
        n_steps=300,
        noise=noise,
        step_size=step_size,
    )
    assert chisquare(arcs(x)).pvalue > FALSE_ALARM
    np.testing.assert_allclose(Circle().distance(x.numpy()), 0, atol=1e-12)


@pytest.mark.parametrize("step_size", [0.1, 0.5, 1.0])
def test_thickness_and_pace_are_those_of_the_linear_recursion(step_size):
    asked = []

    def project(x):
        asked.append(x)
        return onto_line(x)

    tempered_langevin(
        project,
        torch.zeros(4000, 3, dtype=torch.float64),
        thickness=0.2,
        n_steps=60,
        noise=normal_noise(np.random.default_rng(0)),
        step_size=step_size,
    )
    spread = asked[-1].std(0)
    # Over 4000 chains, 5 % is four standard errors.
    pace = 0.2 * (60 * step_size * (2 - step_size)) ** 0.5
    np.testing.assert_allclose(spread[1:], 0.2, rtol=0.05)
    np.testing.assert_allclose(spread[0], pace, rtol=0.05)


def test_walled_chains_are_uniform_up_to_the_wall():
    noise = normal_noise(np.random.default_rng(0))
    x = tempered_langevin(
        onto_line,
        torch.zeros(4000, 3, dtype=torch.float64),
        thickness=0.4,
        n_steps=100,
        noise=noise,
        inside=lambda x: x[:, 0].abs() <= 1,
    )
    counts = np.histogram(x[:, 0], 20, (-1, 1))[0]
    assert counts.sum() == 4000
    assert chisquare(counts).pvalue > FALSE_ALARM


def test_uniform_on_the_circle_whatever_the_law_of_the_start():
    start = uneven(Circle(), 500)
    assert chisquare(arcs(start)).pvalue < 1e-50
    draws = circle_draws(start=start)
    assert draws.points.shape == (2000, 2)
    assert len(draws.points.unique(dim=0)) == 2000
    assert chisquare(arcs(draws.points)).pvalue > FALSE_ALARM


def test_uniform_on_the_sphere():
    start = uneven(Sphere(2), 800)
    draws = uniform_on_manifold(
        onto(Sphere(2)), start, 2000, thickness=0.3, rng=np.random.default_rng(0)
    )
    # By Archimedes each coordinate is uniform on [-1, 1].
    for column in draws.points.T:
        counts = np.histogram(column, 12, (-1, 1))[0]
        assert chisquare(counts).pvalue > FALSE_ALARM
    np.testing.assert_allclose(Sphere(2).distance(draws.points.numpy()), 0, atol=1e-12)


def test_uniform_in_area_on_the_torus():
    start = uneven(Torus(), 800)
    draws = uniform_on_manifold(
        onto(Torus()), start, 2000, thickness=0.1, rng=np.random.default_rng(0)
    )
    x, y, z = draws.points.T
    from_ring = torch.hypot(x, y) - 1
    outer = (from_ring > 0).double().mean()
    # The outer half has 1/2 + r / (pi R) of the area; 3 % is nearly three errors.
    assert outer == pytest.approx(0.5 + 0.3 / np.pi, abs=0.03)
    assert z.abs().max() <= 0.3 + 1e-9
    assert chisquare(arcs(draws.points, 12)).pvalue > FALSE_ALARM


def test_what_a_projection_pulls_along_the_manifold_is_put_right():
    def pulling(x):
        angle = torch.atan2(x[:, 1], x[:, 0])
        angle = angle - 0.02 * angle.sin()
        return torch.stack([angle.cos(), angle.sin()], 1)

    noise = normal_noise(np.random.default_rng(0))
    start = uneven(Circle(), 500)
    walked = tempered_langevin(pulling, start, thickness=0.2, n_steps=300, noise=noise)
    assert chisquare(arcs(walked)).pvalue < 1e-20
    draws = circle_draws(project=pulling, thickness=0.2)
    assert draws.unmet < 0.02
    assert chisquare(arcs(draws.points)).pvalue > FALSE_ALARM


def test_parts_that_no_chain_passes_between_get_their_share():
    apart = torch.tensor([5.0, 0.0], dtype=torch.float64)

    def project(x):
        right = (x[:, :1] > 2.5) * apart
        return onto(Circle())(x - right) + right

    one = uneven(Circle(), 570)
    start = torch.cat([one, one[:30] + apart])
    draws = circle_draws(project=project, start=start)
    right = float((draws.points[:, 0] > 2.5).double().mean())
    assert right == pytest.approx(0.5, abs=0.05)


def test_independent_states_are_worth_their_number():
    draws = circle_draws(thickness=3.0)
    assert draws.effective_sample_size > 0.9 * 2000


def test_chains_that_do_not_move_are_worth_their_starts():
    start = uneven(Circle(), 100)

    def nearest_start(x):
        return start[torch.cdist(x, start).argmin(1)]

    draws = circle_draws(
        project=nearest_start, start=start, thickness=1e-9, max_steps=60
    )
    assert draws.effective_sample_size <= 100
    assert draws.n_steps <= 60


def test_law_that_the_states_cannot_supply_is_told():
    def pulling(x):
        angle = torch.atan2(x[:, 1], x[:, 0])
        angle = angle - 0.2 * angle.sin()
        return torch.stack([angle.cos(), angle.sin()], 1)

    assert circle_draws(project=pulling, thickness=0.2).unmet > 0.05
    assert circle_draws(thickness=0.2).unmet < 0.01


def test_thin_chains_take_longer():
    thick = circle_draws(thickness=0.1, max_steps=200)
    thin = circle_draws(thickness=0.01, max_steps=200)
    assert thin.interval > thick.interval
    assert thin.effective_sample_size < thick.effective_sample_size


def test_draws_repeat_and_leave_global_generators_alone():
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    first, again = circle_draws(20, seed=3), circle_draws(20, seed=3)
    torch.testing.assert_close(first.points, again.points, rtol=0, atol=0)
    assert not torch.equal(first.points, circle_draws(20, seed=4).points)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept(dtype):
    start = uneven(Circle(), 200).to(dtype)
    assert circle_draws(50, start=start).points.dtype == dtype


@pytest.mark.parametrize("n_samples", [1, 7, 600])
def test_as_many_as_asked(n_samples):
    draws = circle_draws(n_samples)
    assert len(draws.points) == n_samples
    assert 0 < draws.effective_sample_size <= n_samples


@pytest.mark.parametrize(
    "start",
    [
        [[0.0, 1.0], [1.0, 0.0]],
        [[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]],
        [[0.0, 1.0]] * 30 + [[0.6, 0.8]],
    ],
)
def test_finite_from_few_or_equal_starts(start):
    draws = circle_draws(50, start=torch.tensor(start, dtype=torch.float64))
    assert draws.points.shape == (50, 2)
    assert draws.points.isfinite().all()
    assert np.isfinite(draws.effective_sample_size)


def test_a_projection_that_breaks_away_from_the_data_does_no_harm():
    def fragile(x):
        far = (x.norm(dim=1, keepdim=True) - 1).abs() > 0.5
        return torch.where(far, torch.nan, onto(Circle())(x))

    draws = circle_draws(project=fragile)
    assert draws.points.isfinite().all()
    assert chisquare(arcs(draws.points)).pvalue > FALSE_ALARM


def test_thickness_is_a_share_of_the_radius_of_curvature():
    rng = np.random.default_rng
    found = [
        choose_thickness(onto(Circle(radius)), radius * uneven(Circle(), 500), rng(0))
        for radius in (1.0, 10.0)
    ]
    assert found[1] == pytest.approx(10 * found[0])
    assert 0.05 < found[0] < 0.5
    tube = choose_thickness(onto(Torus()), uneven(Torus(), 500), rng(0))
    assert tube < found[0]


def test_flat_manifolds_have_the_largest_thickness_and_points_the_smallest():
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 3)))
    deviation = float(onto_line(x).var(0, unbiased=False).mean().sqrt())
    found = choose_thickness(onto_line, onto_line(x), np.random.default_rng(0))
    assert found == pytest.approx(deviation / 2)
    point = choose_thickness(torch.zeros_like, onto_line(x), np.random.default_rng(0))
    assert point == pytest.approx(deviation / 64)


def test_part_holds_rows_by_their_bounded_weights():
    weights = torch.tensor([100.0, 0.0, 1.0, 1.0, 2.0], dtype=torch.float64)
    rng = np.random.default_rng(0)
    counts = np.zeros(5)
    for _ in range(2000):
        chosen = _thin(weights, 3, rng)
        assert len(chosen.unique()) == 3
        counts[chosen.numpy()] += 1
    # Four standard errors of a share of one half are 0.045.
    np.testing.assert_allclose(counts / 2000, [1, 0, 0.5, 0.5, 1], atol=0.045)


def test_part_of_all_is_all():
    weights = torch.tensor([3.0, 1.0, 2.0], dtype=torch.float64)
    chosen = _thin(weights, 3, np.random.default_rng(0))
    assert sorted(chosen.tolist()) == [0, 1, 2]


def test_starts_come_as_often_as_their_weights_say():
    weights = torch.tensor([1.0, 0.0, 3.0], dtype=torch.float64)
    drawn = _draw(weights, 400, np.random.default_rng(0))
    np.testing.assert_allclose(torch.bincount(drawn), [100, 0, 300], atol=1)
