"""Training goes on where it was killed, and ends as if it never had been."""

import copy
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from fitted_estimators import make_fitted
from skorch.callbacks import Callback
from torch import nn

import manidiff
from manidiff import CoarseScoreDiffusion
from manidiff.persistence import FileFormatError, container

SMALL = {
    # Not "auto", which takes longer to choose than these trainings take.
    "coarseness": 0.5,
    "final_step": "tweedie",
    "max_iter": 350,
    "width": 8,
    "depth": 1,
    "batch_size": 16,
    "random_state": 0,
}


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let SIGINT interrupt, which a process started in the background ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class KilledError(Exception):
    """What stands in for the end of the process."""


def killer(n_epochs):
    def kill(estimator):
        if len(estimator.history_) == n_epochs:
            raise KilledError

    return kill


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 60)
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training.checkpoint"


def fit_killed(estimator, X, y=None, n_epochs=3):
    """Fit until the process would end in the epoch after the last one kept."""
    estimator.set_params(callbacks=[killer(n_epochs)])
    with pytest.raises(KilledError):
        estimator.fit(X, y)


def make(path=None, **settings):
    return CoarseScoreDiffusion(checkpoint=path, **{**SMALL, **settings})


def without_seconds(history):
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in history]


def assert_same_fit(first, second):
    weights = [one.net_.module_.state_dict() for one in (first, second)]
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name
    assert without_seconds(first.history_) == without_seconds(second.history_)
    np.testing.assert_array_equal(
        first.sample(9, random_state=0), second.sample(9, random_state=0)
    )


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


class CountSteps(Callback):
    def __init__(self):
        self.n_steps = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_steps += training


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
        patch.setattr(CoarseScoreDiffusion, "_freeze", fail)
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


def test_other_files_are_refused(X, path):
    make_fitted("coarse")[0].save(path)
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match="'estimator' instead of 'checkpoint'"):
        make(path).fit(X)
    assert path.read_bytes() == before


def test_damaged_checkpoints_are_refused(X, path):
    fit_killed(make(path), X)
    raw = path.read_bytes()
    for place in range(0, len(raw), len(raw) // 50):
        damaged = bytearray(raw)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError):
            make(path).fit(X)
    path.write_bytes(raw)
    with pytest.raises(FileFormatError, match="'checkpoint' instead of 'estimator'"):
        manidiff.load(path)


PARTS = [
    "network",
    "optimizer",
    "schedule",
    "averages",
    "memories",
    "history",
    "random",
]


@pytest.mark.parametrize("value", [None, -1, {"kind": "dict", "items": []}])
@pytest.mark.parametrize("name", PARTS)
def test_a_state_that_lacks_a_part_is_refused(X, path, name, value):
    fit_killed(make(path), X, n_epochs=2)
    content, arrays = container.unpack(path, path.read_bytes(), "checkpoint")
    (place,) = [item for item in content["state"]["items"] if item[0] == name]
    place[1] = value
    path.write_bytes(b"".join(container.pack("checkpoint", content, arrays)))
    with pytest.raises(FileFormatError, match="is no checkpoint"):
        make(path).fit(X)
    assert path.exists()


@pytest.mark.slow
def test_any_part_of_a_state_replaced_is_refused_or_does_no_harm(X, path):
    settings = {"max_iter": 200}
    fit_killed(make(path, **settings), X, n_epochs=2)
    content, arrays = container.unpack(path, path.read_bytes(), "checkpoint")
    n_refused = 0
    for place in [one for one in places_in(content["state"]) if one]:
        forged = copy.deepcopy(content)
        inner = forged["state"]
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = None
        path.write_bytes(b"".join(container.pack("checkpoint", forged, arrays)))
        try:
            model = make(path, **settings).fit(X)
        except FileFormatError:
            n_refused += 1
        else:
            assert np.isfinite(model.sample(2)).all(), place
    assert n_refused > 100


def places_in(node, at=()):
    yield at
    for key, one in enumerate(node) if isinstance(node, list) else ():
        yield from places_in(one, (*at, key))
    for key, one in node.items() if isinstance(node, dict) else ():
        yield from places_in(one, (*at, key))


@pytest.mark.parametrize("part", ["enter", "frequencies", "averages", "exp_avg"])
@pytest.mark.parametrize("change", [lambda a: a * np.nan, lambda a: a[:1].copy()])
def test_numbers_of_no_training_are_refused(X, path, part, change):
    fit_killed(make(path), X, n_epochs=2)
    content, arrays = container.unpack(path, path.read_bytes(), "checkpoint")
    chosen = min(name for name in arrays if part in name and len(arrays[name]) > 1)
    arrays[chosen] = change(arrays[chosen])
    path.write_bytes(b"".join(container.pack("checkpoint", content, arrays)))
    with pytest.raises(FileFormatError, match="is no checkpoint"):
        make(path).fit(X)


def test_a_random_generator_that_would_read_other_memory_is_refused(X, path):
    fit_killed(make(path), X, n_epochs=2)
    content, arrays = container.unpack(path, path.read_bytes(), "checkpoint")
    state = arrays[".random"].view(np.int32)
    # Numbers left, and the next of 624.
    state[[2, 4]] = 600
    path.write_bytes(b"".join(container.pack("checkpoint", content, arrays)))
    with pytest.raises(FileFormatError, match="has 600 numbers left after 600"):
        make(path).fit(X)


def test_a_fit_from_other_weights_is_refused(X, path):
    first = make(warm_start=True).fit(X)
    fit_killed(copy.deepcopy(first).set_params(checkpoint=path), X)
    with pytest.raises(ValueError, match=r"with other starting weights\."):
        make(path, warm_start=True).fit(X)
    with pytest.raises(ValueError, match=r"with other starting weights\."):
        copy.deepcopy(first).fit(X).set_params(checkpoint=path).fit(X)
    resumed = copy.deepcopy(first).set_params(checkpoint=path).fit(X)
    assert_same_fit(copy.deepcopy(first).fit(X), resumed)


def test_without_random_state_a_checkpoint_is_refused(X, path):
    with pytest.raises(ValueError, match="needs random_state"):
        make(path, random_state=None).fit(X)


def test_a_random_state_instance_will_do(X, path):
    def one():
        return np.random.RandomState(4)

    fit_killed(make(path, random_state=one()), X)
    resumed = make(path, random_state=one()).fit(X)
    assert_same_fit(make(random_state=one()).fit(X), resumed)


# Interruption by the user


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
