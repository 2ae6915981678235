"""One network, trained in two processes."""

import copy
import os
import pickle
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from same_fits import assert_same_fit, without_seconds
from shared_fits import GOOD, SMALL, Normed, make_circle
from torch import distributed

import manidiff
from manidiff import CoarseScoreDiffusion
from manidiff.exceptions import NonFiniteLossError
from manidiff.persistence import FileFormatError

pytestmark = pytest.mark.skipif(
    not distributed.is_available() or sys.platform != "linux",
    reason="names the loopback device as Linux does",
)
# Each process one thread, and no word to other machines.
ALONE = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
START = "import shared_fits; shared_fits.main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def ended(folder):
    """Run all scenarios in two processes; return what they wrote on stderr."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", START, str(rank), folder],
            stderr=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parent,
            env={**os.environ, **ALONE},
        )
        for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=100)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], errors
    return errors


@pytest.fixture(scope="module")
def found(ended, folder):
    """Return {scenario: its outcomes in both processes}."""
    both = [pickle.loads((folder / f"{rank}.pickle").read_bytes()) for rank in range(2)]
    return {name: [one[name] for one in both] for name in both[0]}


def off_circle(model):
    drawn = model.sample(500, random_state=0)
    return np.abs(np.linalg.norm(drawn, axis=1) - 1).mean()


def test_gradients_are_averaged(found):
    expected = [[i + 0.5 for i in range(n)] for n in (6, 3)]
    assert found["gradients"] == [expected, expected]


def test_other_batches_make_one_network(found):
    (first, model), (second, same) = found["good"]
    assert first != second
    assert_same_fit(model, same)


def test_the_network_is_another_one_but_as_good(found):
    model = found["good"][0][1]
    alone = CoarseScoreDiffusion(**GOOD).fit(make_circle())
    assert not np.array_equal(
        model.sample(9, random_state=0), alone.sample(9, random_state=0)
    )
    assert off_circle(model) < 0.06
    assert off_circle(model) < 1.5 * off_circle(alone)


def test_what_was_fitted_together_is_saved_and_fitted_on_alone(found, tmp_path):
    model = copy.deepcopy(found["good"][0][1])
    model.save(tmp_path / "model")
    assert_same_fit(manidiff.load(tmp_path / "model"), model)
    model.set_params(warm_start=True, max_iter=5).fit(make_circle())


@pytest.mark.parametrize("name", ["normed", "in_parts"])
def test_buffers_and_parts_are_the_same_in_both(found, name):
    assert_same_fit(*found[name])


def test_a_resumed_fit_is_the_unbroken_one(found, folder):
    for unbroken, resumed in zip(found["normed"], found["resumed"], strict=True):
        assert_same_fit(unbroken, resumed)
    assert not (folder / "training.checkpoint").exists()


def test_a_checkpoint_of_two_processes_is_refused_alone(found, folder):
    model = CoarseScoreDiffusion(
        **SMALL, module=Normed, checkpoint=str(folder / "of_two")
    )
    with pytest.raises(ValueError, match=r"by a fit with other .*processes"):
        model.fit(make_circle(60))


def test_both_stop_early_after_the_same_epoch(found):
    first, second = map(without_seconds, found["early_stopping"])
    assert first == second
    assert len(first) < 20


def test_both_stop_where_one_is_told_to(found):
    assert [len(history) for history in found["stopped_by_one"]] == [2, 2]


def test_an_interruption_ends_both_without_a_result(found):
    assert found["interrupted"] == ["interrupted", "interrupted"]


def test_a_loss_that_is_not_finite_in_one_ends_both(found):
    for error in found["poisoned"]:
        assert isinstance(error, NonFiniteLossError)
        assert error.n_iter == 7


DIFFERING = {
    "unseeded": "random_state",
    "other_rows": "X",
    "flipped": "X",
    "other_labels": "y",
    "other_weights": "sample_weight",
    "other_parameters": "learning_rate",
    "other_part": "X",
    "other_long_rows": "X",
}


@pytest.mark.parametrize("name", DIFFERING)
def test_what_differs_is_named_and_refused_by_both(found, name):
    for error in found[name]:
        assert isinstance(error, ValueError)
        assert "Set random_state to the same int" in str(error)
        assert DIFFERING[name] in str(error).split(" differ ")[0].split(", ")


def test_another_rounding_is_no_difference(found):
    first, second = found["rounded_otherwise"]
    assert first.history_[-1]["train_loss"] == second.history_[-1]["train_loss"]


def test_a_bad_checkpoint_is_refused_by_both(found):
    for error in found["bad_checkpoint"]:
        assert isinstance(error, FileFormatError)


def test_the_main_process_alone_shows_a_bar(found, ended):
    assert "5/5" in ended[0]
    assert "5/5" not in ended[1]


SCRIPT = """
import sys
from accelerate import Accelerator
from shared_fits import GOOD, make_circle
from manidiff import CoarseScoreDiffusion

accelerator = Accelerator(cpu=True)
assert accelerator.num_processes == 2
model = CoarseScoreDiffusion(**GOOD).fit(make_circle())
model.save(f"{sys.argv[1]}/{accelerator.process_index}")
accelerator.end_training()
"""


@pytest.mark.slow
def test_processes_that_accelerate_joins(found, tmp_path):
    pytest.importorskip("accelerate")
    (tmp_path / "script.py").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # `accelerate launch` starts one process where there is no GPU.
    launcher = ["torch.distributed.run", "--nproc-per-node=2"]
    address = ["--master-addr=127.0.0.1", f"--master-port={port}"]
    subprocess.run(
        [sys.executable, "-m", *launcher, *address, tmp_path / "script.py", tmp_path],
        env={
            **os.environ,
            **ALONE,
            "HF_HOME": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parent),
        },
        check=True,
        timeout=100,
    )
    expected = found["good"][0][1].sample(9, random_state=0)
    for name in ("0", "1"):
        drawn = manidiff.load(tmp_path / name).sample(9, random_state=0)
        np.testing.assert_array_equal(drawn, expected)
