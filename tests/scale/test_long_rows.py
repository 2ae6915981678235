"""Fits to rows that are read as they are needed."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix

from manidiff import CoarseScoreDiffusion, _long_rows, _streaming

SMALL = {"max_iter": 100, "width": 32, "depth": 2, "random_state": 0}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def on_disk(tmp_path):
    def write(rows, dtype=np.float32):
        path = tmp_path / "rows"
        rows.astype(dtype).tofile(path)
        return np.memmap(path, dtype=dtype, mode="r", shape=rows.shape)

    return write


class OnlySliced:
    """What an array on disk offers, and no more: noted is what is read at once."""

    def __init__(self, rows):
        self._rows = rows
        self.shape, self.dtype, self.ndim = rows.shape, rows.dtype, 2
        self.n_read = []

    def __len__(self):
        return len(self._rows)

    def __getitem__(self, rows):
        read = self._rows[rows]
        if not isinstance(rows, slice):
            # As h5py asks for it.
            assert (np.diff(rows) > 0).all()
        self.n_read.append(len(read))
        return read

    def __array__(self, *args, **kwargs):
        raise AssertionError("the rows were copied as a whole")


def make_circle(n_samples, rng):
    angle = rng.uniform(0, 2 * np.pi, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def test_moments_in_parts_are_those_of_all_rows(short_memory, on_disk, rng):
    X = (100 + rng.standard_t(5, size=(1500, 3)) @ rng.normal(size=(3, 3))).round(3)
    weight = rng.uniform(0, 2, 1500)
    for scaling in ("feature", "global", None):
        model = CoarseScoreDiffusion(scaling=scaling, **{**SMALL, "max_iter": 1})
        long = model.fit(on_disk(X, np.float64), sample_weight=weight)
        scale, center = long.scaling_.scale, long.scaling_.center
        variances, spacing = long.gaussian_.variances, long.nn_distance_
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_streaming, "MAX_ENTRIES", X.size)
            short = model.fit(X, sample_weight=weight)
        np.testing.assert_allclose(scale, short.scaling_.scale, rtol=1e-9)
        np.testing.assert_allclose(center, short.scaling_.center, rtol=1e-9)
        torch.testing.assert_close(variances, short.gaussian_.variances)
        # The median over 500 rows of the spacing among all 1500.
        assert spacing == pytest.approx(short.nn_distance_, rel=0.15)


def test_a_long_memmap_is_learned_and_not_copied(short_memory, rng):
    X = OnlySliced(make_circle(3000, rng).astype(np.float32))
    model = CoarseScoreDiffusion(**{**SMALL, "max_iter": 400}).fit(X)
    assert max(X.n_read) <= 512
    drawn = model.sample(500, random_state=0)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 1).mean() < 0.06
    assert model.n_features_in_ == 2
    assert model.training_law_ == "empirical"


def test_arrays_and_memmaps_of_the_same_rows_give_the_same(short_memory, on_disk, rng):
    X = make_circle(1000, rng).astype(np.float32)
    fits = [CoarseScoreDiffusion(**SMALL).fit(rows) for rows in (X, on_disk(X))]
    np.testing.assert_array_equal(*(fit.sample(5, random_state=0) for fit in fits))


@pytest.mark.parametrize("law", ["auto", "local"])
def test_labels_weights_and_held_out_rows_do_their_part(short_memory, rng, law):
    X = np.vstack([make_circle(600, rng), make_circle(600, rng) + 50])
    labels, weight = np.repeat([0, 1], 600), np.ones(1200)
    X[:100] = 1000
    weight[:100] = 0
    model = CoarseScoreDiffusion(
        conditional=True,
        early_stopping=True,
        training_law=law,
        **{**SMALL, "max_iter": 300},
    )
    model.fit(X, labels, sample_weight=weight)
    assert "valid_loss" in model.history_[-1]
    assert model.sample(30, y=1, random_state=0).mean() == pytest.approx(50, abs=3)
    assert model.sample(30, y=0, random_state=0).mean() == pytest.approx(0, abs=3)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_found_wherever_it_is(short_memory, on_disk, rng, bad):
    X = make_circle(1000, rng)
    X[-1, 1] = bad
    with pytest.raises(ValueError, match="NaN or infinity"):
        CoarseScoreDiffusion(**SMALL).fit(on_disk(X))


def test_sparse_rows_are_refused_as_scikit_learn_does(short_memory, rng):
    with pytest.raises(TypeError, match="Sparse data was passed"):
        CoarseScoreDiffusion(**SMALL).fit(csr_matrix(make_circle(1000, rng)))


def test_equal_rows_are_refused(short_memory):
    with pytest.raises(ValueError, match="distinct rows"):
        CoarseScoreDiffusion(**SMALL).fit(np.full((1000, 2), 0.1))


@pytest.mark.parametrize("n_copies", [3, 4, 10])
def test_copies_of_rows_do_not_change_their_spacing(short_memory, rng, n_copies):
    X = make_circle(400, rng)
    model = CoarseScoreDiffusion(**{**SMALL, "scaling": "global"})
    long = model.fit(np.repeat(X, n_copies, axis=0))
    assert np.isfinite(long.sample(10, random_state=0)).all()
    spacing = long.nn_distance_
    # The part of the rows that is asked holds fewer different ones.
    assert spacing == pytest.approx(model.fit(X).nn_distance_, rel=0.15)


def test_a_long_table_of_few_different_rows_is_fitted(short_memory, rng):
    X = rng.integers(0, 2, size=(2000, 4)).astype(np.int8)
    long = CoarseScoreDiffusion(**SMALL).fit(X)
    assert np.isfinite(long.sample(10, random_state=0)).all()
    # All neighbours are as far: the scale of a column.
    assert long.nn_distance_ == pytest.approx(long.scaling_.scale.max() ** -1, rel=0.05)


def test_memory_is_a_small_part_of_what_the_rows_take(monkeypatch, on_disk, rng):
    monkeypatch.setattr(_streaming, "MAX_ENTRIES", 2**20)
    monkeypatch.setattr(_streaming, "_N_REFERENCE", 2**10)
    monkeypatch.setattr(_long_rows, "_READ", 2**16)
    X = on_disk(rng.normal(size=(100_000, 50)))
    model = CoarseScoreDiffusion(**{**SMALL, "max_iter": 5})
    model.fit(X)
    tracemalloc.start()
    model.fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 2


_FIT = """
import resource, sys
import numpy as np
from manidiff import CoarseScoreDiffusion
n_rows, limit = int(sys.argv[2]), int(sys.argv[3])
X = np.memmap(sys.argv[1], dtype=np.float32, mode="r", shape=(n_rows, 50))
# Of what the process may write to; pages of the file do not count.
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
model = CoarseScoreDiffusion(max_iter=20, width=32, depth=1, random_state=0).fit(X)
print(model.sample(3).shape)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_rows_larger_than_the_memory_allowed_are_fitted(tmp_path, rng):
    n_rows, limit = 5_600_000, 1000 * 2**20
    path = tmp_path / "rows"
    with open(path, "wb") as file:
        for _ in range(40):
            rng.standard_normal((n_rows // 40, 50), dtype=np.float32).tofile(file)
    assert path.stat().st_size > limit
    arguments = [str(path), str(n_rows), str(limit)]
    ended = subprocess.run(
        [sys.executable, "-c", _FIT, *arguments], capture_output=True, text=True
    )
    assert ended.stdout.strip() == "(3, 50)", ended.stderr
