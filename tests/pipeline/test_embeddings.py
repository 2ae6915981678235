"""Which embeddings can be taken back, and how well."""

import warnings
from inspect import signature

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import KernelPCA
from sklearn.manifold import (
    MDS,
    TSNE,
    Isomap,
    LocallyLinearEmbedding,
    SpectralEmbedding,
)
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KernelDensity, KNeighborsRegressor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from manidiff import LocalPolynomialScoreDiffusion, metrics
from manidiff.datasets import SwissRoll
from manidiff.inverse import InvertibleTransformer
from manidiff.pipeline import make_sampling_pipeline


def round_trip(model, rows):
    return model.inverse_transform(model.transform(rows))


def relative_error(found, rows):
    """Return the mean distance to the rows over their mean norm."""
    distances = np.linalg.norm(found - rows, axis=1)
    return distances.mean() / np.linalg.norm(rows, axis=1).mean()


def centred_error(found, rows, mean):
    """Return the root mean square distance over that to the mean."""
    return np.sqrt(((found - rows) ** 2).sum() / ((rows - mean) ** 2).sum())


def spacing(rows):
    """Return the median distance from a row to its nearest other row."""
    search = NearestNeighbors(n_neighbors=1).fit(rows)
    return np.median(search.kneighbors()[0])


def test_isomap_returns_held_out_rows_of_the_swiss_roll(swiss_roll):
    train, held_out = swiss_roll[:1000], swiss_roll[1000:]
    model = InvertibleTransformer(Isomap(n_neighbors=10)).fit(train)
    found = round_trip(model, held_out)
    assert relative_error(found, held_out) < 0.02
    error = centred_error(found, held_out, train.mean(axis=0))
    assert model.reconstruction_error_ == pytest.approx(error, rel=0.5)
    # It returns to the roll itself, not to the chords between its layers.
    assert SwissRoll().distance(found).mean() < 0.1


def test_digits_come_back_better_than_as_means_of_neighbours():
    train, held_out = train_test_split(
        load_digits().data, train_size=700, test_size=300, random_state=0
    )
    learned = InvertibleTransformer(Isomap(n_components=10)).fit(train)
    Z, Z_out = learned.transform(train), learned.transform(held_out)
    error = relative_error(learned.inverse_transform(Z_out), held_out)
    for n_neighbors in (3, 5, 10, 20):
        for weights in ("uniform", "distance"):
            means = KNeighborsRegressor(n_neighbors, weights=weights).fit(Z, train)
            assert error < relative_error(means.predict(Z_out), held_out)


def test_an_inverse_does_not_search_all_rows_again_for_each(swiss_roll):
    # Twice the rows to invert are twice the neighbours that are asked for.
    model = InvertibleTransformer(Isomap(n_neighbors=10)).fit(swiss_roll[:200])
    Z = model.transform(swiss_roll[:200])
    search, asked = model.inverse_._polynomials._search, []
    kneighbors = search.kneighbors

    def counted(points, *args):
        asked.append(len(points))
        return kneighbors(points, *args)

    search.kneighbors = counted
    try:
        model.inverse_transform(np.vstack([Z, Z]))
    finally:
        del search.kneighbors
    assert sum(asked) == 400


def lle(**parameters):
    return LocallyLinearEmbedding(random_state=0, **parameters)


WITH_TRANSFORM = {
    "Isomap": (Isomap(n_neighbors=8), 0.05),
    "LLE": (lle(n_neighbors=10), 0.01),
    "modified LLE": (lle(n_neighbors=10, method="modified"), 0.05),
    "Hessian LLE": (lle(n_neighbors=10, method="hessian"), 0.05),
    "LTSA": (lle(n_neighbors=10, method="ltsa"), 0.05),
    "KernelPCA": (KernelPCA(10, kernel="rbf", gamma=1, random_state=0), 0.01),
}


