"""Fits that end before their time, for tests of what goes on from there."""

import pytest
from skorch.callbacks import Callback

from manidiff import CoarseScoreDiffusion

SMALL = {
    # Not "auto", which takes longer to choose than these trainings take.
    "coarseness": 0.5,
    "final_step": "tweedie",
    "max_iter": 350,
    "width": 8,
    "depth": 1,
    "batch_size": 16,
    "random_state": 0,
}


class KilledError(Exception):
    """What stands in for the end of the process."""


def killer(n_epochs):
    def kill(estimator):
        if len(estimator.history_) == n_epochs:
            raise KilledError

    return kill


def fit_killed(estimator, X, y=None, n_epochs=3):
    """Fit until the process would end in the epoch after the last one kept."""
    estimator.set_params(callbacks=[killer(n_epochs)])
    with pytest.raises(KilledError):
        estimator.fit(X, y)


def make(path=None, **settings):
    return CoarseScoreDiffusion(checkpoint=path, **{**SMALL, **settings})


class CountSteps(Callback):
    def __init__(self):
        self.n_steps = 0

    def on_batch_end(self, net, training=False, **kwargs):
        self.n_steps += training
