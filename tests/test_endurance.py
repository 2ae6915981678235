"""Many fits leak nothing, and one fitted estimator serves many threads."""

import gc
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.datasets import make_torus

SMALL = {"max_iter": 20, "width": 16, "depth": 1, "batch_size": 32, "n_steps": 5}
ESTIMATORS = {
    "coarse": CoarseScoreDiffusion(random_state=0, **SMALL),
    "empirical": EmpiricalScoreDiffusion(random_state=0, n_steps=5),
    "local": LocalPolynomialScoreDiffusion(random_state=0),
}


@pytest.fixture(scope="module")
def rows():
    return make_torus(150, random_state=0)[0]


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)])
def n_native(request):
    """Set how many threads each sum of numpy and torch may take."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    with threadpool_limits(request.param):
        yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_threads_draw_what_one_thread_draws(name, rows, n_native):
    model = ESTIMATORS[name].fit(rows)
    expected = [model.sample(50, random_state=seed) for seed in range(16)]
    scores = model.score_samples(rows[:5])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda s: model.sample(50, random_state=s), range(16)))
        again = list(pool.map(lambda _: model.score_samples(rows[:5]), range(8)))
    if n_native == 1:
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(again, [scores] * 8)
    # Libraries may split sums otherwise when fewer cores are free.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(again, [scores] * 8, rtol=1e-4, atol=1e-4)


def resources():
    """Return resident memory in MiB, threads and open files of this process.

    Threads of the libraries too, which Python does not know.
    """
    gc.collect()
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    return memory, len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_two_thousand_cycles_leave_nothing_behind(rows):
    """A leak of 10 kB a cycle would show as 18 MiB."""

    def cycle(i):
        model = list(ESTIMATORS.values())[i % 3]
        model.fit(rows).sample(20, random_state=i)

    for i in range(200):
        cycle(i)
    memory, threads, files = resources()
    for i in range(200, 2000):
        cycle(i)
    memory_after, threads_after, files_after = resources()
    assert memory_after < memory + 15
    assert threads_after <= threads
    assert files_after <= files
