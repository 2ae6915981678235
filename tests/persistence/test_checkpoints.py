"""Training goes on where it was killed, and ends as if it never had been."""

import copy
import os
import signal
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from checkpointed_fits import (
    SMALL,
    CountSteps,
    KilledError,
    fit_killed,
    killer,
    make,
)
from same_fits import assert_same_fit
from torch import nn

from manidiff import CoarseScoreDiffusion


class Dropout(nn.Module):
    """Draws random numbers in training and has buffers."""

    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 8),
            nn.BatchNorm1d(8),
            nn.Dropout(0.3),
            nn.Linear(8, n_features),
        )

    def forward(self, inputs, noise):
        return self.layers(inputs)


class Momentum(torch.optim.SGD):
    def __init__(self, parameters, lr):
        super().__init__(parameters, lr=lr, momentum=0.9, nesterov=True)


QUICK = {"empirical", "module", "early stopping"}
SETTINGS = {
    "empirical": {},
    "auto": {"coarseness": "auto", "final_step": "auto"},
    "local": {"training_law": "local"},
    "surface": {"final_step": "local_polynomial"},
    "conditional": {"conditional": True},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 900},
    "module": {"module": Dropout},
    "optimizer": {"optimizer": Momentum, "learning_rate": 1e-3},
}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(one, id=name, marks=[] if name in QUICK else pytest.mark.slow)
        for name, one in SETTINGS.items()
    ],
)
def test_a_resumed_fit_is_the_unbroken_one(X, path, settings):
    y = X[:, 0] > 0 if "conditional" in settings else None
    unbroken = make(**settings).fit(X, y)
    fit_killed(make(path, **settings), X, y)
    assert path.exists()
    resumed = make(path, **settings).fit(X, y)
    assert_same_fit(unbroken, resumed)
    assert not path.exists()


def test_a_resumed_fit_of_two_networks_is_the_unbroken_one(path):
    # A table: on the circle there would be one network.
    X = np.random.default_rng(0).normal(size=(60, 3))
    settings = {"training_law": "cross_fitted"}
    unbroken = make(**settings).fit(X)
    assert unbroken.training_law_ == "cross_fitted"
    fit_killed(make(path, **settings), X)
    assert_same_fit(unbroken, make(path, **settings).fit(X))


@pytest.mark.slow
def test_killed_twice(X, path):
    fit_killed(make(path), X, n_epochs=2)
    fit_killed(make(path), X, n_epochs=3)
    assert_same_fit(make().fit(X), make(path).fit(X))


def test_steps_behind_are_not_taken_again(X, path):
    fit_killed(make(path), X, n_epochs=3)
    count = CountSteps()
    make(path, callbacks=[count]).fit(X)
    # Two epochs were kept.
    assert count.n_steps == 350 - 200


def test_killed_after_the_last_epoch(X, path, monkeypatch):
    def fail(*args, **kwargs):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(CoarseScoreDiffusion, "_choose_last_step", fail)
        with pytest.raises(KilledError):
            make(path).fit(X)
    count = CountSteps()
    resumed = make(path, callbacks=[count]).fit(X)
    assert count.n_steps == 0
    assert_same_fit(make().fit(X), resumed)


def test_a_checkpoint_changes_nothing(X, path):
    assert_same_fit(make().fit(X), make(path).fit(X))
    assert not path.exists()


def test_what_callables_wrote_into_the_history_is_kept(X, path):
    def write(estimator):
        estimator.history_[-1]["mean"] = estimator.sample(5, random_state=0).mean()
        killer(3)(estimator)

    with pytest.raises(KilledError):
        make(path, callbacks=[write]).fit(X)
    resumed = make(path).fit(X)
    assert ["mean" in entry for entry in resumed.history_] == [True, True, False, False]


