"""Ctrl-C, wherever it comes in a fit."""

import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from checkpointed_fits import make
from same_fits import assert_same_fit
from skorch.callbacks import Callback
from torch import nn

import manidiff
from manidiff import CoarseScoreDiffusion


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let SIGINT interrupt, which a process started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupting(nn.Module):
    """Is interrupted by the user in a call."""

    def __init__(self, at_call):
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.calls_left = at_call

    def forward(self, inputs, noise):
        if self.training:
            self.calls_left -= 1
            if self.calls_left == 0:
                signal.raise_signal(signal.SIGINT)
        return self.linear(inputs)


@pytest.mark.parametrize("n_steps", [200, 250, 299])
def test_interrupted_later_the_estimator_is_usable(X, n_steps):
    model = make(module=Interrupting(n_steps + 1))
    with pytest.warns(UserWarning, match=f"interrupted after {n_steps} of 350 steps"):
        model.fit(X)
    assert [entry["n_iter"] for entry in model.history_] == [100, 200]
    assert np.isfinite(model.sample(3)).all()


def test_interrupted_in_the_first_epoch_it_raises(X):
    with pytest.raises(KeyboardInterrupt):
        make(module=Interrupting(7)).fit(X)


def test_interrupted_while_a_callable_watches(X):
    def interrupt(estimator):
        if len(estimator.history_) == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(UserWarning, match="interrupted after 200 of 350 steps"):
        model = make(callbacks=[interrupt]).fit(X)
    assert np.isfinite(model.sample(3)).all()


def test_after_an_interruption_training_can_go_on(X, path):
    def interrupt(estimator):
        if len(estimator.history_) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(UserWarning, match="interrupted"):
        make(path, callbacks=[interrupt]).fit(X)
    assert path.exists()
    assert_same_fit(make().fit(X), make(path).fit(X))


def test_after_an_interruption_a_warm_start_can_go_on(X, path):
    def interrupt(estimator):
        if len(estimator.history_) == 3:
            signal.raise_signal(signal.SIGINT)

    model = make(path, callbacks=[interrupt], warm_start=True)
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X)
    resumed = model.set_params(callbacks=None).fit(X)
    assert_same_fit(make().fit(X), resumed)
    assert not path.exists()


class StopAtOnce(Callback):
    def on_epoch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@pytest.mark.parametrize("stop", [StopAtOnce(), lambda estimator: True])
def test_callbacks_that_stop_training_are_no_interruption(X, path, stop):
    model = make(path, callbacks=[stop]).fit(X)
    assert [entry["n_iter"] for entry in model.history_] == [100]
    assert not path.exists()


class InterruptedCallback(Callback):
    def on_epoch_end(self, net, **kwargs):
        if len(net.history) == 3:
            signal.raise_signal(signal.SIGINT)


def test_interrupted_while_a_callback_of_skorch_watches(X, path):
    with pytest.warns(UserWarning, match="interrupted after 300 of 350 steps"):
        make(path, callbacks=[InterruptedCallback()]).fit(X)
    assert path.exists()
    assert_same_fit(make().fit(X), make(path).fit(X))


def test_what_ctrl_c_does_is_the_same_after_a_fit(X):
    before = signal.getsignal(signal.SIGINT)
    make(max_iter=1).fit(X)
    assert signal.getsignal(signal.SIGINT) is before


def test_fits_beside_the_main_thread(X):
    with ThreadPoolExecutor(1) as pool:
        model = pool.submit(make().fit, X).result()
    assert_same_fit(make().fit(X), model)


CHOICES = {
    "_choose_projector": "tweedie",
    "_refit": r"(tweedie|richardson)",
    "_residual_variances": "tweedie",
}


@pytest.mark.parametrize("name", CHOICES)
def test_interrupted_while_the_last_step_is_chosen(X, path, monkeypatch, name):
    def interrupt(*args):
        signal.raise_signal(signal.SIGINT)

    if name == "_residual_variances":
        X = np.random.default_rng(0).normal(size=(60, 3))
    settings = {"coarseness": "auto", "final_step": "auto"}
    with monkeypatch.context() as patch:
        patch.setattr(CoarseScoreDiffusion, name, interrupt)
        with pytest.warns(
            UserWarning, match=f"fitted, with final_step_='{CHOICES[name]}"
        ):
            model = make(path, **settings).fit(X)
    assert model.history_[-1]["n_iter"] == 350
    assert np.isfinite(model.sample(3)).all()
    assert np.isfinite(model.score_samples(X)).all()
    model.save(path.with_name("model"))
    assert_same_fit(manidiff.load(path.with_name("model")), model)
    assert_same_fit(make(**settings).fit(X), make(path, **settings).fit(X))
    assert not path.exists()
