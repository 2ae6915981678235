"""The law of a random part of the rows, against that of all of them."""

import numpy as np
import pytest

from manidiff import LocalPolynomialScoreDiffusion, _local_law
from manidiff.datasets import Torus

N_ROWS, N_KEPT, N_PARTS = 1200, 300, 12


def moments(model):
    """Return the means (2, D) of x and of x^2 over many draws."""
    drawn = model.scaling_.apply(model.sample(2**12, random_state=0))
    return np.array([drawn.mean(0), (drawn**2).mean(0)])


@pytest.mark.parametrize("name", ["torus", "table"])
def test_means_under_the_law_are_those_of_so_many_random_rows(name, monkeypatch):
    """Fewer than 1 of 10 000 seeds raise a false alarm.

    Means over random rows have the variance 1 / N_KEPT - 1 / N_ROWS; over 12 parts, the
    mean square of one of 16 would have to be four times that.
    """
    rng = np.random.default_rng(0)
    X = Torus().sample(N_ROWS, random_state=0)
    if name == "table":
        X = rng.normal(size=(N_ROWS, 5)) @ rng.normal(size=(5, 5))
    whole = LocalPolynomialScoreDiffusion(random_state=0).fit(X)
    exact, scaled = moments(whole), whole.scaling_.apply(X)
    spread = np.array([scaled.std(0), (scaled**2).std(0)])
    n_axes = whole.axes_.shape[1] if name == "table" else X.shape[1]
    monkeypatch.setattr(_local_law, "_MAX_LAW_ENTRIES", N_KEPT * n_axes * X.shape[1])
    found = []
    for seed in range(N_PARTS):
        part = LocalPolynomialScoreDiffusion(random_state=seed).fit(X)
        assert len(part.means_) == N_KEPT
        found.append((moments(part) - exact) / spread)
    bound = 4 * (1 / N_KEPT - 1 / N_ROWS)
    assert (np.mean(np.square(found), axis=0) < bound).all()
