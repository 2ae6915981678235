"""Learning from rows that come in parts."""

import numpy as np
import pytest
import torch

import manidiff
from manidiff import CoarseScoreDiffusion
from manidiff.diffusion.noised_draws import NoisedDraws
from manidiff.exceptions import NonFiniteLossError

SMALL = {"width": 32, "depth": 2, "random_state": 0}
QUICK = {
    **{"width": 8, "depth": 1, "batch_size": 32, "random_state": 0},
    **{"coarseness": 0.5, "final_step": "tweedie"},
}


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


@pytest.mark.parametrize("n_copies", [4, 10])
def test_copies_of_rows_do_not_change_their_spacing(rng, n_copies):
    X = np.repeat(make_circle(200, rng), n_copies, axis=0)
    streamed = CoarseScoreDiffusion(**QUICK).partial_fit(X)
    fitted = CoarseScoreDiffusion(max_iter=1, **QUICK).fit(X)
    assert streamed.nn_distance_ == pytest.approx(fitted.nn_distance_, rel=1e-9)


def test_a_table_of_few_different_rows_is_learned(rng):
    X = rng.integers(0, 2, size=(2000, 4)).astype(np.int8)
    streamed = CoarseScoreDiffusion(**QUICK).partial_fit(X)
    fitted = CoarseScoreDiffusion(max_iter=1, **QUICK).fit(X)
    assert streamed.nn_distance_ == pytest.approx(fitted.nn_distance_, rel=1e-9)
    assert np.isfinite(streamed.sample(5, random_state=0)).all()


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
    model = CoarseScoreDiffusion(conditional=True, scaling="feature", **SMALL)
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


# What fails, or is interrupted, changes nothing


class Interrupted(torch.nn.Module):
    """Can be told in which of its next calls the user presses Ctrl-C."""

    calls_left = 0

    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.linear = torch.nn.Linear(n_features, n_features)

    def forward(self, inputs, noise):
        if self.training and Interrupted.calls_left:
            Interrupted.calls_left -= 1
            if Interrupted.calls_left == 0:
                raise KeyboardInterrupt
        return self.linear(inputs)


def all_of(model):
    weights = model.net_.module_.state_dict()
    kept = {name: weight.clone() for name, weight in weights.items()}
    return {**vars(model)}, kept


def assert_is_as_before(model, before):
    attributes, weights = before
    assert vars(model) == attributes
    for name, weight in model.net_.module_.state_dict().items():
        assert torch.equal(weight, weights[name]), name


@pytest.mark.parametrize(("n_rows", "n_calls"), [(100, 50), (600, 1), (600, 100)])
def test_an_interrupted_part_changes_nothing(rng, n_rows, n_calls, monkeypatch):
    settings = {"module": Interrupted, "batch_size": 32, "random_state": 0}
    model = CoarseScoreDiffusion(**settings).partial_fit(make_circle(600, rng))
    before, drawn = all_of(model), model.sample(5, random_state=0)
    monkeypatch.setattr(Interrupted, "calls_left", n_calls)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(make_circle(n_rows, rng))
    assert_is_as_before(model, before)
    np.testing.assert_array_equal(model.sample(5, random_state=0), drawn)
    assert model.partial_fit(make_circle(n_rows, rng)).history_[-1]["n_iter"] == 200


def test_a_part_on_which_training_diverges_changes_nothing(rng):
    model = CoarseScoreDiffusion(**QUICK).partial_fit(make_circle(600, rng))
    model.set_params(learning_rate=1e30)
    before = all_of(model)
    with pytest.raises(NonFiniteLossError):
        model.partial_fit(make_circle(600, rng))
    assert_is_as_before(model, before)
    assert np.isfinite(model.sample(5, random_state=0)).all()


def test_what_fails_after_training_changes_nothing(rng, monkeypatch):
    model = CoarseScoreDiffusion(**QUICK).partial_fit(make_circle(600, rng))
    before = all_of(model)

    def fail(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(CoarseScoreDiffusion, "_freeze", fail)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(make_circle(600, rng))
    assert_is_as_before(model, before)


def test_a_first_part_that_fails_fixes_nothing(rng):
    model = CoarseScoreDiffusion(**QUICK)
    with pytest.raises(ValueError, match=r"equal|distinct"):
        model.partial_fit([[1.0, 2.0], [1.0, 2.0]])
    assert vars(model).keys() == model.get_params().keys()
    assert model.partial_fit(make_circle(50, rng)[:, :1]).n_features_in_ == 1


# Chance


def noise_of_parts(model, parts, monkeypatch):
    """Return the noise levels of the batches that each part is taught by."""
    found = []
    draw = NoisedDraws.__getitems__

    def noted(draws, indices):
        batch = draw(draws, indices)
        found[-1].append(batch[0]["noise"].numpy())
        return batch

    with monkeypatch.context() as patch:
        patch.setattr(NoisedDraws, "__getitems__", noted)
        for part in parts:
            found.append([])
            model.partial_fit(part)
    return [np.concatenate(batches) for batches in found]


def test_every_part_draws_noise_of_its_own(rng, monkeypatch, tmp_path):
    parts = [make_circle(100, rng) for _ in range(4)]
    model = CoarseScoreDiffusion(**QUICK)
    noise = noise_of_parts(model, parts[:3], monkeypatch)
    model.save(tmp_path / "model")
    loaded = manidiff.load(tmp_path / "model")
    noise += noise_of_parts(loaded, parts[3:], monkeypatch)
    # Levels are real numbers: two of different draws are never equal.
    for i, one in enumerate(noise):
        for other in noise[:i]:
            assert (one != other).mean() > 0.99
    (again,) = noise_of_parts(model, parts[3:], monkeypatch)
    np.testing.assert_array_equal(again, noise[3])


# Parameters that were set anew


def test_conditional_cannot_change_between_parts(rng):
    X, labels = make_circle(60, rng), np.arange(60) % 2
    model = CoarseScoreDiffusion(**QUICK).partial_fit(X)
    with pytest.raises(ValueError, match="fitted with conditional=False"):
        model.set_params(conditional=True).partial_fit(X, labels)
    model = CoarseScoreDiffusion(conditional=True, **QUICK).partial_fit(X, labels)
    with pytest.raises(ValueError, match="fitted with conditional=True"):
        model.set_params(conditional=False).partial_fit(X)
