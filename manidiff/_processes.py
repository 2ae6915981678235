"""One training in several processes: each draws its own batches, all step together.

The processes are those of `torch.distributed`, whoever started them: accelerate,
torchrun or `torch.multiprocessing`. A process that has joined no others is alone, and
nothing here changes what it does.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import skorch
import torch
from skorch.callbacks import Callback
from torch import Tensor, distributed, nn

from manidiff._training_state import State, TrainingFile


def count() -> int:
    """Return how many processes train together."""
    joined = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if joined else 1


def is_main() -> bool:
    """Return whether this process speaks and writes for all."""
    return count() == 1 or distributed.get_rank() == 0


def any_says(answer: bool) -> bool:
    """Return whether any process gives this answer."""
    return any(_gathered(bool(answer))) if count() > 1 else answer


def differing(words: Mapping[str, str]) -> list[str]:
    """Return the names of the words that are not the same in all processes."""
    every = _gathered(dict(words))
    names = {name for one in every for name in one}
    return sorted(n for n in names if len({one.get(n) for one in every}) > 1)


def shared_steps() -> list[tuple[str, Callback]]:
    """Return the callback that makes processes step together, where there are more."""
    return [("processes", SharedSteps())] if count() > 1 else []


def shared_file(file: TrainingFile) -> TrainingFile:
    """Return a file that keeps the state of all processes."""
    return SharedFile(file) if count() > 1 else file


class SharedSteps(Callback):
    """Keeps the networks of all processes equal: they differ in their batches alone.

    The first of the callbacks: those after it see what is the same in all processes,
    and so come to the same decisions.
    """

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Start from the network of the main process, with chance of its own."""
        _send([*net.module_.parameters(), *net.module_.buffers()])
        seed = int(torch.randint(2**62, ()))
        torch.manual_seed(seed + distributed.get_rank())

    def on_grad_computed(
        self,
        net: skorch.NeuralNet,
        named_parameters: Iterable[tuple[str, nn.Parameter]],
        **kwargs: Any,
    ) -> None:
        """Average the gradients, all in one message."""
        gradients = [p.grad for _, p in named_parameters if p.grad is not None]
        joined = _averaged(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = joined.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def on_batch_end(
        self, net: skorch.NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Average the loss, so that one that is not finite ends training in all."""
        if training:
            last = net.history[-1, "batches", -1, "train_loss"]
            net.history.record_batch("train_loss", _averaged_number(last, net.device))

    def on_epoch_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Average the held-out loss, and keep what batches alone have changed."""
        if "valid_loss" in net.history[-1]:
            loss = _averaged_number(net.history[-1, "valid_loss"], net.device)
            net.history.record("valid_loss", loss)
        _send(net.module_.buffers())


class SharedFile:
    """The file of the main process, with the chance of every process in it."""

    def __init__(self, file: TrainingFile) -> None:
        self.file = file

    def read(self) -> State | None:
        """Return the state of this process, read by the main one."""
        found: list[Any] = [None]
        if is_main():
            try:
                found = [self.file.read()]
            except Exception as error:
                found = [error]
        distributed.broadcast_object_list(found, 0)
        if isinstance(found[0], Exception):
            raise found[0]
        if found[0] is None:
            return None
        try:
            own = found[0]["processes"][distributed.get_rank()]
            return {**found[0], **own}
        except (IndexError, KeyError, TypeError) as error:
            self.refuse(error)

    def write(self, state: State) -> None:
        """Keep the states of all processes in place of those before."""
        own = {name: state[name] for name in ("random", "random_on_device")}
        every = _gathered(own)
        if is_main():
            self.file.write({**state, "processes": every})

    def refuse(self, error: Exception) -> NoReturn:
        """Raise what the file raises."""
        self.file.refuse(error)


def _gathered(value: Any) -> list[Any]:
    """Return what every process has as its value."""
    values: list[Any] = [None] * count()
    distributed.all_gather_object(values, value)
    return values


def _send(tensors: Iterable[Tensor]) -> None:
    """Put the values of the main process into the tensors of all."""
    for tensor in tensors:
        distributed.broadcast(tensor.detach(), 0)


def _averaged(values: Tensor) -> Tensor:
    distributed.all_reduce(values)
    return values.div_(count())


def _averaged_number(value: float, device: str) -> float:
    return float(_averaged(torch.tensor(value, dtype=torch.float64, device=device)))
