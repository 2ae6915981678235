"""Time of the skorch training loop against a bare torch loop over the same batches.

python benchmarks/bench_training.py
"""

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
CPU = torch.device("cpu")


def make(n_features):
    """Return a network and its batches."""
    rows = np.random.default_rng(0).normal(size=(N_ROWS, n_features))
    weights = np.full(N_ROWS, 1 / N_ROWS)
    network = ResidualMLP(n_features, width=192, depth=4)
    gaussian = Gaussian.from_moments(rows, weights).to(CPU, torch.float32)
    law = EmpiricalTrainingLaw(
        torch.from_numpy(rows).float(), torch.from_numpy(weights).float(), np.inf
    )
    denoiser = PreconditionedDenoiser(network, gaussian)
    weights = torch.from_numpy(weights)
    return network, NoisedDraws(law, weights, None, denoiser, (0.05, 5.0))


def with_skorch(network, draws):
    """Train as the estimators do."""
    _training.train(
        network,
        draws,
        None,
        max_iter=N_STEPS,
        batch_size=BATCH_SIZE,
        learning_rate=1e-3,
        optimizer=None,
        callbacks=(),
        patience=1,
        verbose=0,
        device=CPU,
    )


def bare(network, draws):
    """Train with the same optimiser, schedule, clipping and moving average."""
    weights = list(network.parameters())
    averages = [weight.detach().clone() for weight in weights]
    optimizer = torch.optim.AdamW(weights, lr=1e-3, weight_decay=1e-4, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, WarmUpCosine(N_STEPS))
    for _ in range(N_STEPS):
        inputs, target = draws.__getitems__(range(BATCH_SIZE))
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(network(**inputs), target)
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 0.001)


def main():
    """Print the table."""
    print(f"{'features':>8}{'bare s':>10}{'skorch s':>10}{'ratio':>8}")
    for n_features in (3, 30):
        times = {bare: [], with_skorch: []}
        for _ in range(N_REPEATS):
            for loop, seconds in times.items():
                network, draws = make(n_features)
                started = time.perf_counter()
                loop(network, draws)
                seconds.append(time.perf_counter() - started)
        floor, ours = (statistics.median(seconds) for seconds in times.values())
        print(f"{n_features:>8}{floor:>10.2f}{ours:>10.2f}{ours / floor:>8.2f}")


if __name__ == "__main__":
    main()
