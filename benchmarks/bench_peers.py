"""The estimators beside other packages, on the same splits, each at its defaults.

Every fit runs in a process of its own: "MiB" is the largest resident memory of that
process beyond what it held after its imports. A peer that is not installed is reported
as missing, one that fails with its error, one that takes too long as such. The metrics
are those of `bench_quality.py`.

    pip install -c constraints.txt -r benchmarks/requirements-peers.txt
    python benchmarks/bench_peers.py [--data torus] [--peers KernelDensity CTGAN]
"""

import argparse
import multiprocessing
import resource
import time
import warnings

import numpy as np
import torch
from bench_quality import load
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from manidiff import CoarseScoreDiffusion, LocalPolynomialScoreDiffusion, metrics

DATA = ("torus", "Swiss roll", "digits", "breast_cancer", "wine")
COLUMNS = ("excess", "DCR", "precision", "coverage", "energy", "AUC", "fit s", "draw s")
N_DRAWN = 2000


def scikit(make):
    """Return a peer with scikit-learn's `fit` and `sample`."""

    def fit(X, seed):
        model = make(seed).fit(X)

        def draw(n):
            # The seed of a mixture is its own.
            mixed = isinstance(model, GaussianMixture)
            return model.sample(n)[0] if mixed else model.sample(n, random_state=seed)

        return draw

    return fit


def smote(X, seed):
    """Interpolate between neighbours: the table is a minority beside a dummy class."""
    from imblearn.over_sampling import SMOTE

    rows = np.vstack([X, np.zeros((2, X.shape[1]))])
    labels = np.repeat([0, 1], [len(X), 2])

    def draw(n):
        sampler = SMOTE(sampling_strategy={0: len(X) + n}, random_state=seed)
        return sampler.fit_resample(rows, labels)[0][-n:]

    return draw


def forest_diffusion(X, seed):
    from ForestDiffusion import ForestDiffusionModel

    model = ForestDiffusionModel(X, n_jobs=2, seed=seed)
    return lambda n: model.generate(batch_size=n)


def sdv(name):
    """Return a peer of the Synthetic Data Vault."""

    def fit(X, seed):
        import pandas as pd
        import sdv.single_table
        from sdv.metadata import Metadata

        torch.manual_seed(seed)
        frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
        metadata = Metadata.detect_from_dataframe(frame)
        for column in frame:
            metadata.update_column(column_name=column, sdtype="numerical")
        model = getattr(sdv.single_table, name)(metadata)
        model.fit(frame)
        return lambda n: model.sample(n).to_numpy(dtype=float)

    return fit


def spline_flow(X, seed):
    """Train zuko's neural spline flow as in its documentation, on standardised rows."""
    import zuko

    torch.manual_seed(seed)
    center, scale = X.mean(0), X.std(0) + (X.std(0) == 0)
    rows = torch.tensor((X - center) / scale, dtype=torch.float32)
    flow = zuko.flows.NSF(X.shape[1], transforms=3, hidden_features=(64, 64))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    for _ in range(3000):
        batch = rows[torch.randint(len(rows), (256,))]
        loss = -flow().log_prob(batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return lambda n: flow().sample((n,)).numpy() * scale + center


def treeffuser(X, seed):
    from treeffuser import Treeffuser

    model = Treeffuser(seed=seed)
    model.fit(np.zeros((len(X), 1)), X)
    return lambda n: model.sample(np.zeros((1, 1)), n_samples=n, seed=seed)[:, 0]


PEERS = {
    "LocalPolynomial": scikit(lambda s: LocalPolynomialScoreDiffusion(random_state=s)),
    "Coarse": scikit(lambda s: CoarseScoreDiffusion(random_state=s)),
    "KernelDensity": scikit(lambda s: KernelDensity()),
    "GaussianMixture": scikit(lambda s: GaussianMixture(random_state=s)),
    "SMOTE": smote,
    "ForestDiffusion": forest_diffusion,
    "GaussianCopula": sdv("GaussianCopulaSynthesizer"),
    "CTGAN": sdv("CTGANSynthesizer"),
    "TVAE": sdv("TVAESynthesizer"),
    "spline flow": spline_flow,
    "Treeffuser": treeffuser,
}


def resident():
    """Return the largest resident memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def measure(data, peer, seed, results):
    """Put one row of figures, or the reason why there is none, into a queue."""
    warnings.filterwarnings("ignore")
    try:
        train, held_out, _ = load(data, seed)
        before = resident()
        started = time.perf_counter()
        draw = PEERS[peer](train, seed)
        fitted = time.perf_counter()
        drawn = np.asarray(draw(N_DRAWN), dtype=float)
        ended = time.perf_counter()
        memory = resident() - before
        finite = np.isfinite(drawn).all(1)
        sets = (drawn[finite], train, held_out)
        results.put(
            [
                metrics.excess_memorization(*sets),
                metrics.distance_to_closest_record(*sets),
                metrics.precision(*sets),
                metrics.coverage(*sets),
                metrics.energy_ratio(*sets, random_state=seed),
                metrics.two_sample_auc(*sets, random_state=seed),
                fitted - started,
                ended - fitted,
                memory,
            ]
        )
    except ImportError as error:
        results.put(f"missing: {error}")
    except Exception as error:
        results.put(f"failed: {type(error).__name__}: {str(error)[:60]}")


def in_a_process(data, peer, seed, limit):
    """Return figures, or the reason why there are none."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    process = context.Process(target=measure, args=(data, peer, seed, results))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        return f"took more than {limit} s"
    return results.get() if not results.empty() else f"died: {process.exitcode}"


def main():
    """Print one table a data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--limit", type=int, default=900, help="seconds for one fit")
    arguments = parser.parse_args()
    for data in arguments.data:
        print(f"\n{data:16}" + "".join(f"{name:>10}" for name in (*COLUMNS, "MiB")))
        for peer in arguments.peers:
            found = [
                in_a_process(data, peer, seed, arguments.limit)
                for seed in arguments.seeds
            ]
            reasons = [row for row in found if isinstance(row, str)]
            cells = reasons[0] if reasons else ""
            if not reasons:
                cells = "".join(f"{v:10.3f}" for v in np.mean(found, axis=0))
            print(f"{peer:16}{cells}", flush=True)


if __name__ == "__main__":
    main()
