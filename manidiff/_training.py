"""The training loop: a skorch net, its batches and its callbacks.

A network is trained for a number of gradient steps,
whatever the number of rows; `STEPS_PER_EPOCH` of them are what skorch calls an epoch.
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import skorch
import torch
from skorch.callbacks import (
    Callback,
    EarlyStopping,
    GradientNormClipping,
    LRScheduler,
)
from skorch.helper import predefined_split
from torch import nn
from tqdm.auto import tqdm

from manidiff._interruptions import noticing_ctrl_c, warn_of_interruption
from manidiff._learning_rates import WarmUpCosine
from manidiff._loaders import STEPS_PER_EPOCH, PassLoader, StepLoader
from manidiff._processes import any_says, count, is_main, shared_file, shared_steps
from manidiff._training_state import (
    TrainingFile,
    give_state,
    take_state,
)
from manidiff.diffusion.noised_draws import FixedDraws, NoisedDraws
from manidiff.exceptions import NonFiniteLossError

_GRADIENT_NORM = 1.0
_EMA_DECAY = 0.999
_WEIGHT_DECAY = 1e-4

# For those who meet a net and do not know skorch.
Net = skorch.NeuralNet
OnEpoch = Callable[[list[dict[str, Any]], Callable[[], skorch.NeuralNet]], bool]


class StepWatch(Callback):
    """Counts the steps, and ends training at the first non-finite loss."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.is_busy = False

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Start counting."""
        self.n_iter_ = 0

    def on_epoch_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Note that steps are being taken."""
        self.is_busy = True

    def on_batch_end(
        self, net: skorch.NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Count the step and look at its loss."""
        if not training:
            return
        self.n_iter_ += 1
        if not math.isfinite(net.history[-1, "batches", -1, "train_loss"]):
            raise NonFiniteLossError(self.n_iter_, self.learning_rate)

    def on_epoch_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Write the count into the history."""
        net.history.record("n_iter", self.n_iter_)
        self.is_busy = False


class MovingAverage(Callback):
    """Exponential moving average of the weights, put into the module at the end."""

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Start from the weights as they are."""
        self.weights = [p.detach() for p in net.module_.parameters()]
        self.averages_ = [w.clone() for w in self.weights]
        self.n_seen_ = 0

    def on_batch_end(
        self, net: skorch.NeuralNet, training: bool = False, **kwargs: Any
    ) -> None:
        """Move the averages towards the weights, faster in the beginning."""
        if not training:
            return
        decay = min(_EMA_DECAY, (1 + self.n_seen_) / (10 + self.n_seen_))
        torch._foreach_lerp_(self.averages_, self.weights, 1 - decay)
        self.n_seen_ += 1

    def averaged(self, network: nn.Module) -> nn.Module:
        """Return a copy of the network with the averages as its weights."""
        ended = copy.deepcopy(network).eval()
        with torch.no_grad():
            for weight, average in zip(ended.parameters(), self.averages_, strict=True):
                weight.copy_(average)
        return ended

    def on_train_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Put the averages in place of the weights."""
        for weight, average in zip(self.weights, self.averages_, strict=True):
            weight.copy_(average)
        del self.weights, self.averages_


class EpochReport(Callback):
    """Keeps the history, hands it over after every epoch, and stops where asked to.

    Parameters
    ----------
    history : list of dict
        Gets one entry an epoch.
    average : MovingAverage
        Knows the weights that training would end with now.
    on_epoch : callable or None
        ``(history, net_now)`` of the history so far and a function that returns a net
        as if training had ended now; returns whether to stop.
    """

    def __init__(
        self,
        history: list[dict[str, Any]],
        average: MovingAverage,
        on_epoch: OnEpoch | None,
    ) -> None:
        self.history = history
        self.average = average
        self.on_epoch = on_epoch

    def on_epoch_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Write the epoch into the history and hand it over."""
        self.history.append(_summary(net.history[-1]))
        stops = False
        if self.on_epoch is not None:
            stops = self.on_epoch(self.history, lambda: self._net_now(net))
        if any_says(stops):
            # How skorch ends training early.
            raise KeyboardInterrupt

    def _net_now(self, net: skorch.NeuralNet) -> skorch.NeuralNet:
        ended = copy.copy(net)
        vars(ended)["module_"] = self.average.averaged(net.module_)
        _forget_data(ended)
        return ended


class Checkpoint(Callback):
    """Keeps the state of training after every epoch, and goes on from the one kept.

    The last callback: nothing draws random numbers between it and the next epoch.
    """

    def __init__(
        self, file: TrainingFile, history: list[dict[str, Any]], max_iter: int
    ) -> None:
        self.file = shared_file(file)
        self.history = history
        self.state = self.file.read()
        self.n_behind = self.state["history"][-1]["n_iter"] if self.state else 0
        if self.n_behind > max_iter:
            self.file.refuse(ValueError(f"it is {self.n_behind} steps on"))

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Bring everything to where it was."""
        if self.state is None:
            return
        try:
            give_state(net, self.state, self.history)
        # Whatever a false file makes fail, it is the file that is wrong.
        except Exception as error:
            self.file.refuse(error)

    def on_epoch_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Write where everything is."""
        self.file.write(take_state(net, self.history))


class ProgressBar(Callback):
    """A bar with the loss and the time left."""

    def __init__(self, max_iter: int) -> None:
        self.max_iter = max_iter

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Open the bar."""
        self.bar_ = tqdm(total=self.max_iter, desc="fit", unit="step")

    def on_epoch_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Advance the bar by the steps of the epoch."""
        losses = {
            name: f"{net.history[-1, name]:.4f}"
            for name in ("train_loss", "valid_loss")
            if name in net.history[-1]
        }
        self.bar_.set_postfix(losses, refresh=False)
        self.bar_.update(net.history[-1, "n_iter"] - self.bar_.n)

    def on_train_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Close the bar."""
        self.bar_.close()
        del self.bar_


def train(
    network: nn.Module,
    draws: NoisedDraws,
    held_out: FixedDraws | None,
    *,
    max_iter: int,
    batch_size: int,
    learning_rate: float,
    optimizer: type[torch.optim.Optimizer] | None,
    callbacks: Sequence[Callback],
    on_epoch: OnEpoch | None,
    patience: int,
    verbose: int,
    device: torch.device,
    checkpoint: TrainingFile | None = None,
    schedule: Callable[[int], float] | None = None,
) -> tuple[skorch.NeuralNet, list[dict[str, Any]]]:
    """Train a network in place and return the net that owns it, with its history.

    Parameters
    ----------
    network : nn.Module
        Called with the keywords inputs, noise and, if any, condition.
    draws : NoisedDraws
        Training batches.
    held_out : FixedDraws or None
        Batches on which the held-out loss is measured after every epoch; training
        stops when it has not improved for `patience` epochs.
    max_iter, batch_size : int
        Number of gradient steps, and of draws in each.
    learning_rate : float
        Largest learning rate.
    optimizer : torch optimizer class or None
        None for AdamW.
    callbacks : sequence of skorch callbacks
        Called after the built-in ones.
    on_epoch : callable or None
        See `EpochReport`.
    patience : int
        Epochs of `STEPS_PER_EPOCH` steps.
    verbose : int
        Whether to show a progress bar.
    device : torch.device
        Where to train.
    checkpoint : TrainingFile or None
        Where training goes on from, and is kept after every epoch.
    schedule : callable or None
        Factor of the learning rate at a step. None is `WarmUpCosine`.

    Returns
    -------
    net : skorch.NeuralNet
        Holds the trained network as `module_`, and none of the data.
    history : list of dict
        One entry an epoch: epoch, n_iter, train_loss, valid_loss if held out, seconds.

    Raises
    ------
    NonFiniteLossError
        At the first step whose loss is not finite.
    KeyboardInterrupt
        If the user interrupts the first epoch. Later, training ends with a warning.
    """
    history: list[dict[str, Any]] = []
    average = MovingAverage()
    watch = StepWatch(learning_rate)
    keeper = None if checkpoint is None else Checkpoint(checkpoint, history, max_iter)
    n_left = max_iter - (0 if keeper is None else keeper.n_behind)
    own = [
        *shared_steps(),
        ("step_watch", watch),
        ("clipping", GradientNormClipping(_GRADIENT_NORM)),
        ("schedule", _scheduler(schedule or WarmUpCosine(max_iter))),
        ("moving_average", average),
        ("report", EpochReport(history, average, on_epoch)),
    ]
    if verbose and is_main():
        own.append(("progress", ProgressBar(max_iter)))
    if held_out is not None:
        own.append(("early_stopping", EarlyStopping(patience=patience, sink=_silent)))
    net = _make_net(
        network,
        optimizer,
        held_out,
        n_left,
        batch_size=batch_size,
        lr=learning_rate,
        callbacks=[*own, *callbacks, *([("checkpoint", keeper)] if keeper else [])],
        device=str(device),
    )
    with noticing_ctrl_c() as ctrl_c:
        net.fit(draws, y=None)
    if watch.is_busy or ctrl_c.is_pressed or not history:
        if count() > 1:
            # The others wait for a step that this process does not take.
            raise KeyboardInterrupt
        warn_of_interruption(watch.n_iter_, max_iter, history)
    elif checkpoint is not None:
        checkpoint.is_needed = not is_main()
    network.eval()
    _forget_data(net)
    _forget_steps(net)
    return net, history


def _scheduler(schedule: Callable[[int], float]) -> LRScheduler:
    return LRScheduler(
        torch.optim.lr_scheduler.LambdaLR,
        lr_lambda=schedule,
        step_every="batch",
        event_name=None,
    )


def _make_net(
    network: nn.Module,
    optimizer: type[torch.optim.Optimizer] | None,
    held_out: FixedDraws | None,
    n_steps: int,
    **settings: Any,
) -> skorch.NeuralNet:
    """Return a net that will take n_steps steps, and look at held-out batches."""
    if optimizer is None:
        optimizer = torch.optim.AdamW
        settings["optimizer__weight_decay"] = _WEIGHT_DECAY
        settings["optimizer__fused"] = True
    return skorch.NeuralNet(
        network,
        criterion=nn.MSELoss,
        optimizer=optimizer,
        max_epochs=math.ceil(n_steps / STEPS_PER_EPOCH),
        iterator_train=StepLoader,
        iterator_train__n_steps=n_steps,
        iterator_valid=PassLoader,
        train_split=None if held_out is None else predefined_split(held_out),
        callbacks__print_log=None,
        verbose=0,
        **settings,
    )


def net_on_cpu(net: skorch.NeuralNet) -> skorch.NeuralNet:
    """Return a copy of a trained net that lives on the CPU."""
    copied = copy.deepcopy(net)
    copied.module_.to("cpu")
    copied.criterion_.to("cpu")
    copied.set_params(device="cpu")
    return copied


def net_around(network: nn.Module) -> skorch.NeuralNet:
    """Return a net on the CPU that owns a network trained elsewhere."""
    net = skorch.NeuralNet(
        network, criterion=nn.MSELoss, train_split=None, callbacks="disable", verbose=0
    )
    return net.initialize()


def _silent(message: str) -> None:
    """Say nothing; the history tells where training stopped."""


def _summary(epoch: dict[str, Any]) -> dict[str, Any]:
    kept = ("epoch", "n_iter", "train_loss", "valid_loss")
    summary = {name: float(epoch[name]) for name in kept if name in epoch}
    counts = {name: int(summary[name]) for name in ("epoch", "n_iter")}
    return {**summary, **counts, "seconds": epoch["dur"]}


def _forget_steps(net: skorch.NeuralNet) -> None:
    """Drop what only further steps would need."""
    net.optimizer_.state.clear()
    net.optimizer_.zero_grad()


def _forget_data(net: skorch.NeuralNet) -> None:
    """Drop what refers to training rows."""
    net.train_split = None
    net.callbacks_ = []
    net.callbacks = "disable"
    net.history_ = skorch.history.History()
