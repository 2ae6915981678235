"""Checkpoints that are none, were damaged, or were written by somebody else."""

import copy

import numpy as np
import pytest
from checkpointed_fits import fit_killed, make
from fitted_estimators import make_fitted

import manidiff
from manidiff.persistence import FileFormatError, container
from manidiff.persistence.checkpoints import TrainingCheckpoint


def test_other_files_are_refused(X, path):
    make_fitted("coarse")[0].save(path)
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match="'estimator' instead of 'checkpoint'"):
        make(path).fit(X)
    assert path.read_bytes() == before


def test_damaged_checkpoints_are_refused(X, path):
    fit_killed(make(path), X)
    raw = path.read_bytes()
    for place in range(0, len(raw), len(raw) // 200):
        damaged = bytearray(raw)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(FileFormatError):
            TrainingCheckpoint(path, {}, str).read()
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


def forge(path, change):
    """Change the state in a checkpoint, as {name: what it holds}, and seal it anew."""
    content, arrays = container.unpack(path, path.read_bytes(), "checkpoint")
    change(dict(content["state"]["items"]))
    path.write_bytes(b"".join(container.pack("checkpoint", content, arrays)))


def entry(node, name):
    """Return the pair [name, value] of a dict in a file."""
    (found,) = [item for item in node["items"] if item[0] == name]
    return found


NAN = {"kind": "float", "value": "nan"}


@pytest.mark.parametrize("value", [NAN, 10**6, 100, 200.0, True])
@pytest.mark.parametrize("where", ["step_watch.n_iter_", "moving_average.n_seen_"])
def test_other_counts_of_steps_are_refused(X, path, where, value):
    fit_killed(make(path), X, n_epochs=3)
    name, key = where.split(".")

    def change(state):
        entry(entry(state["memories"], name)[1], key)[1] = value

    forge(path, change)
    with pytest.raises(FileFormatError, match=r"is no checkpoint: .*(steps|number)"):
        make(path).fit(X)


@pytest.mark.parametrize(("key", "value"), [("n_iter", 10**6), ("epoch", 3)])
@pytest.mark.parametrize("place", [0, 1])
def test_epochs_that_are_counted_wrong_are_refused(X, path, place, key, value):
    fit_killed(make(path), X, n_epochs=3)

    def change(state):
        entry(state["history"][place], key)[1] = value

    forge(path, change)
    with pytest.raises(FileFormatError, match=f"epoch {place + 1} is counted wrong"):
        make(path).fit(X)


def test_more_steps_than_are_to_be_taken_are_refused(X, path):
    fit_killed(make(path), X, n_epochs=3)

    def change(state):
        for n in (3, 4):
            record = copy.deepcopy(state["history"][-1])
            entry(record, "epoch")[1], entry(record, "n_iter")[1] = n, 100 * n
            state["history"].append(record)

    forge(path, change)
    with pytest.raises(FileFormatError, match="is no checkpoint: it is 400 steps on"):
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
