"""Workers that draw side by side share the cores."""

import os

import joblib
import numpy as np
import pytest
import torch

from manidiff import EmpiricalScoreDiffusion
from manidiff.datasets import make_torus


class ThreadCounter(EmpiricalScoreDiffusion):
    """Draws rows that say how many threads their process takes, and which it is."""

    def _sample_chunk(self, normal, conditions, rng):
        rows = np.zeros((len(normal), 3))
        rows[:, :2] = torch.get_num_threads(), os.getpid()
        return rows


@pytest.mark.slow
def test_two_workers_take_no_more_threads_than_there_are_cores(monkeypatch):
    # Where it is set, workers take what it says.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    model = ThreadCounter(scaling=None).fit(make_torus(200, random_state=0)[0])
    with joblib.parallel_config("loky"):
        drawn = model.sample(50_000, n_jobs=2) - model.scaling_.center
    threads, processes = np.unique(drawn[:, :2].round(), axis=0).T
    assert os.getpid() not in processes
    assert (2 * threads <= max(2, joblib.cpu_count())).all()