SLOW = {"modified LLE", "LTSA"}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW))
        for name in WITH_TRANSFORM
    ],
)
def test_embeddings_with_transform(swiss_roll, name):
    transformer, bound = WITH_TRANSFORM[name]
    rows = StandardScaler().fit_transform(swiss_roll[:1200])
    model = InvertibleTransformer(transformer).fit(rows[:1000])
    error = centred_error(round_trip(model, rows[1000:]), rows[1000:], 0)
    assert error < bound
    # Folds in the embedding of fewer rows may make it far larger than the error.
    assert error / 2 < model.reconstruction_error_ < 0.5
    pipeline = make_sampling_pipeline(
        StandardScaler(), transformer, KernelDensity(bandwidth=1e-3), invert="auto"
    ).fit(swiss_roll[:300])
    drawn = pipeline.sample(20, random_state=0)
    np.testing.assert_array_equal(pipeline.sample(20, random_state=0), drawn)
    assert np.isfinite(pipeline.score(swiss_roll[300:310]))


# Parameters that newer versions of scikit-learn want to be named.
START = {"init": "random"} if "init" in signature(MDS).parameters else {}
FITTED_ROWS_ONLY = {
    "TSNE": (TSNE(max_iter=300, random_state=0), 0.2),
    "MDS": (MDS(n_init=1, max_iter=50, random_state=0, **START), 1.0),
    "SpectralEmbedding": (SpectralEmbedding(n_neighbors=10, random_state=0), 0.6),
}


@pytest.mark.parametrize("name", FITTED_ROWS_ONLY)
def test_embeddings_of_the_fitted_rows_alone(swiss_roll, name, state):
    transformer, bound = FITTED_ROWS_ONLY[name]
    rows = StandardScaler().fit_transform(swiss_roll[:200])
    model = InvertibleTransformer(transformer)
    Z = model.fit_transform(rows)
    assert Z.shape == (200, 2)
    assert 0 < model.reconstruction_error_ < bound
    before = state(model)
    first = model.inverse_transform(Z)
    np.testing.assert_array_equal(model.inverse_transform(Z), first)
    assert state(model) == before
    with pytest.raises(NotImplementedError, match=rf"{name} has no transform.*Isomap"):
        model.transform(rows)


def test_a_pipeline_draws_through_an_embedding_of_the_fitted_rows(swiss_roll):
    pipeline = make_sampling_pipeline(
        StandardScaler(),
        SpectralEmbedding(n_neighbors=10, random_state=0),
        KernelDensity(bandwidth=1e-4),
        invert="auto",
    ).fit(swiss_roll[:200])
    assert pipeline.sample(7, random_state=0).shape == (7, 3)
    with pytest.raises(NotImplementedError, match="SpectralEmbedding has no transform"):
        pipeline.score_samples(swiss_roll[:5])


@pytest.mark.slow
def test_umap(swiss_roll, state):
    umap = pytest.importorskip("umap")
    rows = StandardScaler().fit_transform(swiss_roll[:500])
    with warnings.catch_warnings():
        # umap and numba warn of their own insides.
        warnings.simplefilter("ignore")
        model = InvertibleTransformer(umap.UMAP(random_state=0, n_epochs=100))
        Z = model.fit_transform(rows)
        moved = model.transform(rows[:5])
    assert model.reconstruction_error_ < 0.2
    before = state(model.inverse_)
    first = model.inverse_transform(Z)
    np.testing.assert_array_equal(model.inverse_transform(Z), first)
    assert state(model.inverse_) == before
    assert moved.shape == (5, 2)


def test_draws_through_isomap_lie_on_the_roll_and_are_new(swiss_roll):
    train, held_out = swiss_roll[:1000], swiss_roll[1000:]
    pipeline = make_sampling_pipeline(
        StandardScaler(),
        Isomap(n_neighbors=10),
        LocalPolynomialScoreDiffusion(random_state=0),
        invert="auto",
    ).fit(train)
    drawn = pipeline.sample(1000, random_state=0)
    sets = (drawn, train, held_out)
    assert SwissRoll().distance(drawn).mean() < 0.25 * spacing(train)
    assert metrics.excess_memorization(*sets) < 0.05
    assert metrics.coverage(*sets) > 0.93
