"""What two processes do together, for test_processes.py.

python -c "import shared_fits; shared_fits.main()" RANK FOLDER
"""

import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from skorch.callbacks import Callback
from torch import distributed, nn

from manidiff import CoarseScoreDiffusion, _streaming
from manidiff._processes import SharedSteps

# Not "auto", which takes longer to choose than these trainings take.
CHOSEN = {"coarseness": 0.5, "final_step": "tweedie", "random_state": 0}
SMALL = {"max_iter": 350, "width": 8, "depth": 1, "batch_size": 16, **CHOSEN}
GOOD = {"max_iter": 400, "width": 32, "depth": 2, **CHOSEN}


class KilledError(Exception):
    """What stands in for the end of the processes."""


def make_circle(n_samples=300, seed=0):
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def kill(estimator):
    if len(estimator.history_) == 3:
        raise KilledError


class FirstBatch(Callback):
    """Keeps what the first batch begins with."""

    def on_batch_begin(self, net, batch=None, **kwargs):
        if not hasattr(self, "seen"):
            self.seen = batch[0]["inputs"][0].tolist()


class Interrupt(Callback):
    """Ends training as Ctrl-C does, in its second epoch."""

    def on_batch_begin(self, net, **kwargs):
        if len(net.history) == 2:
            raise KeyboardInterrupt


class Normed(nn.Module):
    """Has buffers that batches change, and draws random numbers."""

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


class Poisoned(nn.Module):
    """Returns NaN from the seventh call on, in the second process alone."""

    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.linear = nn.Linear(n_features, n_features)
        self.calls = 0

    def forward(self, inputs, noise):
        self.calls += 1
        is_bad = self.calls >= 7 and distributed.get_rank() == 1
        return self.linear(inputs) * (np.nan if is_bad else 1)


def gradients(rank, folder):
    layer = nn.Linear(2, 3)
    for p in layer.parameters():
        p.grad = torch.full_like(p, rank) + torch.arange(p.numel()).view_as(p)
    SharedSteps().on_grad_computed(None, layer.named_parameters())
    return [p.grad.flatten().tolist() for p in layer.parameters()]


def good(rank, folder):
    first = FirstBatch()
    model = CoarseScoreDiffusion(callbacks=[first], **GOOD).fit(make_circle())
    return first.seen, model.set_params(callbacks=None)


def normed(rank, folder, **settings):
    model = CoarseScoreDiffusion(module=Normed, **{**SMALL, **settings})
    return model.fit(make_circle(60))


def resumed(rank, folder):
    path = folder / "training.checkpoint"
    try:
        normed(rank, folder, checkpoint=path, callbacks=[kill])
    except KilledError:
        distributed.barrier()
    if rank == 0:
        shutil.copy(path, folder / "of_two")
    return normed(rank, folder, checkpoint=path)


def in_parts(rank, folder):
    model = CoarseScoreDiffusion(**SMALL)
    for seed in range(2):
        model.partial_fit(make_circle(60, seed))
    return model


def early_stopping(rank, folder):
    return normed(
        rank, folder, early_stopping=True, n_iter_no_change=2, max_iter=2000
    ).history_


def stopped_by_one(rank, folder):
    watch = [lambda model: len(model.history_) == 2] if rank == 1 else None
    return normed(rank, folder, callbacks=watch).history_


def interrupted(rank, folder):
    try:
        normed(rank, folder, callbacks=[Interrupt()])
    except KeyboardInterrupt:
        return "interrupted"


def poisoned(rank, folder):
    CoarseScoreDiffusion(module=Poisoned, **SMALL).fit(make_circle(60))


def unseeded(rank, folder):
    CoarseScoreDiffusion(**{**SMALL, "random_state": None}).fit(make_circle(60))


def other_rows(rank, folder):
    CoarseScoreDiffusion(**SMALL).fit(make_circle(60, seed=rank))


def flipped(rank, folder):
    """Spacing and noise levels are the same."""
    X = make_circle(60) + np.array([0.5, 0])
    CoarseScoreDiffusion(**SMALL).fit(X * [(-1) ** rank, 1])


def other_labels(rank, folder):
    labels = np.arange(60) % 2
    model = CoarseScoreDiffusion(conditional=True, **SMALL)
    model.fit(make_circle(60), labels == rank)


def other_weights(rank, folder):
    weights = np.where(np.arange(60) == 7 + rank, 2, 1)
    CoarseScoreDiffusion(**SMALL).fit(make_circle(60), sample_weight=weights)


def other_parameters(rank, folder):
    CoarseScoreDiffusion(**{**SMALL, "learning_rate": 1e-3 * (1 + rank)}).fit(
        make_circle(60)
    )


def other_part(rank, folder):
    CoarseScoreDiffusion(**SMALL).partial_fit(make_circle(60) * [(-1) ** rank, 1])


def other_long_rows(rank, folder):
    before, _streaming.MAX_ENTRIES = _streaming.MAX_ENTRIES, 100
    try:
        flipped(rank, folder)
    finally:
        _streaming.MAX_ENTRIES = before


def rounded_otherwise(rank, folder):
    """As another processor rounds."""
    X = make_circle(60) * (1 + rank * 1e-14)
    return CoarseScoreDiffusion(**SMALL).fit(X)


def bad_checkpoint(rank, folder):
    (folder / "text").write_text("none")
    normed(rank, folder, checkpoint=folder / "text")


def with_bar(rank, folder):
    CoarseScoreDiffusion(**{**SMALL, "max_iter": 5}, verbose=1).fit(make_circle(60))


SCENARIOS = [
    gradients,
    good,
    normed,
    resumed,
    in_parts,
    early_stopping,
    stopped_by_one,
    interrupted,
    poisoned,
    unseeded,
    other_rows,
    flipped,
    other_labels,
    other_weights,
    other_parameters,
    other_part,
    other_long_rows,
    rounded_otherwise,
    bad_checkpoint,
    with_bar,
]


def outcome(scenario, *arguments):
    try:
        return scenario(*arguments)
    except Exception as error:
        return error


def main():
    rank, folder = int(sys.argv[1]), Path(sys.argv[2])
    meeting = (folder / "meeting").as_uri()
    distributed.init_process_group("gloo", meeting, rank=rank, world_size=2)
    found = {one.__name__: outcome(one, rank, folder) for one in SCENARIOS}
    (folder / f"{rank}.pickle").write_bytes(pickle.dumps(found))
    distributed.destroy_process_group()
