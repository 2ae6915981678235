"""Time of the closed-form denoiser against the two matrix products it consists of.

N = 50 000 rows, D = 50, 512 queries. Medians over repetitions that alternate between
the contestants, so that a slow moment of the machine meets all of them.

    python benchmarks/bench_empirical.py
"""

import statistics
import time

import torch

from manidiff.diffusion.denoisers import EmpiricalDenoiser

N_ROWS, N_FEATURES, N_QUERIES, N_REPEATS = 50_000, 50, 512, 15


def naive(rows, x, sigma):
    """Denoise by a softmax over all squared distances."""
    logits = -(torch.cdist(x, rows) ** 2) / (2 * sigma[:, None] ** 2)
    return torch.softmax(logits, dim=1) @ rows


def timed(call):
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main():
    """Print the table."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(N_ROWS, N_FEATURES, generator=generator)
    x = torch.randn(N_QUERIES, N_FEATURES, generator=generator)
    sigma = torch.full((N_QUERIES,), 2.0)
    fused, exact = EmpiricalDenoiser(rows), EmpiricalDenoiser(rows, fused=False)
    contestants = {
        "two matrix products": lambda: (x @ rows.T) @ rows,
        "EmpiricalDenoiser, fused float32": lambda: fused(x, sigma),
        "EmpiricalDenoiser, exact float64": lambda: exact(x, sigma),
        "naive softmax, float32": lambda: naive(rows, x, sigma),
    }
    times = {name: [] for name in contestants}
    for _ in range(N_REPEATS):
        for name, call in contestants.items():
            times[name].append(timed(call))
    floor = statistics.median(times["two matrix products"])
    print(f"{'N = 50 000, D = 50, 512 queries':<36}{'ms':>8}{'ratio':>8}")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:<36}{1000 * median:>8.0f}{median / floor:>8.2f}")
    error = (fused(x, sigma) - exact(x.double(), sigma)).norm()
    error = error / exact(x.double(), sigma).norm()
    print(f"relative difference of fused and exact: {error:.1e}")


if __name__ == "__main__":
    main()
