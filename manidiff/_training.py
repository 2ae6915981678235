"""The training loop: a skorch net, its batches and its callbacks.

The only module that knows skorch. A network is trained for a number of gradient steps,
whatever the number of rows; `STEPS_PER_EPOCH` of them are what skorch calls an epoch.
"""

import copy
import math
from collections.abc import Iterator, Sequence
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
from torch import Tensor, nn
from torch.utils.data import Dataset
from tqdm.auto import tqdm

from manidiff._utils.chunking import chunk_slices
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.diffusion.training_law import TrainingLaw
from manidiff.exceptions import NonFiniteLossError

STEPS_PER_EPOCH = 100
_WARM_UP_STEPS = 100
_GRADIENT_NORM = 1.0
_EMA_DECAY = 0.999
_WEIGHT_DECAY = 1e-4

Batch = tuple[dict[str, Tensor], Tensor]


class NoisedDraws(Dataset):
    """Batches of noised draws of a law, made as they are asked for.

    The indices that a loader passes only tell how many draws it wants, so a batch is
    one tensor operation instead of many items to collate.

    Parameters
    ----------
    law : TrainingLaw
        What is noised.
    weights : Tensor of shape (N,)
        Probabilities of the rows that draws descend from.
    conditions : Tensor of shape (N, c) or None
        Conditions of the rows.
    denoiser : PreconditionedDenoiser
        Its preconditioning turns denoising targets into targets of the network.
    sigma_range : tuple of two floats
        Noise levels, drawn with ln(sigma) uniform and stratified within a batch.
    """

    def __init__(
        self,
        law: TrainingLaw,
        weights: Tensor,
        conditions: Tensor | None,
        denoiser: PreconditionedDenoiser,
        sigma_range: tuple[float, float],
    ) -> None:
        self.law = law
        self.cumulative = weights.cumsum(0) / weights.sum()
        self.conditions = conditions
        self.denoiser = denoiser
        self.log_low, self.log_high = map(math.log, sigma_range)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return a batch of as many draws as there are indices."""
        n, like = len(indices), self.cumulative
        strata = torch.arange(n, dtype=like.dtype, device=like.device)
        share = (strata + torch.rand_like(strata)) / n
        log_sigma = self.log_low + share * (self.log_high - self.log_low)
        index = torch.searchsorted(like, torch.rand_like(strata))
        index = index.clamp(max=len(like) - 1)
        sigma = log_sigma.exp().float()
        x, target = self.law.noised(index, sigma)
        condition = None if self.conditions is None else self.conditions[index]
        return self.denoiser.training_pair(x, sigma, target, condition)


class FixedDraws(Dataset):
    """One frozen set of noised draws, on which epochs can be compared."""

    def __init__(self, draws: NoisedDraws, n_draws: int) -> None:
        self.inputs, self.target = draws.__getitems__(range(n_draws))

    def __len__(self) -> int:
        """Return the number of draws."""
        return len(self.target)

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """Return the draws at consecutive indices."""
        rows = slice(indices[0], indices[-1] + 1)
        return {key: value[rows] for key, value in self.inputs.items()}, self.target[
            rows
        ]


class StepLoader:
    """Hands a dataset one batch a step, an epoch of steps at a time, `n_steps` in all.

    A torch DataLoader would build and collate an index list for every batch; here a
    range says how many draws are wanted.
    """

    def __init__(self, dataset: NoisedDraws, batch_size: int, n_steps: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size
        self.n_left = n_steps

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of the next epoch."""
        for _ in range(min(STEPS_PER_EPOCH, self.n_left)):
            self.n_left -= 1
            yield self.dataset.__getitems__(range(self.batch_size))


class PassLoader:
    """Hands over a fixed dataset once, batch by batch."""

    def __init__(self, dataset: FixedDraws, batch_size: int) -> None:
        self.dataset = dataset
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches."""
        for rows in chunk_slices(len(self.dataset), self.batch_size):
            yield self.dataset.__getitems__(range(rows.start, rows.stop))


class WarmUpCosine:
    """Factor of the learning rate at a step: linear warm-up, then half a cosine."""

    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def __call__(self, step: int) -> float:
        """Return the factor."""
        warm = min(1.0, (step + 1) / min(_WARM_UP_STEPS, self.n_steps))
        return warm * 0.5 * (1 + math.cos(math.pi * min(step / self.n_steps, 1.0)))


class StepWatch(Callback):
    """Counts the steps, and ends training at the first non-finite loss."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    def on_train_begin(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Start counting."""
        self.n_iter_ = 0

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

    def on_train_end(self, net: skorch.NeuralNet, **kwargs: Any) -> None:
        """Put the averages in place of the weights."""
        for weight, average in zip(self.weights, self.averages_, strict=True):
            weight.copy_(average)
        del self.weights, self.averages_


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
    patience: int,
    verbose: int,
    device: torch.device,
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
    patience : int
        Epochs of `STEPS_PER_EPOCH` steps.
    verbose : int
        Whether to show a progress bar.
    device : torch.device
        Where to train.

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
    """
    schedule = LRScheduler(
        torch.optim.lr_scheduler.LambdaLR,
        lr_lambda=WarmUpCosine(max_iter),
        step_every="batch",
        event_name=None,
    )
    own = [
        ("step_watch", StepWatch(learning_rate)),
        ("clipping", GradientNormClipping(_GRADIENT_NORM)),
        ("schedule", schedule),
        ("moving_average", MovingAverage()),
    ]
    if verbose:
        own.append(("progress", ProgressBar(max_iter)))
    if held_out is not None:
        own.append(("early_stopping", EarlyStopping(patience=patience, sink=_silent)))
    settings: dict[str, Any] = {}
    if optimizer is None:
        settings = {"optimizer__weight_decay": _WEIGHT_DECAY, "optimizer__fused": True}
    net = skorch.NeuralNet(
        network,
        criterion=nn.MSELoss,
        optimizer=torch.optim.AdamW if optimizer is None else optimizer,
        **settings,
        lr=learning_rate,
        max_epochs=math.ceil(max_iter / STEPS_PER_EPOCH),
        batch_size=batch_size,
        iterator_train=StepLoader,
        iterator_train__n_steps=max_iter,
        iterator_valid=PassLoader,
        train_split=None if held_out is None else predefined_split(held_out),
        callbacks=[*own, *callbacks],
        callbacks__print_log=None,
        device=str(device),
        verbose=0,
    )
    net.fit(draws, y=None)
    network.eval()
    history = [_summary(epoch) for epoch in net.history]
    _forget_data(net)
    return net, history


def net_on_cpu(net: skorch.NeuralNet) -> skorch.NeuralNet:
    """Return a copy of a trained net that lives on the CPU."""
    copied = copy.deepcopy(net)
    copied.module_.to("cpu")
    copied.criterion_.to("cpu")
    copied.set_params(device="cpu")
    return copied


def _silent(message: str) -> None:
    """Say nothing; the history tells where training stopped."""


def _summary(epoch: dict[str, Any]) -> dict[str, Any]:
    kept = ("epoch", "n_iter", "train_loss", "valid_loss")
    summary = {name: epoch[name] for name in kept if name in epoch}
    return {**summary, "seconds": epoch["dur"]}


def _forget_data(net: skorch.NeuralNet) -> None:
    """Drop what refers to training rows or only serves training."""
    net.train_split = None
    net.callbacks_ = []
    net.callbacks = "disable"
    net.optimizer_.state.clear()
    net.optimizer_.zero_grad()
    net.history_ = skorch.history.History()
