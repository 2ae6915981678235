"""What a saved file contains of the training rows: docs/persistence.rst says so."""

import numpy as np
import pytest
from fitted_estimators import SMALL
from safetensors import numpy as safetensors

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

pytestmark = pytest.mark.usefixtures("few_draws_on_surface")

N_ROWS = 150


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=N_ROWS)
    return np.column_stack([np.cos(angle), 3 * np.sin(angle), np.cos(angle) ** 2])


def arrays_of(estimator, tmp_path):
    path = tmp_path / "estimator.manidiff"
    estimator.save(path)
    return safetensors.load(path.read_bytes())


def looks_of(estimator, X):
    """Return the rows in every form in which they enter an estimator."""
    scaled = estimator.scaling_.apply(X)
    coordinates = (scaled - estimator.gaussian_.mean.numpy()) @ (
        estimator.gaussian_.axes.numpy()
    )
    unit = coordinates / estimator.gaussian_.variances.sqrt().numpy()
    return {"X": X, "scaled": scaled, "coordinates": coordinates, "whitened": unit}


def values_found(values, arrays):
    """Return the share of the values that an array holds to 6 digits."""
    stored = np.sort(np.concatenate([a.ravel().astype(float) for a in arrays.values()]))
    values = np.unique(values)
    place = np.clip(np.searchsorted(stored, values), 1, len(stored) - 1)
    gap = np.minimum(abs(stored[place] - values), abs(stored[place - 1] - values))
    return float(np.mean(gap <= 1e-6 * np.abs(values)))


def rows_found(rows, arrays):
    """Return how many rows are held next to each other, in any array, to 6 digits."""
    n_columns, found = rows.shape[1], np.zeros(len(rows), dtype=bool)
    for array in arrays.values():
        for flat in (array.ravel(), array.T.ravel()):
            if flat.size < n_columns or flat.dtype.kind != "f":
                continue
            runs = np.lib.stride_tricks.sliding_window_view(flat, n_columns)
            near = np.isclose(runs[None], rows[:, None], rtol=1e-6, atol=1e-9)
            found |= near.all(axis=2).any(axis=1)
    return int(found.sum())


COARSE = {
    "auto": {},
    "local": {"training_law": "local"},
    "empirical": {"training_law": "empirical", "coarseness": 0.5},
    "ordinary": {"coarseness": 0},
    "held out": {"early_stopping": True},
    "conditional": {"conditional": True},
    "no scaling": {"scaling": None},
}


@pytest.mark.parametrize("settings", COARSE.values(), ids=COARSE)
def test_coarse_files_hold_no_row(X, tmp_path, settings):
    estimator = CoarseScoreDiffusion(random_state=0, **settings, **SMALL)
    estimator.fit(X, X[:, 0] > 0)
    arrays = arrays_of(estimator, tmp_path)
    # No array but the weights of the network has the length that rows would need.
    others = {k: a for k, a in arrays.items() if not k.startswith("net_.weights.")}
    assert max(array.size for array in others.values()) < N_ROWS
    for look in looks_of(estimator, X).values():
        assert rows_found(look, arrays) == 0
        # By chance two of the numbers may agree to 6 digits.
        assert values_found(look, arrays) < 0.05


def test_cross_fitted_files_hold_means_of_groups_and_no_row(tmp_path):
    # On a manifold, as `X` is, there would be one network.
    X = np.random.default_rng(0).normal(size=(N_ROWS, 3))
    settings = {"training_law": "cross_fitted", "random_state": 0, **SMALL}
    estimator = CoarseScoreDiffusion(**settings).fit(X)
    arrays = arrays_of(estimator, tmp_path)
    assert arrays["net_.weights.centers"].shape == (32, 3)
    for look in looks_of(estimator, X).values():
        # Places are in single precision, to which rows would be found.
        assert rows_found(look.astype(np.float32), arrays) == 0
        assert values_found(look, arrays) < 0.05


@pytest.mark.parametrize("law", ["empirical", "local"])
def test_checkpoints_hold_no_row(X, tmp_path, law):
    path = tmp_path / "checkpoint"
    seen = []

    def keep(estimator):
        if path.exists():
            seen.append((estimator, path.read_bytes()))

    CoarseScoreDiffusion(
        training_law=law,
        coarseness=0.5,
        early_stopping=True,
        random_state=0,
        checkpoint=path,
        callbacks=[keep],
        **{**SMALL, "max_iter": 200},
    ).fit(X)
    ((estimator, raw),) = seen
    arrays = safetensors.load(raw)
    # Its numbers of a random generator are no values of rows.
    assert max(a.size for n, a in arrays.items() if "random" not in n) < 64 * 32 + 1
    for look in looks_of(estimator, X).values():
        assert rows_found(look, arrays) == 0


def test_coarse_files_do_not_grow_with_the_rows(X, tmp_path):
    sizes = []
    for rows in (X[:50], X):
        estimator = CoarseScoreDiffusion(random_state=0, **SMALL).fit(rows)
        sizes.append(sum(a.nbytes for a in arrays_of(estimator, tmp_path).values()))
    assert sizes[0] == sizes[1]


def test_targets_are_held_by_a_conditional_estimator(X, tmp_path):
    y = np.random.default_rng(1).normal(size=N_ROWS)
    estimator = CoarseScoreDiffusion(conditional=True, random_state=0, **SMALL)
    arrays = arrays_of(estimator.fit(X, y), tmp_path)
    assert values_found((y - y.mean()) / y.std(), arrays) > 0.99
    assert rows_found(estimator.scaling_.apply(X), arrays) == 0


@pytest.mark.parametrize(
    "estimator",
    [
        CoarseScoreDiffusion(final_step="local_polynomial", **SMALL),
        EmpiricalScoreDiffusion(),
        EmpiricalScoreDiffusion(coarseness=1),
        LocalPolynomialScoreDiffusion(),
        LocalPolynomialScoreDiffusion(noise="isotropic"),
    ],
    ids=["surface", "empirical", "empirical-coarse", "local", "isotropic"],
)
def test_the_search_finds_the_rows_of_those_that_keep_them(X, tmp_path, estimator):
    estimator.set_params(random_state=0).fit(X)
    arrays = arrays_of(estimator, tmp_path)
    assert rows_found(estimator.scaling_.apply(X), arrays) == N_ROWS


def test_without_a_surface_local_files_hold_a_gaussian_for_each_row(X, tmp_path):
    estimator = LocalPolynomialScoreDiffusion(final_step="none", random_state=0).fit(X)
    arrays = arrays_of(estimator, tmp_path)
    assert len(arrays["means_"]) == len(arrays["axes_"]) == N_ROWS
    # Each lies where the row was, moved towards its neighbours.
    assert rows_found(estimator.scaling_.apply(X), arrays) == 0
