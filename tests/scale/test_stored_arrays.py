"""Fits to arrays of h5py, zarr and dask, read row by row where they are long."""

import numpy as np
import pytest

from manidiff import CoarseScoreDiffusion

SMALL = {
    "coarseness": 0.5,
    "final_step": "tweedie",
    "max_iter": 100,
    "width": 16,
    "depth": 1,
    "random_state": 0,
}
SETTINGS = {"plain": {}, "held out": {"early_stopping": True, "max_iter": 200}}


@pytest.fixture
def rows():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 2000)
    return np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


@pytest.fixture(params=["h5py", "zarr", "dask"])
def stored(request, rows, tmp_path):
    """Return the rows in parts, as a file holds them or a graph makes them."""
    library = pytest.importorskip(request.param)
    if request.param == "dask":
        array = pytest.importorskip("dask.array")
        yield -array.from_array(-rows, chunks=(300, 2))
        return
    if request.param == "zarr":
        array = library.create_array(
            tmp_path / "rows.zarr", shape=rows.shape, chunks=(300, 2), dtype=rows.dtype
        )
        array[...] = rows
        yield library.open_array(tmp_path / "rows.zarr", mode="r")
        return
    with library.File(tmp_path / "rows.h5", "w") as file:
        yield file.create_dataset("X", data=rows, chunks=(300, 2), compression="gzip")


@pytest.fixture
def never_whole(monkeypatch, stored):
    of_part = type(stored).__array__

    def not_whole(array, *args, **kwargs):
        assert array.shape != stored.shape, "the rows were copied as a whole"
        return of_part(array, *args, **kwargs)

    monkeypatch.setattr(type(stored), "__array__", not_whole)


def assert_same_draws(first, second, **given):
    np.testing.assert_array_equal(
        *(model.sample(9, random_state=0, **given) for model in (first, second))
    )


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_long_one_is_learned_as_the_array_is(
    short_memory, never_whole, stored, rows, settings
):
    model = CoarseScoreDiffusion(**{**SMALL, **settings}).fit(stored)
    assert_same_draws(model, CoarseScoreDiffusion(**{**SMALL, **settings}).fit(rows))


@pytest.mark.parametrize("targets", ["labels", "numbers"])
def test_conditions_and_weights_go_with_a_long_one(
    short_memory, never_whole, stored, rows, targets
):
    y = rows[:, 0].astype(float) if targets == "numbers" else rows[:, 0] > 0
    weight = np.where(rows[:, 1] > 0, 1.0, 0.0)
    models = [
        CoarseScoreDiffusion(conditional=True, **SMALL).fit(X, y, sample_weight=weight)
        for X in (stored, rows)
    ]
    assert_same_draws(*models, y=y[0])


def test_what_is_not_finite_is_found(short_memory, tmp_path, rows):
    h5py = pytest.importorskip("h5py")
    rows[-1, 1] = np.nan
    with h5py.File(tmp_path / "bad.h5", "w") as file:
        with pytest.raises(ValueError, match="NaN or infinity"):
            CoarseScoreDiffusion(**SMALL).fit(file.create_dataset("X", data=rows))


def test_a_short_one_is_an_array(stored, rows):
    models = [CoarseScoreDiffusion(**SMALL).fit(X) for X in (stored, rows)]
    assert_same_draws(*models)


def test_parts_of_one_are_learned(stored, rows):
    models = [
        CoarseScoreDiffusion(**SMALL).partial_fit(X[:1000]).partial_fit(X[1000:])
        for X in (stored, rows)
    ]
    assert_same_draws(*models)


def test_a_dask_array_must_know_its_length(rows):
    array = pytest.importorskip("dask.array").from_array(rows, chunks=(300, 2))
    some = array[array[:, 0] > 0]
    with pytest.raises(ValueError, match=r"length is not known.*compute_chunk_sizes"):
        CoarseScoreDiffusion(**SMALL).fit(some)
    models = [
        CoarseScoreDiffusion(**SMALL).fit(X)
        for X in (some.compute_chunk_sizes(), rows[rows[:, 0] > 0])
    ]
    assert_same_draws(*models)
