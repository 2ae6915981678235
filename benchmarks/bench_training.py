"""Time of training, against a bare torch loop in single precision.

The loops take turns on the same batches: the bare one; the one of the estimators; the
bare one in mixed precision (bfloat16), and of a compiled network. A first step, in
which compiling happens, is not in the times. `--device cuda` for a GPU.

    python benchmarks/bench_training.py [--device cuda]
"""

import argparse
import contextlib
import statistics
import time

import numpy as np
import torch
from torch import nn

from manidiff import _training
from manidiff._training import WarmUpCosine
from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.noised_draws import NoisedDraws
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.diffusion.training_law import EmpiricalTrainingLaw
from manidiff.nets import ResidualMLP

N_ROWS, N_STEPS, BATCH_SIZE, N_REPEATS = 1000, 300, 256, 5


def make(n_features, device):
    """Return a network and its batches."""
    rows = np.random.default_rng(0).normal(size=(N_ROWS, n_features))
    weights = np.full(N_ROWS, 1 / N_ROWS)
    network = ResidualMLP(n_features, width=192, depth=4).to(device)
    gaussian = Gaussian.from_moments(rows, weights).to(device, torch.float32)
    weights = torch.from_numpy(weights).to(device)
    law = EmpiricalTrainingLaw(
        torch.from_numpy(rows).to(device).float(), weights.float(), np.inf
    )
    denoiser = PreconditionedDenoiser(network, gaussian)
    return network, NoisedDraws(law, weights, None, denoiser, (0.05, 5.0))


def with_skorch(network, draws, n_steps):
    """Train as the estimators do."""
    _training.train(
        network,
        draws,
        None,
        max_iter=n_steps,
        batch_size=BATCH_SIZE,
        learning_rate=1e-3,
        optimizer=None,
        callbacks=(),
        on_epoch=None,
        patience=1,
        verbose=0,
        device=draws.cumulative.device,
    )


def bare(network, draws, n_steps, *, precision=contextlib.nullcontext):
    """Train with the same optimiser, schedule, clipping and moving average."""
    weights = list(network.parameters())
    averages = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, WarmUpCosine(N_STEPS))
    for _ in range(n_steps):
        inputs, target = draws.__getitems__(range(BATCH_SIZE))
        optimizer.zero_grad()
        with precision():
            loss = nn.functional.mse_loss(network(**inputs), target)
        loss.backward()
        # As the loop of the estimators, which looks at every loss.
        loss.item()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 0.001)


def in_bfloat16(network, draws, n_steps):
    """Train in mixed precision."""
    device = draws.cumulative.device.type

    def precision():
        return torch.autocast(device, torch.bfloat16)

    bare(network, draws, n_steps, precision=precision)


def compiled(network, draws, n_steps):
    """Train a compiled network."""
    network.compile()
    bare(network, draws, n_steps)


LOOPS = (bare, with_skorch, in_bfloat16, compiled)


def seconds(loop, n_features, device):
    """Return what the first step takes, and what the steps after it take."""
    network, draws = make(n_features, device)
    marks = [time.perf_counter()]
    for n_steps in (1, N_STEPS):
        loop(network, draws, n_steps)
        marks.append(time.perf_counter())
    return np.diff(marks)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", type=torch.device)
    device = parser.parse_args().device
    print(
        f"{'features':>8} {'loop':>12} {'first step':>10} {'seconds':>8} {'ratio':>6}"
    )
    for n_features in (3, 30):
        times = {loop: [] for loop in LOOPS}
        for _ in range(N_REPEATS):
            for loop, measured in times.items():
                measured.append(seconds(loop, n_features, device))
        floor = statistics.median(rest for _, rest in times[bare])
        for loop, measured in times.items():
            first, rest = measured[0][0], statistics.median(r for _, r in measured)
            print(
                f"{n_features:8} {loop.__name__:>12} {first:10.2f} {rest:8.2f} "
                f"{rest / floor:6.2f}"
            )


if __name__ == "__main__":
    main()
