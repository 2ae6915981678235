"""Neighbours, exact and approximate."""

import pickle
import sys

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manidiff import LocalPolynomialScoreDiffusion
from manidiff.datasets import Torus
from manidiff.geometry.neighbors import NeighborSearch


def test_exact_neighbors_are_the_nearest():
    rows, X = np.random.default_rng(0).normal(size=(2, 50, 4))
    distances, index = NeighborSearch(rows).kneighbors(X, 5)
    expected = np.sort(cdist(X, rows), axis=1)[:, :5]
    np.testing.assert_allclose(distances, expected)
    np.testing.assert_allclose(cdist(X, rows)[np.arange(50)[:, None], index], expected)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_approximate_neighbors_are_nearly_the_nearest(shift):
    rng = np.random.default_rng(0)
    # Three dimensions of variation in twenty columns.
    rows = rng.normal(size=(5000, 3)) @ rng.normal(size=(3, 20)) + shift
    search = NeighborSearch(rows, approximate=True)
    distances, index = search.kneighbors(rows[:500], 10)
    truth = NeighborSearch(rows).kneighbors(rows[:500], 10)[1]
    found = [len(set(a) & set(b)) for a, b in zip(index, truth, strict=True)]
    assert np.mean(found) > 9.5
    np.testing.assert_array_equal(index[:, 0], np.arange(500))
    assert (np.diff(distances, axis=1) >= 0).all()
    np.testing.assert_allclose(
        distances, np.linalg.norm(rows[index] - rows[:500, None], axis=2)
    )
    again = NeighborSearch(rows, approximate=True).kneighbors(rows[:500], 10)[1]
    np.testing.assert_array_equal(again, index)
    restored = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(restored.kneighbors(rows[:500], 10)[1], index)


@pytest.mark.parametrize("n_rows", [3, 40, 200])
def test_few_rows_have_all_their_neighbors(n_rows):
    rows = np.random.default_rng(0).normal(size=(n_rows, 2))
    distances, index = NeighborSearch(rows, approximate=True).kneighbors(rows, 3)
    assert index.min() >= 0
    assert np.isfinite(distances).all()


def test_an_estimator_draws_as_well_with_approximate_neighbors():
    rows = Torus().sample(3000, random_state=0)
    model = LocalPolynomialScoreDiffusion(approximate_neighbors=True, random_state=0)
    drawn = model.fit(rows).sample(500, random_state=0)
    exact = LocalPolynomialScoreDiffusion(random_state=0).fit(rows)
    off = Torus().distance(exact.sample(500, random_state=0)).mean()
    assert Torus().distance(drawn).mean() < 2 * off


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match=r"pip install 'manidiff\[ann\]'"):
        NeighborSearch(np.eye(3), approximate=True)
