"""CoarseScoreDiffusion: what it learns, and how its training can be steered."""

import pickle

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from skorch.callbacks import Callback
from torch import nn

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    _coarse,
    _network,
)
from manidiff.exceptions import NonFiniteLossError

SMALL = {"max_iter": 20, "width": 16, "depth": 1, "batch_size": 64, "random_state": 0}
MEDIUM = {"max_iter": 400, "width": 48, "depth": 2, "random_state": 0}


def make_circle(n_samples, seed=0):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def make_table(n_samples, n_features=4, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


class Recorder(Callback):
    def __init__(self):
        self.events = []

    def on_train_begin(self, net, **kwargs):
        self.events.append("begin")

    def on_batch_end(self, net, training=False, **kwargs):
        self.events.append("batch" if training else "valid")

    def on_epoch_end(self, net, **kwargs):
        self.events.append("epoch")

    def on_train_end(self, net, **kwargs):
        self.events.append("end")


class TinyNet(nn.Module):
    def __init__(self, n_inputs, n_conditions=0):
        super().__init__()
        self.linear = nn.Linear(n_inputs + n_conditions + 1, n_inputs)

    def forward(self, inputs, noise, condition=None):
        parts = [inputs, noise[:, None]]
        if condition is not None:
            parts.append(condition)
        return self.linear(torch.cat(parts, 1))


class Diverging(nn.Module):
    def __init__(self, n_inputs, n_conditions):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_inputs))

    def forward(self, inputs, noise):
        return inputs * self.scale / torch.zeros_like(noise)[:, None]


# What it learns


def test_learns_two_truth_values_beside_correlated_numbers():
    # The Gaussian of these rows, where training begins, is all but stationary.
    rng = np.random.default_rng(0)
    x = rng.normal(size=2000)
    y = x + 0.1 * rng.normal(size=2000)
    X = np.column_stack([x, y, rng.integers(2, size=(2000, 2))])
    model = CoarseScoreDiffusion(max_iter=600, random_state=0).fit(X)
    drawn = model.sample(1000, random_state=0)
    values = drawn[:, 2:]
    assert (np.abs(values - values.round()) < 0.1).mean() > 0.95
    assert (drawn[:, 1] - drawn[:, 0]).std() == pytest.approx(0.1, rel=0.15)


def test_learns_a_gaussian():
    rng = np.random.default_rng(0)
    mix = np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.5, 0.3]])
    X, held_out = rng.normal(size=(2, 400, 3)) @ mix.T + [5, 0, -2]
    model = CoarseScoreDiffusion(**MEDIUM).fit(X)
    drawn = model.sample(2000, random_state=0)
    error = np.abs(drawn.mean(axis=0) - X.mean(axis=0)) / X.std(axis=0)
    assert error.max() < 0.15
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.corrcoef(X.T), atol=0.1)
    np.testing.assert_allclose(drawn.std(axis=0), X.std(axis=0), rtol=0.15)
    noised = np.cov(X.T) + np.diag((model.sigma_min_ * model.scaling_.scale) ** 2)
    entropy = 0.5 * np.linalg.slogdet(2 * np.pi * np.e * noised)[1]
    assert model.score(held_out[:100]) == pytest.approx(-entropy, abs=0.5)


def test_learns_a_ring_and_does_not_copy_it():
    X = make_circle(300)
    model = CoarseScoreDiffusion(**{**MEDIUM, "max_iter": 800}).fit(X)
    drawn = model.sample(1000, random_state=0)
    off = np.abs(np.linalg.norm(drawn, axis=1) - 1)
    assert np.median(off) < 0.05
    octants = np.histogram(np.arctan2(drawn[:, 1], drawn[:, 0]), 8)[0]
    assert octants.min() > 60
    copies = cdist(drawn, X).min(axis=1) < 1e-3 * model.nn_distance_
    assert copies.mean() < 0.05
    assert model.score(X[:50]) > model.score(1.5 * X[:50]) + 1


