"""Where training is: all that its next step depends on, taken out and put back."""

from collections.abc import Mapping
from numbers import Real
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor

from manidiff._loaders import STEPS_PER_EPOCH

State = dict[str, Any]

# What a state is made of. That of the generator on a device is None without one.
_PARTS: dict[str, type | tuple[type, ...]] = {
    "network": dict,
    "optimizer": dict,
    "schedule": dict,
    "averages": list,
    "memories": dict,
    "history": list,
    "random": Tensor,
    "random_on_device": (Tensor, type(None)),
}
# What the default optimizer keeps of a weight.
_MOMENTS = {"exp_avg", "exp_avg_sq"}

_COUNTS = ("epoch", "n_iter")
# Where torch keeps, in the state of a generator, how many numbers are left and which is
# next, and how many there are.
_LEFT, _NEXT, _N_NUMBERS = 2, 4, 624
# What training does not change.
_OF_SCHEDULE = {"base_lrs", "lr_lambdas"}
# What the built-in callbacks know of the steps behind them.
_MEMORIES = {
    "step_watch": ("n_iter_",),
    "moving_average": ("n_seen_",),
    "early_stopping": ("misses_", "dynamic_threshold_", "best_epoch_"),
}
# The number of steps, as the history has it too.
_OF_STEPS = {"n_iter_", "n_seen_"}


class TrainingFile(Protocol):
    """Keeps the state of training; `is_needed` until training has ended."""

    is_needed: bool

    def read(self) -> State | None:
        """Return the state that was written last, or None."""

    def write(self, state: State) -> None:
        """Keep a state in place of the one before."""

    def refuse(self, error: Exception) -> NoReturn:
        """Raise, as the state that was read is none of the training at hand."""


def check_state(state: Any) -> None:
    """Raise `ValueError` unless a value has all parts of a state."""
    _require(isinstance(state, dict) and state.keys() >= _PARTS.keys(), "parts miss")
    for name, kind in _PARTS.items():
        _require(isinstance(state[name], kind), f"{name} is {type(state[name])}")
    history = state["history"]
    _require(history, "no epoch is in it")
    for epoch, record in enumerate(history, 1):
        counts = [isinstance(record, dict) and record.get(n) for n in _COUNTS]
        _require(all(type(n) is int for n in counts), "an epoch is no record")
        n_left = epoch * STEPS_PER_EPOCH - counts[1]
        is_last = epoch == len(history)
        is_counted = n_left == 0 or (is_last and 0 < n_left < STEPS_PER_EPOCH)
        _require(counts[0] == epoch and is_counted, f"epoch {epoch} is counted wrong")


def take_state(net: Any, history: list[dict[str, Any]]) -> State:
    """Return the state of a net in training, at the end of an epoch.

    Parameters
    ----------
    net : skorch.NeuralNet
        With the callbacks of `manidiff._training.train`.
    history : list of dict
        One entry an epoch.
    """
    own = dict(net.callbacks_)
    return {
        "network": net.module_.state_dict(),
        "optimizer": net.optimizer_.state_dict(),
        "schedule": own["schedule"].lr_scheduler_.state_dict(),
        "averages": own["moving_average"].averages_,
        "memories": {
            name: {key: getattr(own[name], key) for key in keys}
            for name, keys in _MEMORIES.items()
            if name in own
        },
        "history": history,
        "random": torch.get_rng_state(),
        "random_on_device": (
            torch.cuda.get_rng_state(net.device) if _is_cuda(net) else None
        ),
    }