SCRIPT = """
import sys, time
import numpy as np
from manidiff import CoarseScoreDiffusion

settings = {settings!r}

def tell(estimator):
    print(len(estimator.history_), flush=True)
    time.sleep(0.05)

X = np.load(sys.argv[1])
CoarseScoreDiffusion(checkpoint=sys.argv[2], callbacks=[tell], **settings).fit(X)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_process(X, path, tmp_path):
    np.save(tmp_path / "X.npy", X)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(settings=SMALL), tmp_path / "X.npy", path],
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    with process.stdout:
        assert [process.stdout.readline() for _ in range(3)][-1] == b"3\n"
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.exists()
    assert_same_fit(make().fit(X), make(path).fit(X))


@pytest.mark.gpu
def test_a_fit_on_a_device_is_resumed(X, path):
    unbroken = make(device="cuda").fit(X)
    fit_killed(make(path, device="cuda"), X)
    resumed = make(path, device="cuda").fit(X)
    assert len(resumed.history_) == len(unbroken.history_)
    np.testing.assert_allclose(
        resumed.sample(9, random_state=0), unbroken.sample(9, random_state=0), atol=0.01
    )


# What is refused


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"width": 9}, "width"),
        ({"max_iter": 400, "learning_rate": 1e-3}, "learning_rate, max_iter"),
        ({"random_state": 1}, "random_state"),
        ({"module": Dropout}, "module"),
    ],
)
def test_other_parameters_are_refused(X, path, change, named):
    fit_killed(make(path), X, n_epochs=2)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"with other .*{named}\. Fit as then"):
        make(path, **change).fit(X)
    assert path.read_bytes() == before


class Activated(nn.Module):
    def __init__(self, n_features, n_conditions, bend=0.0):
        super().__init__()
        self.linear = nn.Linear(n_features, n_features)
        self.bend = bend

    def forward(self, inputs, noise):
        return self.linear(inputs) + self.bend * torch.tanh(inputs)


def instance(seed=0, bend=0.0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Activated(2, 0, bend)


@pytest.mark.parametrize(
    ("make_one", "other"),
    [
        (lambda **k: {"optimizer": partial(torch.optim.SGD, **k)}, {"momentum": 0.1}),
        (lambda **k: {"module": partial(Activated, **k)}, {"bend": 1.0}),
        (lambda **k: {"module": instance(**k)}, {"bend": 1.0}),
        (lambda **k: {"module": instance(**k)}, {"seed": 1}),
    ],
)
def test_other_code_is_refused_and_the_same_is_not(X, path, make_one, other):
    fit_killed(make(path, **make_one()), X, n_epochs=2)
    with pytest.raises(ValueError, match=r"with other (module|optimizer)\. Fit as"):
        make(path, **make_one(**other)).fit(X)
    assert_same_fit(make(**make_one()).fit(X), make(path, **make_one()).fit(X))


def test_other_data_is_refused(X, path):
    fit_killed(make(path), X)
    weights = np.linspace(1, 2, len(X))
    for rows, settings in [(X + [0, 1e-3] * X, {}), (X, {"sample_weight": weights})]:
        with pytest.raises(ValueError, match=r"by a fit with other .*delete it"):
            make(path).fit(rows, **settings)


def test_other_labels_are_refused(X, path):
    fit_killed(make(path, conditional=True), X, X[:, 0] > 0)
    with pytest.raises(ValueError, match=r"with other .*y"):
        make(path, conditional=True).fit(X, X[:, 0] > 0.5)


def test_a_fit_from_other_weights_is_refused(X, path):
    first = make(warm_start=True).fit(X)
    fit_killed(copy.deepcopy(first).set_params(checkpoint=path), X)
    with pytest.raises(ValueError, match=r"with other starting weights\."):
        make(path, warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"with other starting weights\."):
        copy.deepcopy(first).fit(X).set_params(checkpoint=path).fit(X)
    resumed = copy.deepcopy(first).set_params(checkpoint=path).fit(X)
    assert_same_fit(copy.deepcopy(first).fit(X), resumed)


@pytest.mark.parametrize(
    ("name", "problem"), [("none/such", "folder that does not exist"), ("", "a folder")]
)
def test_a_place_where_no_file_can_be_is_refused_before_training(
    X, tmp_path, name, problem
):
    count = CountSteps()
    with pytest.raises(ValueError, match=rf"^checkpoint=.*{problem}\. Pass the path"):
        make(tmp_path / name, callbacks=[count]).fit(X)
    assert count.n_steps == 0


def test_what_a_checkpoint_cannot_keep_is_named(X, path):
    def write(estimator):
        estimator.history_[-1]["day"] = np.datetime64("2020-01-01")

    with pytest.raises(
        ValueError, match=r"^checkpoint=.*: history\.0\.day .*datetime64.*history_"
    ):
        make(path, callbacks=[write]).fit(X)


def test_without_random_state_a_checkpoint_is_refused(X, path):
    with pytest.raises(ValueError, match="needs random_state"):
        make(path, random_state=None).fit(X)


def test_a_random_state_instance_will_do(X, path):
    def one():
        return np.random.RandomState(4)

    fit_killed(make(path, random_state=one()), X)
    resumed = make(path, random_state=one()).fit(X)
    assert_same_fit(make(random_state=one()).fit(X), resumed)