def test_a_manifold_and_a_table_are_told_apart():
    circle = CoarseScoreDiffusion(**SMALL).fit(make_circle(200))
    table = CoarseScoreDiffusion(**SMALL).fit(make_table(200, 8))
    assert circle.surface_residual_ < 0.2 < table.surface_residual_
    assert circle.training_law_ == table.training_law_ == "local"
    assert circle._noise_variances is None and table._noise_variances is not None
    assert (circle.final_step_, table.final_step_) == ("least_squares", "tweedie")
    # The parameter decides where it is given.
    given = CoarseScoreDiffusion(
        training_law="empirical", final_step="tweedie", **SMALL
    )
    given.fit(make_circle(200))
    assert (given.training_law_, given.final_step_) == ("empirical", "tweedie")


@pytest.mark.parametrize("conditional", [False, True])
def test_on_a_manifold_the_network_is_taught_points_of_the_surfaces(
    monkeypatch, conditional
):
    taught = []

    def train(network, draws, held_out, **others):
        taught.append(draws)
        return real_train(network, draws, held_out, **others)

    real_train = _coarse.train
    monkeypatch.setattr(_coarse, "train", train)
    X = make_circle(200)
    y = X[:, 0] > 0
    model = CoarseScoreDiffusion(conditional=conditional, scaling=None, **SMALL)
    model.fit(X, y if conditional else None)
    law = taught[0].law
    points = model.scaling_.invert(law.rows.double().numpy())
    assert len(points) > 10 * len(X)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=2e-3)
    # None is a row.
    assert np.median(cdist(points, X).min(axis=1)) > 0.1 * model.nn_distance_
    assert np.isinf(law.sigma_stable) == conditional
    if conditional:
        # Points keep the labels of the rows that they descend from.
        labels = taught[0].conditions.cpu().numpy().argmax(axis=1)
        assert ((points[:, 0] > 0) == labels).mean() > 0.95


def test_many_rows_of_a_manifold_stand_for_its_law(monkeypatch):
    monkeypatch.setattr(_network, "_N_ON_SURFACE", 150)
    X = make_circle(200)
    assert CoarseScoreDiffusion(**SMALL).fit(X).training_law_ == "empirical"
    assert CoarseScoreDiffusion(**SMALL).fit(X[:150]).training_law_ == "local"
    table = CoarseScoreDiffusion(**SMALL).fit(make_table(200, 8))
    assert table.training_law_ == "local"


@pytest.mark.parametrize("final_step", ["auto", "none", "tweedie", "richardson"])
@pytest.mark.parametrize("make", [make_circle, make_table])
def test_final_steps(make, final_step):
    model = CoarseScoreDiffusion(final_step=final_step, **SMALL).fit(make(100))
    assert np.isfinite(model.sample(5, random_state=0)).all()
    assert np.isfinite(model.score(make(10)))


def test_local_polynomial_step_ends_on_the_surfaces_through_the_rows():
    X = make_circle(300)
    model = CoarseScoreDiffusion(final_step="local_polynomial", **MEDIUM).fit(X)
    own = CoarseScoreDiffusion(**MEDIUM).fit(X)
    assert model.final_step_ == "local_polynomial"
    assert model.sigma_c_ == own.sigma_c_
    drawn = model.sample(500, random_state=0)
    off = np.abs(np.linalg.norm(drawn, axis=1) - 1)
    assert np.quantile(off, 0.95) < 0.01 * model.nn_distance_
    np.testing.assert_allclose(model.project(drawn), drawn, atol=1e-3)
    assert np.abs(cdist(drawn, X).min(1)).min() > 0


def test_density_through_the_local_polynomial_step_integrates_to_one():
    model = CoarseScoreDiffusion(
        final_step="local_polynomial", coarseness=4, sigma_min=0.03, **MEDIUM
    ).fit(make_circle(300))
    radius = np.linspace(0.8, 1.2, 121)
    angle = np.arange(60) * 2 * np.pi / 60
    grid = np.stack(np.meshgrid(radius, angle), -1).reshape(-1, 2)
    points = grid[:, :1] * np.column_stack([np.cos(grid[:, 1]), np.sin(grid[:, 1])])
    cells = grid[:, 0] * (radius[1] - radius[0]) * (angle[1] - angle[0])
    density = np.exp(model.score_samples(points))
    assert abs(density @ cells - 1) < 0.05


