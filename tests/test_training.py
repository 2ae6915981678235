"""The training loop: its steps, its history, and what it leaves behind."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback
from torch import nn

from manidiff._learning_rates import WarmUpCosine
from manidiff._loaders import STEPS_PER_EPOCH, PassLoader
from manidiff._training import MovingAverage, net_on_cpu, train
from manidiff._utils.random import forked_torch_seed
from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.noised_draws import FixedDraws, NoisedDraws
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.diffusion.training_law import EmpiricalTrainingLaw
from manidiff.exceptions import NonFiniteLossError
from manidiff.nets import ResidualMLP

CPU = torch.device("cpu")
N_ROWS = 60
# Two clusters, so that there is more to learn than two moments.
X = np.random.default_rng(0).normal(size=(N_ROWS, 3)) * 0.05
X[::2] += 1
SIGMA_RANGE = (0.05, 1.0)


@pytest.fixture(autouse=True)
def seeded():
    with forked_torch_seed(0, CPU):
        yield


def make_draws(network, conditions=None):
    rows = torch.from_numpy(X).float()
    weights = torch.full((N_ROWS,), 1 / N_ROWS)
    gaussian = Gaussian.from_moments(X, np.full(N_ROWS, 1 / N_ROWS))
    denoiser = PreconditionedDenoiser(network, gaussian.to(CPU, torch.float32))
    law = EmpiricalTrainingLaw(rows, weights, math.inf)
    return NoisedDraws(law, weights.double(), conditions, denoiser, SIGMA_RANGE)


def fit(network=None, held_out=False, **kwargs):
    network = ResidualMLP(3, width=16, depth=1) if network is None else network
    draws = make_draws(network)
    settings = {
        "max_iter": 250,
        "batch_size": 32,
        "learning_rate": 1e-3,
        "optimizer": None,
        "callbacks": (),
        "on_epoch": None,
        "patience": 5,
        "verbose": 0,
        "device": CPU,
    }
    held_out = FixedDraws(draws, 100) if held_out else None
    return train(network, draws, held_out, **{**settings, **kwargs})


class CountSteps(Callback):
    def __init__(self):
        self.n_steps = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_steps += training


class KeepWeights(Callback):
    """Keeps the first weight after every step."""

    def __init__(self):
        self.seen = []

    def on_batch_end(self, net, training=False, **kwargs):
        if training:
            weight = next(iter(net.module_.parameters()))
            self.seen.append(weight.detach().clone())


class Poisoned(nn.Module):
    """Returns NaN from a call on."""

    def __init__(self, from_call):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.calls_left = from_call

    def forward(self, inputs, noise):
        self.calls_left -= 1
        return self.linear(inputs) * (1 if self.calls_left > 0 else math.nan)


def test_repeats_with_its_seed():
    outputs = []
    for _ in range(2):
        with forked_torch_seed(3, CPU):
            net, history = fit(max_iter=30)
        outputs.append((net.module_(torch.ones(2, 3), torch.ones(2)), history))
    torch.testing.assert_close(outputs[0][0], outputs[1][0], rtol=0, atol=0)
    assert outputs[0][1][0]["train_loss"] == outputs[1][1][0]["train_loss"]


@pytest.mark.parametrize("max_iter", [1, 99, 100, 250])
def test_takes_exactly_the_steps_asked_for(max_iter):
    count = CountSteps()
    _, history = fit(max_iter=max_iter, callbacks=[("count", count)])
    assert count.n_steps == max_iter
    assert history[-1]["n_iter"] == max_iter
    assert len(history) == math.ceil(max_iter / STEPS_PER_EPOCH)


@pytest.mark.parametrize("held_out", [False, True])
def test_history_has_one_entry_an_epoch(held_out):
    _, history = fit(held_out=held_out)
    assert [entry["epoch"] for entry in history] == [1, 2, 3]
    assert [entry["n_iter"] for entry in history] == [100, 200, 250]
    for entry in history:
        assert ("valid_loss" in entry) == held_out
        assert math.isfinite(entry["train_loss"]) and entry["seconds"] > 0


def test_training_lowers_the_loss():
    _, history = fit(max_iter=600, learning_rate=3e-3)
    assert history[-1]["train_loss"] < 0.9 * history[0]["train_loss"]


def test_stops_when_the_held_out_loss_does_not_improve():
    # No optimiser improves with such a rate.
    _, history = fit(
        held_out=True, max_iter=2000, patience=2, learning_rate=1e-30, optimizer=Still
    )
    assert len(history) <= 4


class Still(torch.optim.SGD):
    def step(self, closure=None):
        return closure()


@pytest.mark.parametrize("from_call", [1, 7])
def test_a_loss_that_is_not_finite_ends_training_at_its_step(from_call):
    with pytest.raises(NonFiniteLossError) as error:
        fit(Poisoned(from_call), learning_rate=0.25)
    assert error.value.n_iter == from_call
    assert "learning_rate=0.25" in str(error.value)


def test_the_module_ends_with_the_average_of_its_weights():
    keep = KeepWeights()
    network = ResidualMLP(3, width=8, depth=1)
    average = next(iter(network.parameters())).detach().clone()
    net, _ = fit(network, max_iter=40, callbacks=[("keep", keep)])
    for seen, weight in enumerate(keep.seen):
        decay = min(0.999, (1 + seen) / (10 + seen))
        average = decay * average + (1 - decay) * weight
    found = next(iter(net.module_.parameters()))
    torch.testing.assert_close(found.detach(), average)
    assert not torch.equal(found, keep.seen[-1])


def test_average_keeps_nothing_behind():
    callback = MovingAverage()
    fit(max_iter=5, callbacks=[("second_average", callback)])
    assert not hasattr(callback, "weights")


def test_learning_rate_warms_up_and_falls_to_zero():
    factor = WarmUpCosine(1000)
    factors = [factor(step) for step in range(1001)]
    assert factors[0] == pytest.approx(0.01)
    assert max(factors) > 0.95
    assert 50 < np.argmax(factors) < 150
    assert factors[-1] == pytest.approx(0, abs=1e-12)
    assert min(factors) >= 0


def test_the_network_given_is_the_one_trained():
    network = ResidualMLP(3, width=8, depth=1)
    before = copy.deepcopy(network.state_dict())
    net, _ = fit(network, max_iter=5)
    assert net.module_ is network
    assert not network.training
    assert any(not torch.equal(before[k], v) for k, v in network.state_dict().items())


class Tensors(pickle.Pickler):
    """Collects every tensor and array that a pickle would hold."""

    def __init__(self, file):
        super().__init__(file)
        self.found = []

    def reducer_override(self, value):
        if isinstance(value, torch.Tensor):
            self.found.append(value.detach().double().numpy())
        elif isinstance(value, np.ndarray):
            self.found.append(value)
        return NotImplemented


@pytest.mark.parametrize("held_out", [False, True])
def test_the_net_keeps_no_row(tmp_path, held_out):
    net, _ = fit(max_iter=20, held_out=held_out)
    with open(tmp_path / "net.pkl", "wb") as file:
        pickler = Tensors(file)
        pickler.dump(net)
    assert pickler.found
    largest = max(found.size for found in pickler.found)
    assert largest == max(weight.numel() for weight in net.module_.parameters())
    for found in pickler.found:
        assert len(np.intersect1d(found.astype(np.float32), X.astype(np.float32))) < 3


def test_a_copy_on_the_cpu_answers_the_same():
    net, _ = fit(max_iter=5)
    copied = net_on_cpu(net)
    asked = torch.ones(2, 3), torch.ones(2)
    torch.testing.assert_close(copied.module_(*asked), net.module_(*asked))
    assert copied.module_ is not net.module_


def test_progress_bar_shows_only_when_asked(capsys):
    fit(max_iter=5)
    assert capsys.readouterr() == ("", "")
    fit(max_iter=120, verbose=1)
    shown = capsys.readouterr().err
    assert "120/120" in shown and "train_loss" in shown


def test_noise_levels_of_a_batch_are_stratified():
    draws = make_draws(ResidualMLP(3))
    inputs, _ = draws.__getitems__(range(64))
    share = (4 * inputs["noise"].double() - draws.log_low) / (
        draws.log_high - draws.log_low
    )
    # One in each of 64 equal parts of the logarithm, to rounding.
    place = 64 * share - torch.arange(64)
    assert place.min() > -1e-3 and place.max() < 1 + 1e-3


def test_conditions_follow_their_rows():
    conditions = torch.from_numpy(X).float()
    draws = make_draws(ResidualMLP(3), conditions)
    draws.log_low = draws.log_high = math.log(1e-4)
    inputs, _ = draws.__getitems__(range(50))
    gaussian = draws.denoiser.gaussian
    x = gaussian.points(inputs["inputs"] * (gaussian.variances + 1e-8).sqrt())
    torch.testing.assert_close(x, inputs["condition"], rtol=0, atol=1e-3)


def test_fixed_draws_are_handed_over_once_in_order():
    fixed = FixedDraws(make_draws(ResidualMLP(3)), 70)
    batches = list(PassLoader(fixed, 32))
    assert [len(target) for _, target in batches] == [32, 32, 6]
    joined = torch.cat([target for _, target in batches])
    torch.testing.assert_close(joined, fixed.target, rtol=0, atol=0)
    assert len(fixed) == 70
