"""States of random generators that numpy and torch would take and fall over."""

import numpy as np
import pytest
import torch
from fitted_estimators import make_fitted
from refused_files import assert_refused

import manidiff
from manidiff import EmpiricalScoreDiffusion
from manidiff._training_state import _check_random
from manidiff.persistence import container

KIND, KEYS, POSITION, HAS_NORMAL, NORMAL = range(5)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        (KIND, "PCG64", "random states of 'PCG64' are unknown"),
        (KEYS, {"kind": "tuple", "items": [1] * 624}, "no 624 keys"),
        # numpy reads whatever memory the position leads to.
        (POSITION, 10**8, "position of a random state is 100000000, not 0 to 624"),
        (POSITION, 625, "position of a random state is 625"),
        (POSITION, -1, "position of a random state is -1"),
        (POSITION, True, "position of a random state is True"),
        (HAS_NORMAL, 2, "count of normal numbers in a random state is 2"),
        (NORMAL, {"kind": "float", "value": "nan"}, "random state is nan, not finite"),
        (NORMAL, 1, "random state is 1, not finite"),
    ],
)
def test_a_false_part_is_refused(path, part, value, message):
    content, arrays = unpacked(path)
    parts = content["parameters"]["random_state"]["state"]["items"]
    parts[part] = value
    assert_refused(
        path, b"".join(container.pack("estimator", content, arrays)), message
    )


@pytest.mark.parametrize("change", [lambda a: a[:-1].copy(), lambda a: a.astype("i8")])
def test_false_keys_are_refused(path, change):
    content, arrays = unpacked(path)
    name = content["parameters"]["random_state"]["state"]["items"][KEYS]["name"]
    arrays[name] = change(arrays[name])
    assert_refused(
        path, b"".join(container.pack("estimator", content, arrays)), "no 624 keys"
    )


def unpacked(path):
    make_fitted("coarse-numpy")[0].save(path)
    content, arrays = container.unpack(path, path.read_bytes(), "estimator")
    return content, dict(arrays)


@pytest.mark.parametrize("n_drawn", [0, 1, 623, 624])
def test_a_random_state_goes_on_wherever_it_was(path, n_drawn):
    state = np.random.RandomState(0)
    model = EmpiricalScoreDiffusion(random_state=state)
    model.fit(np.random.default_rng(0).normal(size=(20, 2)))
    state.seed(1)
    state.randint(2**32, size=n_drawn, dtype=np.uint32)
    state.standard_normal(n_drawn % 2)
    model.save(path)
    loaded = manidiff.load(path).random_state
    np.testing.assert_array_equal(loaded.normal(size=9), state.normal(size=9))


@pytest.mark.filterwarnings("error:get_state")
def test_a_random_state_of_another_kind_is_named_and_dropped(path):
    state = np.random.RandomState(np.random.PCG64(0))
    model = EmpiricalScoreDiffusion(random_state=state)
    model.fit(np.random.default_rng(0).normal(size=(20, 2))).save(path)
    with pytest.warns(UserWarning, match=r"random_state=numpy\.random.*RandomState"):
        assert manidiff.load(path).random_state is None


def test_what_torch_would_read_beyond_its_numbers():
    before = torch.get_rng_state()
    try:
        for n_drawn in (0, 1, 622, 1, 1, 700):
            torch.rand(n_drawn)
            _check_random(torch.get_rng_state())
        torch.manual_seed(0)
        _check_random(torch.get_rng_state())
    finally:
        torch.set_rng_state(before)
    for left, following in [(600, 600), (0, 625), (1, 1), (-1, 626), (625, 0)]:
        state = before.clone()
        state.view(torch.int32)[[2, 4]] = torch.tensor([left, following]).int()
        with pytest.raises(ValueError, match=f"has {left} numbers left"):
            _check_random(state)
    with pytest.raises(ValueError, match="state of the random generator is"):
        _check_random(before[:-8])