def test_local_polynomial_step_refuses_too_few_rows():
    model = CoarseScoreDiffusion(final_step="local_polynomial", **SMALL)
    with pytest.raises(ValueError, match=r"final_step='local_polynomial' needs more"):
        model.fit(make_circle(6))


def test_coarseness_zero_is_an_ordinary_diffusion_model():
    X = make_table(100, 2)
    model = CoarseScoreDiffusion(coarseness=0, **SMALL).fit(X)
    assert model.sigma_c_ == 0
    assert model.training_law_ == "empirical"
    assert np.isfinite(model.sample(5, random_state=0)).all()
    # Below sigma_min it has learned nothing; at it, its score is that of the network.
    assert np.isfinite(model.score_function(X, model.sigma_min_)).all()


def test_labels():
    centers = np.array([[0.0, 0.0], [12.0, 0.0], [0.0, 12.0]])
    code = np.repeat([0, 1, 2], [160, 80, 80])
    X = centers[code] + make_table(320, 2)
    y = np.array(["x", "y", "z"])[code]
    model = CoarseScoreDiffusion(conditional=True, **MEDIUM).fit(X, y)

    def cluster(points):
        return np.array(["x", "y", "z"])[cdist(points, centers).argmin(axis=1)]

    for label in "xyz":
        drawn = model.sample(100, y=label, random_state=0)
        assert np.mean(cluster(drawn) == label) > 0.9
    share = np.mean(cluster(model.sample(1000, random_state=0)) == "x")
    assert share == pytest.approx(0.5, abs=0.08)
    given = model.score_samples(X[::20], y[::20])
    assert given.mean() > model.score_samples(X[::20], np.roll(y, 160)[::20]).mean()
    # Marginal: the density of a mixture is at least each of its parts.
    prior = np.bincount(code)[code[::20]] / 320
    assert (model.score_samples(X[::20]) >= given + np.log(prior) - 1e-9).all()


@pytest.mark.parametrize("n_targets", [1, 2])
def test_targets(n_targets):
    Y = np.random.default_rng(0).uniform(-1, 1, size=(400, n_targets))
    X = np.hstack([Y, Y**2]) + 0.05 * make_table(400, 2 * n_targets)
    y = Y[:, 0] if n_targets == 1 else Y
    model = CoarseScoreDiffusion(conditional=True, **MEDIUM).fit(X, y)
    low, high = (
        model.sample(200, y=np.full((200, n_targets), value), random_state=0)
        for value in (-0.7, 0.7)
    )
    np.testing.assert_allclose(low[:, :n_targets].mean(axis=0), -0.7, atol=0.2)
    np.testing.assert_allclose(high[:, :n_targets].mean(axis=0), 0.7, atol=0.2)
    assert model.score(X[:20], y[:20]) > model.score(X[:20], -y[:20])


# Training


@pytest.mark.parametrize(
    ("max_iter", "counts"),
    [(1, [1]), (50, [50]), (100, [100]), (250, [100, 200, 250])],
)
def test_history_counts_every_step(max_iter, counts):
    model = CoarseScoreDiffusion(**{**SMALL, "max_iter": max_iter}).fit(make_circle(40))
    assert [entry["n_iter"] for entry in model.history_] == counts
    assert [entry["epoch"] for entry in model.history_] == [
        i + 1 for i in range(len(counts))
    ]
    for entry in model.history_:
        assert set(entry) == {"epoch", "n_iter", "train_loss", "seconds"}
        assert np.isfinite(entry["train_loss"])
        assert entry["seconds"] >= 0


