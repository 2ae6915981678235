"""The last layer that projects onto a manifold: when it is fitted, what it gives."""

import pickle

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.base import clone
from torch import nn

import manidiff
from manidiff import CoarseScoreDiffusion, _freezing
from manidiff.nets import ResidualMLP

BRIEF = {"max_iter": 300, "width": 48, "depth": 2, "random_state": 0}
MODEST = {"max_iter": 1000, "width": 64, "depth": 2, "random_state": 0}
SMALL = {"max_iter": 20, "width": 16, "depth": 1, "random_state": 0}


def make_circle(n_samples, seed=0):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def off_circle(rows):
    return np.abs(np.linalg.norm(rows, axis=1) - 1)


@pytest.fixture(scope="module")
def X():
    return make_circle(300)


@pytest.fixture(scope="module")
def fitted(X):
    return CoarseScoreDiffusion(**MODEST).fit(X)


@pytest.fixture(scope="module")
def drawn(fitted):
    return fitted.sample(2000, random_state=0)


def test_draws_are_closer_to_the_manifold(X, fitted, drawn):
    tweedie = CoarseScoreDiffusion(final_step="tweedie", **MODEST).fit(X)
    assert (fitted.final_step_, tweedie.final_step_) == ("least_squares", "tweedie")
    before = off_circle(tweedie.sample(2000, random_state=0))
    assert np.median(off_circle(drawn)) < np.median(before) / 2


def test_no_draw_strays(drawn):
    assert off_circle(drawn).max() < 0.01


def test_draws_are_new_and_all_around(X, fitted, drawn):
    nearest = cdist(drawn, X).min(axis=1)
    assert (nearest < 1e-3 * fitted.nn_distance_).mean() < 0.05
    octants = np.histogram(np.arctan2(drawn[:, 1], drawn[:, 0]), 8)[0]
    assert octants.min() > 100


def test_projections_and_scores_know_it(X, fitted):
    rng = np.random.default_rng(0)
    shift = 0.2 * fitted.nn_distance_ * rng.normal(size=(len(X), 1))
    projected = fitted.project(X * (1 + shift))
    assert np.median(off_circle(projected)) < 2e-3
    assert fitted.score(X) > fitted.score(1.02 * X)


def test_it_survives_pickles_and_files(X, fitted, tmp_path):
    fitted.save(tmp_path / "circle.manidiff")
    copies = [
        pickle.loads(pickle.dumps(fitted)),
        manidiff.load(tmp_path / "circle.manidiff"),
    ]
    for copy in copies:
        assert copy.final_step_ == "least_squares"
        np.testing.assert_array_equal(
            copy.sample(20, random_state=0), fitted.sample(20, random_state=0)
        )


def test_a_file_whose_layer_fits_no_network_is_refused(X, tmp_path):
    model = CoarseScoreDiffusion(**SMALL).fit(X)
    model._last_layer = model._last_layer[1:]
    with pytest.raises(ValueError, match="17 where others have 16"):
        model.save(tmp_path / "model.manidiff")


@pytest.mark.parametrize("coarseness", [0.5, 2.0])
def test_it_serves_at_a_given_coarseness(X, coarseness):
    model = CoarseScoreDiffusion(coarseness=coarseness, **BRIEF).fit(X)
    assert model.final_step_ == "least_squares"
    assert model.sigma_c_ == pytest.approx(coarseness * model.nn_distance_)
    assert np.median(off_circle(model.sample(500, random_state=0))) < 1e-3


def test_it_is_left_out_where_the_rows_show_no_more_than_the_network_knows():
    rng = np.random.default_rng(0)
    blurred = make_circle(300) + 1e-2 * rng.normal(size=(300, 2))
    for rows in (blurred, rng.normal(size=(300, 4))):
        model = CoarseScoreDiffusion(**SMALL).fit(rows)
        assert model.final_step_ != "least_squares"
        assert model._last_layer is None


def test_many_rows_stand_for_themselves(X, monkeypatch):
    monkeypatch.setattr(_freezing, "_MAX_REFITTED", 200)
    model = CoarseScoreDiffusion(**MODEST).fit(X)
    assert model.final_step_ == "least_squares"
    # .07e-3 to .15e-3 over five seeds. After 300 steps it depends on the seed.
    assert np.median(off_circle(model.sample(500, random_state=0))) < 3e-4


def test_it_is_left_out_at_coarseness_zero(X):
    model = CoarseScoreDiffusion(coarseness=0, **SMALL).fit(X)
    assert model.final_step_ != "least_squares"


class Wrapped(nn.Module):
    """A network that shows nothing but its outputs."""

    def __init__(self, *shape):
        super().__init__()
        self.network = ResidualMLP(*shape, width=16, depth=1)

    def forward(self, **inputs):
        return self.network(**inputs)


class Showing(Wrapped):
    """One that shows what its last layer is given."""

    def last_hidden(self, **inputs):
        return self.network.last_hidden(**inputs)


@pytest.mark.parametrize(("module", "serves"), [(Wrapped, False), (Showing, True)])
def test_a_module_decides_by_showing_its_features(X, module, serves):
    model = CoarseScoreDiffusion(module=module, **SMALL).fit(X)
    assert (model.final_step_ == "least_squares") == serves
    assert np.isfinite(model.sample(20, random_state=0)).all()


def test_conditions_reach_it():
    rows = np.vstack([make_circle(200), 3 * make_circle(200, seed=1)])
    labels = np.repeat(["inner", "outer"], 200)
    model = CoarseScoreDiffusion(conditional=True, **BRIEF).fit(rows, labels)
    assert model.final_step_ == "least_squares"
    for label, radius in {"inner": 1, "outer": 3}.items():
        drawn = model.sample(300, y=label, random_state=0)
        norms = np.linalg.norm(drawn, axis=1)
        assert np.median(np.abs(norms - radius)) < 0.02


def test_a_stream_goes_on_without_it(X):
    model = CoarseScoreDiffusion(**SMALL).fit(X)
    assert model.final_step_ == "least_squares"
    few = clone(model).fit(X).partial_fit(make_circle(100, seed=1))
    many = clone(model).fit(X).partial_fit(make_circle(600, seed=1))
    for later in (few, many):
        assert later.final_step_ in ("tweedie", "richardson")
        assert later._last_layer is None
