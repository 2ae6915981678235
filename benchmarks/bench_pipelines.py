"""Draws and round trips through embeddings that scikit-learn cannot invert.

Swiss roll: 1000 rows, 2000 drawn from a pipeline of scaling, embedding and generator;
means over seeds. Off-manifold distances are in median nearest-neighbour distances of
the training rows; the other metrics are those of `manidiff.metrics`, against held-out
rows.

Round trips: rows held out of `fit` are embedded and taken back. Their error is the mean
distance to where they came from, over the mean norm of a row, and in brackets the root
mean square distance over that to the mean of all rows (`reconstruction_error_` is an
estimate of it, from the training rows alone). Embeddings: the same for more of them, on
the standardised roll. Those without `transform` embed the fitted rows alone, so there
is only the estimate.

    python benchmarks/bench_pipelines.py [--parts roll] [--generators LocalPoly]
"""

import argparse
import time
from functools import partial

import numpy as np
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
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.preprocessing import StandardScaler

from manidiff import (
    CoarseScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    datasets,
    metrics,
)
from manidiff.inverse import InvertibleTransformer
from manidiff.pipeline import make_sampling_pipeline

N_ROWS, N_DRAWN = 1000, 2000
EMBEDDINGS = {
    "Isomap": Isomap,
    "Isomap, 10 neighbours": partial(Isomap, n_neighbors=10),
    "LLE": partial(LocallyLinearEmbedding, n_neighbors=12, random_state=0),
    "LLE, modified (10)": partial(
        LocallyLinearEmbedding, n_neighbors=10, method="modified", random_state=0
    ),
    # Neighbourhoods of 12 rows reach across the layers of the roll, and folds follow.
    "LLE, modified (12)": partial(
        LocallyLinearEmbedding, n_neighbors=12, method="modified", random_state=0
    ),
    "KernelPCA, 10-D": partial(
        KernelPCA, n_components=10, kernel="rbf", gamma=1, random_state=0
    ),
}
MORE_EMBEDDINGS = {
    "LLE, Hessian (10)": partial(
        LocallyLinearEmbedding, n_neighbors=10, method="hessian", random_state=0
    ),
    "LTSA (10)": partial(
        LocallyLinearEmbedding, n_neighbors=10, method="ltsa", random_state=0
    ),
    "TSNE": partial(TSNE, random_state=0),
    "SpectralEmbedding": partial(SpectralEmbedding, n_neighbors=10, random_state=0),
    "MDS": partial(MDS, n_init=1, init="random", random_state=0),
}
GENERATORS = {
    "Coarse": CoarseScoreDiffusion,
    "LocalPoly": LocalPolynomialScoreDiffusion,
}
COLUMNS = (
    "off",
    "excess mem",
    "DCR",
    "precision",
    "coverage",
    "energy",
    "fit s",
    "draw s",
)
INVERSES = {
    "local polynomials": "auto",
    "kernel ridge": "kernel_ridge",
    "5 neighbours": KNeighborsRegressor(5, weights="distance"),
    "10 neighbours": KNeighborsRegressor(10, weights="distance"),
    "20 neighbours": KNeighborsRegressor(20, weights="distance"),
}
WIDTH = 24


def roll_rows(seed):
    """Return training and held-out rows of the Swiss roll."""
    rows = datasets.SwissRoll().sample(2 * N_ROWS, random_state=seed)
    return rows[:N_ROWS], rows[N_ROWS:]


def standardised_roll_rows(seed):
    """Return training and held-out rows of the roll, each column of variance 1."""
    train, held_out = roll_rows(seed)
    scaler = StandardScaler().fit(train)
    return scaler.transform(train), scaler.transform(held_out)


def digits_rows(seed):
    """Return two halves of the digits."""
    return train_test_split(load_digits().data, test_size=0.5, random_state=seed)