@pytest.mark.parametrize(
    ("n_rows", "law", "expected"),
    [
        (3, "local", 1000),
        (300, "local", 1000),
        (450, "local", 1500),
        (900, "local", 3000),
        (5000, "local", 3000),
        (300, "empirical", 3000),
    ],
)
def test_few_rows_of_a_table_are_not_learned_by_heart(
    monkeypatch, n_rows, law, expected
):
    trained = []

    def train(network, draws, held_out, *, max_iter, **others):
        trained.append(max_iter)
        return real_train(network, draws, held_out, max_iter=1, **others)

    real_train = _coarse.train
    monkeypatch.setattr(_coarse, "train", train)
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    settings = {**SMALL, "max_iter": "auto", "training_law": law}
    model = CoarseScoreDiffusion(**settings).fit(X)
    assert trained == [expected]
    assert model.max_iter_ == expected


def test_warm_start_goes_on():
    X = make_circle(100)
    settings = {**SMALL, "max_iter": 300, "coarseness": 1.0}
    model = CoarseScoreDiffusion(**settings).fit(X)
    weights = [p.detach().clone() for p in model.net_.module_.parameters()]
    model.set_params(warm_start=True, max_iter=5, learning_rate=1e-5).fit(X)
    fresh = CoarseScoreDiffusion(**settings).set_params(max_iter=5).fit(X)
    assert model.history_[0]["train_loss"] < fresh.history_[0]["train_loss"]
    for old, new in zip(weights, model.net_.module_.parameters(), strict=True):
        torch.testing.assert_close(old, new, atol=0.01, rtol=0)
        assert not torch.equal(old, new)
    again = model.set_params(warm_start=False).fit(X)
    assert again.history_[0]["train_loss"] == pytest.approx(
        fresh.history_[0]["train_loss"], rel=0.1
    )


def test_warm_start_refuses_data_of_another_rank():
    model = CoarseScoreDiffusion(warm_start=True, **SMALL).fit(make_table(40, 3))
    with pytest.raises(ValueError, match=r"warm_start=True.*rank 3.*warm_start=False"):
        model.fit(make_table(40, 4))


@pytest.mark.parametrize("training_law", ["empirical", "local"])
def test_early_stopping_stops(training_law):
    model = CoarseScoreDiffusion(
        **{**SMALL, "max_iter": 3000},
        early_stopping=True,
        n_iter_no_change=1,
        training_law=training_law,
    ).fit(make_table(60, 2))
    assert len(model.history_) < 30
    assert all(np.isfinite(entry["valid_loss"]) for entry in model.history_)


def test_early_stopping_never_trains_on_held_out_rows(monkeypatch):
    seen = {}

    def spy(network, draws, held_out, **settings):
        seen.update(draws=draws, held_out=held_out)
        return train(network, draws, held_out, **settings)

    from manidiff._coarse import train

    monkeypatch.setattr("manidiff._coarse.train", spy)
    X = make_table(50, 3)
    model = CoarseScoreDiffusion(
        early_stopping=True,
        validation_fraction=0.2,
        training_law="empirical",
        device="cpu",
        **SMALL,
    ).fit(X)
    law = seen["draws"].law
    drawn, _ = law.noised(torch.arange(40), torch.full((40,), 1e-6))
    rows = model.scaling_.apply(X)
    distance = cdist(rows, drawn.numpy()).min(axis=1)
    trained = distance < 1e-4
    assert trained.sum() == 40
    assert distance[~trained].min() > 1e-2
    assert len(seen["draws"].cumulative) == 40
    assert len(seen["held_out"]) % 10 == 0


def test_non_finite_loss_is_an_error():
    with pytest.raises(NonFiniteLossError, match=r"step 1\. Lower learning_rate"):
        CoarseScoreDiffusion(module=Diverging, **SMALL).fit(make_circle(40))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_callbacks_are_called(early_stopping):
    recorder = Recorder()
    settings = {**SMALL, "max_iter": 120}
    CoarseScoreDiffusion(
        callbacks=[recorder], early_stopping=early_stopping, **settings
    ).fit(make_circle(40))
    assert recorder.events[0] == "begin"
    assert recorder.events[-1] == "end"
    assert recorder.events.count("batch") == 120
    assert recorder.events.count("epoch") == 2
    assert ("valid" in recorder.events) == early_stopping


