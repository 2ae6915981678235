"""Where training is: all that its next step depends on, taken out and put back."""

import warnings
from typing import Any, Protocol

import torch

State = dict[str, Any]

# What the built-in callbacks know of the steps behind them.
_MEMORIES = {
    "step_watch": ("n_iter_",),
    "moving_average": ("n_seen_",),
    "early_stopping": ("misses_", "dynamic_threshold_", "best_epoch_"),
}


class TrainingFile(Protocol):
    """Keeps the state of training; `is_needed` until training has ended."""

    is_needed: bool

    def read(self) -> State | None:
        """Return the state that was written last, or None."""

    def write(self, state: State) -> None:
        """Keep a state in place of the one before."""


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
    """Bring a net whose training begins, and its history, to a state."""
    net.module_.load_state_dict(state["network"])
    own = dict(net.callbacks_)
    own["schedule"].lr_scheduler_.load_state_dict(state["schedule"])
    # After the schedule, whose making has set the first learning rate.
    net.optimizer_.load_state_dict(state["optimizer"])
    averages = own["moving_average"].averages_
    for average, kept in zip(averages, state["averages"], strict=True):
        average.copy_(kept)
    for name, memory in state["memories"].items():
        vars(own[name]).update(memory)
    history.extend(state["history"])
    # Epochs are counted by its length.
    net.history.extend({**record, "batches": []} for record in history)
    torch.set_rng_state(state["random"])
    if _is_cuda(net):
        torch.cuda.set_rng_state(state["random_on_device"], net.device)


def warn_of_interruption(
    n_iter: int, max_iter: int, history: list[dict[str, Any]]
) -> None:
    """Say that the user ended training; raise if that was in its first epoch.

    skorch ends training at any KeyboardInterrupt, its own or the user's, and is silent.
    """
    if not history:
        raise KeyboardInterrupt
    warnings.warn(
        f"Training was interrupted after {n_iter} of {max_iter} steps. The estimator "
        "is fitted, with what it had learned by then.",
        UserWarning,
        stacklevel=3,
    )


def _is_cuda(net: Any) -> bool:
    return torch.device(net.device).type == "cuda"