def give_state(net: Any, state: State, history: list[dict[str, Any]]) -> None:
    """Bring a net whose training begins, and its history, to a state.

    Raises
    ------
    Exception
        Of any class, if it is no state of that net.
    """
    net.module_.load_state_dict(state["network"])
    own = dict(net.callbacks_)
    _give_schedule(own["schedule"].lr_scheduler_, state["schedule"])
    # After the schedule, whose making has set the first learning rate.
    _give_optimizer(net.optimizer_, state["optimizer"])
    averages = own["moving_average"].averages_
    for average, kept in zip(averages, state["averages"], strict=True):
        _require(average.shape == kept.shape, "an average is of another shape")
        average.copy_(kept)
    for weight in (*net.module_.parameters(), *averages):
        _require(weight.isfinite().all(), "a weight is not finite")
    # What else a module keeps may be infinite, as masks are.
    for buffer in net.module_.buffers():
        _require(not buffer.isnan().any(), "the network keeps what is no number")
    _give_memories(own, state["memories"], state["history"][-1]["n_iter"])
    history.extend(state["history"])
    # Epochs are counted by its length.
    net.history.extend({**record, "batches": []} for record in history)
    _check_random(state["random"])
    torch.set_rng_state(state["random"])
    if _is_cuda(net):
        torch.cuda.set_rng_state(state["random_on_device"], net.device)


def _check_random(state: Tensor) -> None:
    """Raise if a generator of torch would read beyond its numbers."""
    like = torch.get_rng_state()
    _require(
        state.dtype == like.dtype and state.shape == like.shape,
        f"the state of the random generator is {state.dtype} {tuple(state.shape)}",
    )
    parts = state.view(torch.int32)
    left, following = int(parts[_LEFT]), int(parts[_NEXT])
    # One that was seeded and never asked has none left, and begins anew.
    is_fit = (left, following) == (1, 0) or left + following == _N_NUMBERS + 1
    _require(
        is_fit and 1 <= left <= _N_NUMBERS,
        f"the random generator has {left} numbers left after {following}",
    )


def _give_schedule(schedule: Any, kept: Mapping[str, Any]) -> None:
    fresh = schedule.state_dict()
    _require(fresh.keys() == kept.keys(), "the schedule has other parts")
    for name, one in fresh.items():
        is_alike = type(one) is type(kept[name])
        if name in _OF_SCHEDULE:
            is_alike = one == kept[name]
        _require(is_alike, f"the schedule has another {name}")
    schedule.load_state_dict(kept)


def _give_optimizer(optimizer: Any, kept: Mapping[str, Any]) -> None:
    fresh = optimizer.state_dict()["param_groups"]
    is_default = type(optimizer) is torch.optim.AdamW
    for group, other in zip(fresh, kept["param_groups"], strict=True):
        _require(group.keys() <= other.keys(), "the optimizer lacks a setting")
        _require(isinstance(other["lr"], Real), "the learning rate is no number")
        fixed = group.keys() - {"lr", "params"} if is_default else set()
        same = all(group[name] == other[name] for name in fixed)
        _require(same, "the optimizer has another setting")
    _require(
        all(isinstance(one, dict) for one in kept["state"].values()),
        "the optimizer keeps no parts",
    )
    optimizer.load_state_dict(kept)
    # What others keep is theirs to know.
    if is_default:
        for weight, moments in optimizer.state.items():
            _require(moments.keys() >= _MOMENTS | {"step"}, "a moment is missing")
            for name in _MOMENTS:
                _require(moments[name].shape == weight.shape, "a moment has no shape")
                _require(moments[name].isfinite().all(), "a moment is not finite")


def _give_memories(
    own: Mapping[str, Any], kept: Mapping[str, Any], n_iter: int
) -> None:
    expected = {name: set(_MEMORIES[name]) for name in _MEMORIES if name in own}
    found = {name: set(memory) for name, memory in kept.items()}
    _require(found == expected, "the callbacks remember other things")
    for name, memory in kept.items():
        for key, one in memory.items():
            is_number = isinstance(one, Real) and one == one
            _require(is_number, f"{name} remembers what is no number")
            is_right = key not in _OF_STEPS or (type(one) is int and one == n_iter)
            _require(is_right, f"{name} remembers other steps than the history")
        vars(own[name]).update(memory)


def _require(condition: Any, problem: str) -> None:
    if not condition:
        raise ValueError(problem)


def _is_cuda(net: Any) -> bool:
    return torch.device(net.device).type == "cuda"