def test_optimizer_is_used():
    model = CoarseScoreDiffusion(optimizer=torch.optim.SGD, **SMALL)
    model.fit(make_circle(40))
    assert isinstance(model.net_.optimizer_, torch.optim.SGD)
    default = CoarseScoreDiffusion(**SMALL).fit(make_circle(40))
    assert isinstance(default.net_.optimizer_, torch.optim.AdamW)
    assert not np.allclose(
        model.score_samples(make_circle(5)), default.score_samples(make_circle(5))
    )


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("kind", ["class", "callable", "instance"])
def test_module(kind, conditional):
    X, y = make_circle(40), np.repeat(["a", "b"], 20)
    instance = TinyNet(2, 2 if conditional else 0)
    before = {key: value.clone() for key, value in instance.state_dict().items()}
    module = {
        "class": TinyNet,
        "callable": lambda n_inputs, n_conditions: TinyNet(n_inputs, n_conditions),
        "instance": instance,
    }[kind]
    model = CoarseScoreDiffusion(module=module, conditional=conditional, **SMALL)
    model.fit(X, y)
    assert model.module is module
    assert isinstance(model.net_.module_, TinyNet)
    assert model.net_.module_ is not instance
    assert model.sample(3, random_state=0).shape == (3, 2)
    assert np.isfinite(model.score(X, y))
    for key, value in instance.state_dict().items():
        assert torch.equal(value, before[key])
    assert instance.training


@pytest.mark.parametrize("verbose", [0, 1])
def test_verbose_shows_a_bar(verbose, capsys):
    model = CoarseScoreDiffusion(verbose=verbose, early_stopping=True, **SMALL)
    model.fit(make_circle(40))
    model.sample(2)
    shown = capsys.readouterr()
    assert shown.out == ""
    if verbose:
        for word in ("20/20", "train_loss=", "valid_loss="):
            assert word in shown.err
    else:
        assert shown.err == ""


# What it keeps


def rows_in(blob, model, X):
    """Count the rows whose bytes are in a pickle, in either space and precision."""
    return sum(
        any(row.astype(dtype).tobytes() in blob for dtype in ("f4", "f8"))
        for rows in (X, model.scaling_.apply(X))
        for row in rows
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"training_law": "local"},
        {"training_law": "empirical", "early_stopping": True},
        {"coarseness": 0},
    ],
)
@pytest.mark.parametrize("make", [make_circle, make_table])
def test_pickle_holds_no_training_row(make, parameters):
    X = make(60)
    model = CoarseScoreDiffusion(**SMALL, **parameters).fit(X)
    assert rows_in(pickle.dumps(model), model, X) == 0
    # The search does find rows where there are some.
    empirical = EmpiricalScoreDiffusion().fit(X)
    assert rows_in(pickle.dumps(empirical), empirical, X) == 60


def test_size_of_the_pickle_does_not_depend_on_the_number_of_rows():
    sizes = [
        len(pickle.dumps(CoarseScoreDiffusion(**SMALL).fit(make_table(n_rows))))
        for n_rows in (50, 1000)
    ]
    assert abs(sizes[1] - sizes[0]) < 1000


def test_pickle_from_a_missing_device_loads_on_the_cpu():
    model = CoarseScoreDiffusion(device="cpu", **SMALL).fit(make_circle(40))
    expected = model.score_samples(make_circle(5))
    model.device_ = "cuda:99"
    blob = pickle.dumps(model)
    with pytest.warns(UserWarning, match="device='cuda:99'.*CPU") as warned:
        loaded = pickle.loads(blob)
    assert len(warned) == 1
    assert loaded.device_ == "cpu"
    np.testing.assert_allclose(loaded.score_samples(make_circle(5)), expected)


def test_a_loaded_model_can_be_warm_started():
    model = CoarseScoreDiffusion(warm_start=True, **SMALL).fit(make_circle(40))
    loaded = pickle.loads(pickle.dumps(model)).fit(make_circle(40))
    assert np.isfinite(loaded.sample(3, random_state=0)).all()