def measure_draws(embedding, generator, seed):
    """Return one row of figures for draws."""
    train, held_out = roll_rows(seed)
    pipeline = make_sampling_pipeline(
        StandardScaler(), embedding(), generator(random_state=seed), invert="auto"
    )
    started = time.perf_counter()
    pipeline.fit(train)
    fitted = time.perf_counter()
    drawn = pipeline.sample(N_DRAWN, random_state=seed)
    ended = time.perf_counter()
    spacing = np.median(NearestNeighbors(n_neighbors=1).fit(train).kneighbors()[0])
    sets = (drawn, train, held_out)
    return [
        datasets.SwissRoll().distance(drawn).mean() / spacing,
        metrics.excess_memorization(*sets),
        metrics.distance_to_closest_record(*sets),
        metrics.precision(*sets),
        metrics.coverage(*sets),
        metrics.energy_ratio(*sets, random_state=seed),
        fitted - started,
        ended - fitted,
    ]


def measure_trip(rows, transformer, inverse, seed):
    """Return the errors of a round trip, and how long `fit` took."""
    train, held_out = rows(seed)
    model = InvertibleTransformer(transformer(), inverse=inverse)
    started = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - started
    if not hasattr(model.transformer_, "transform"):
        return [np.nan, np.nan, model.reconstruction_error_, seconds]
    back = model.inverse_transform(model.transform(held_out))
    distances = np.linalg.norm(back - held_out, axis=1)
    spread = np.linalg.norm(held_out - train.mean(axis=0), axis=1)
    return [
        distances.mean() / np.linalg.norm(held_out, axis=1).mean(),
        np.sqrt((distances**2).mean() / (spread**2).mean()),
        model.reconstruction_error_,
        seconds,
    ]


def print_draws(generators, embeddings, seeds):
    """Print the table of draws."""
    print("Swiss roll".ljust(WIDTH), *(column.rjust(10) for column in COLUMNS))
    for name in generators:
        for label in embeddings:
            rows = [
                measure_draws(EMBEDDINGS[label], GENERATORS[name], seed)
                for seed in seeds
            ]
            figures = (f"{value:10.3f}" for value in np.mean(rows, axis=0))
            print(f"{label}".ljust(WIDTH), *figures, name, flush=True)


def print_trips(seeds):
    """Print the table of round trips."""
    header = ("error", "(centred)", "estimate", "fit s")
    print("round trip".ljust(2 * WIDTH), *(column.rjust(10) for column in header))
    cases = {
        "roll, Isomap": (roll_rows, partial(Isomap, n_neighbors=10)),
        "digits, Isomap(10)": (digits_rows, partial(Isomap, n_components=10)),
    }
    for case, (rows, transformer) in cases.items():
        for label, inverse in INVERSES.items():
            found = [measure_trip(rows, transformer, inverse, seed) for seed in seeds]
            figures = (f"{value:10.4f}" for value in np.mean(found, axis=0))
            print(case.ljust(WIDTH) + label.ljust(WIDTH), *figures, flush=True)


def umap_if_there_is_one():
    """Return {label: class} of umap, which is no requirement of manidiff."""
    try:
        from umap import UMAP
    except ImportError:
        return {}
    return {"UMAP": partial(UMAP, random_state=0, n_jobs=1)}


def print_embeddings(seeds):
    """Print the table of round trips through more embeddings."""
    header = ("error", "(centred)", "estimate", "fit s")
    print("roll, standardised".ljust(WIDTH), *(column.rjust(10) for column in header))
    embeddings = EMBEDDINGS | MORE_EMBEDDINGS | umap_if_there_is_one()
    for label, embedding in embeddings.items():
        found = [
            measure_trip(standardised_roll_rows, embedding, "auto", seed)
            for seed in seeds
        ]
        figures = (f"{value:10.4f}" for value in np.mean(found, axis=0))
        print(label.ljust(WIDTH), *figures, flush=True)


def main():
    """Print the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ["roll", "trips", "embeddings"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument(
        "--generators", nargs="+", choices=GENERATORS, default=list(GENERATORS)
    )
    parser.add_argument(
        "--embeddings", nargs="+", choices=EMBEDDINGS, default=list(EMBEDDINGS)
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    arguments = parser.parse_args()
    if "roll" in arguments.parts:
        print_draws(arguments.generators, arguments.embeddings, arguments.seeds)
    if "trips" in arguments.parts:
        print_trips(arguments.seeds)
    if "embeddings" in arguments.parts:
        print_embeddings(arguments.seeds)


if __name__ == "__main__":
    main()
