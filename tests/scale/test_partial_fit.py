"""Learning from rows that come in parts."""

import numpy as np
import pytest
import torch

import manidiff
from manidiff import CoarseScoreDiffusion

SMALL = {"width": 32, "depth": 2, "random_state": 0}


def make_circle(n_samples, rng, start=0.0, stop=2 * np.pi):
    angle = rng.uniform(start, stop, n_samples)
    return 5 + np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_parts_teach_what_all_of_them_hold(rng):
    model = CoarseScoreDiffusion(**SMALL)
    off = []
    for _ in range(6):
        model.partial_fit(make_circle(600, rng))
        drawn = model.sample(500, random_state=0)
        off.append(np.abs(np.linalg.norm(drawn - 5, axis=1) - 1).mean())
    assert off[-1] < 0.03
    assert off[-1] < off[0] / 2
    quadrant = (drawn > 5) @ [1, 2]
    shares = np.bincount(quadrant, minlength=4) / 500
    np.testing.assert_allclose(shares, 0.25, atol=0.08)


def test_what_the_first_part_fixes_stays(rng):
    model = CoarseScoreDiffusion(**SMALL).partial_fit(make_circle(600, rng))
    scale, center = model.scaling_.scale.copy(), model.scaling_.center.copy()
    spacing, widest = model.nn_distance_, model.sigma_max_
    before = model.sample(50, random_state=0)
    model.partial_fit(3 * make_circle(700, rng) + 10)
    np.testing.assert_array_equal(model.scaling_.scale, scale)
    np.testing.assert_array_equal(model.scaling_.center, center)
    assert (model.nn_distance_, model.sigma_max_) == (spacing, widest)
    assert not np.allclose(before, model.sample(50, random_state=0))


def test_history_and_steps_go_on(rng):
    model = CoarseScoreDiffusion(**SMALL)
    for _ in range(3):
        model.partial_fit(make_circle(50, rng))
    assert [record["n_iter"] for record in model.history_] == [100, 200, 300]
    assert [record["epoch"] for record in model.history_] == [1, 2, 3]


def test_the_first_part_sets_the_moments_that_fit_sets(rng):
    X = rng.standard_t(5, size=(800, 3)) @ rng.normal(size=(3, 3))
    weight = rng.uniform(0, 2, 800)
    streamed = CoarseScoreDiffusion(**SMALL).partial_fit(X, sample_weight=weight)
    fitted = CoarseScoreDiffusion(max_iter=1, **SMALL).fit(X, sample_weight=weight)
    for name in ("center", "scale"):
        np.testing.assert_allclose(
            getattr(streamed.scaling_, name), getattr(fitted.scaling_, name), rtol=1e-9
        )
    torch.testing.assert_close(streamed.gaussian_.variances, fitted.gaussian_.variances)
    assert streamed.nn_distance_ == pytest.approx(fitted.nn_distance_, rel=1e-9)
    assert streamed.sigma_max_ == pytest.approx(fitted.sigma_max_, rel=1e-9)


def test_parts_repeat_for_a_fixed_seed_and_leave_global_generators_alone(rng):
    parts = [make_circle(40, rng) for _ in range(2)]
    drawn, state = [], torch.get_rng_state()
    for _ in range(2):
        model = CoarseScoreDiffusion(**SMALL)
        for part in parts:
            model.partial_fit(part)
        drawn.append(model.sample(5, random_state=0))
    np.testing.assert_array_equal(*drawn)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_fitted_estimator_goes_on_from_where_it_is(rng):
    model = CoarseScoreDiffusion(max_iter=50, **SMALL).fit(make_circle(100, rng))
    level = model.sigma_c_
    model.partial_fit(make_circle(1, rng))
    assert model.sigma_c_ == level
    assert model.history_[-1]["n_iter"] == 150


def test_labels_come_in_the_first_part(rng):
    X, labels = make_circle(600, rng), np.repeat(["a", "b"], 300)
    X[300:, 0] += 50
    model = CoarseScoreDiffusion(conditional=True, **SMALL)
    for _ in range(2):
        model.partial_fit(X, labels)
    assert model.sample(40, y="b", random_state=0)[:, 0].min() > 30
    model.partial_fit(X[:20], labels[:20])
    with pytest.raises(ValueError, match="not in the training data"):
        model.partial_fit(X[:2], ["a", "c"])


@pytest.mark.parametrize("part", [[[1.0, 2, 3]], [[np.nan, 1]], [[np.inf, 1]]])
def test_a_part_that_is_refused_changes_nothing(rng, part):
    model = CoarseScoreDiffusion(**SMALL).partial_fit(make_circle(30, rng))
    before = model.sample(5, random_state=0)
    with pytest.raises(ValueError, match=r"features|NaN|infinity"):
        model.partial_fit(part)
    np.testing.assert_array_equal(model.sample(5, random_state=0), before)


def test_held_out_rows_are_refused(rng):
    model = CoarseScoreDiffusion(early_stopping=True, **SMALL)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit") as raised:
        model.partial_fit(make_circle(30, rng))
    assert "early_stopping=True" in str(raised.value.__cause__)


def test_a_model_that_learned_from_parts_is_saved_and_goes_on(rng, tmp_path):
    model = CoarseScoreDiffusion(**SMALL).partial_fit(make_circle(600, rng))
    model.save(tmp_path / "model")
    loaded = manidiff.load(tmp_path / "model")
    part = make_circle(30, rng)
    drawn = [one.partial_fit(part).sample(5, random_state=0) for one in (model, loaded)]
    np.testing.assert_allclose(*drawn)
