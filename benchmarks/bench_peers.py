"""The estimators beside other packages, on the same splits, each at its defaults.

Every fit runs in a process of its own. It imports what the peer needs and loads the
rows before the clock starts. Seconds are those of the processor, on all cores and in
all processes that the peer starts, so that they mean the same on a busy machine. "MiB"
is how much the largest resident memory grew from then to the last draw, and the largest
resident memory of the processes that were started. Rows that are not finite are left
out. The metrics are those of `bench_quality.py`.

A peer that is not installed is reported as missing, one that fails with its error, one
that takes longer than `--limit` such seconds, imports and metrics included, as such.

    pip install . -r benchmarks/requirements-peers.txt
    OMP_NUM_THREADS=1 python benchmarks/bench_peers.py [--data torus] [--peers CTGAN]
"""

import argparse
import contextlib
import multiprocessing
import resource
import warnings

import numpy as np
import psutil
import torch
from bench_quality import load
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from manidiff import CoarseScoreDiffusion, LocalPolynomialScoreDiffusion, metrics

DATA = ("torus", "Swiss roll", "digits", "breast_cancer", "wine")
COLUMNS = ("excess", "DCR", "precision", "coverage", "energy", "AUC", "fit s", "draw s")
N_DRAWN = 2000


# Each peer is a function that imports what it needs and returns `fit(X, seed)`, which
# returns `draw(n)`.


def scikit(make):
    """Return a peer with scikit-learn's `fit` and `sample`."""

    def fit(X, seed):
        model = make(seed).fit(X)

        def draw(n):
            # The seed of a mixture is its own.
            mixed = isinstance(model, GaussianMixture)
            return model.sample(n)[0] if mixed else model.sample(n, random_state=seed)

        return draw

    return lambda: fit


def smote():
    """Interpolate between neighbours: the table is a minority beside a dummy class."""
    from imblearn.over_sampling import SMOTE

    def fit(X, seed):
        rows = np.vstack([X, np.zeros((2, X.shape[1]))])
        labels = np.repeat([0, 1], [len(X), 2])

        def draw(n):
            sampler = SMOTE(sampling_strategy={0: len(X) + n}, random_state=seed)
            return sampler.fit_resample(rows, labels)[0][-n:]

        return draw

    return fit


def forest_diffusion():
    from ForestDiffusion import ForestDiffusionModel

    def fit(X, seed):
        model = ForestDiffusionModel(X, seed=seed)
        return lambda n: model.generate(batch_size=n)

    return fit


def sdv(name):
    """Return a peer of the Synthetic Data Vault."""

    def prepare():
        import pandas as pd
        import sdv.single_table
        from sdv.metadata import Metadata

        def fit(X, seed):
            torch.manual_seed(seed)
            frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
            metadata = Metadata.detect_from_dataframes({"rows": frame}, infer_keys=None)
            metadata.update_columns(column_names=list(frame), sdtype="numerical")
            model = getattr(sdv.single_table, name)(metadata)
            model.fit({"rows": frame})
            return lambda n: model.sample(n)["rows"].to_numpy(dtype=float)

        return fit

    return prepare


def spline_flow():
    """Train zuko's default flow on standardised rows, as its documentation advises.

    The optimizer is that of its tutorial. It sets no number of steps: 3000 are those of
    CoarseScoreDiffusion.
    """
    import zuko

    def fit(X, seed):
        torch.manual_seed(seed)
        center, scale = X.mean(0), X.std(0) + (X.std(0) == 0)
        rows = torch.tensor((X - center) / scale, dtype=torch.float32)
        flow = zuko.flows.NSF(X.shape[1])
        optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
        for _ in range(3000):
            batch = rows[torch.randint(len(rows), (256,))]
            loss = -flow().log_prob(batch).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return lambda n: flow().sample((n,)).numpy() * scale + center

    return fit


def treeffuser():
    from treeffuser import Treeffuser

    def fit(X, seed):
        model = Treeffuser(seed=seed)
        model.fit(np.zeros((len(X), 1)), X)
        return lambda n: model.sample(np.zeros((1, 1)), n_samples=n, seed=seed)[:, 0]

    return fit


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


def largest():
    """Return the largest resident memory of this process until now, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def family(process):
    """Return a process, those that it has started, and those that they have."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def total(figure, processes):
    """Return the sum of a figure of those processes that still are."""
    found = 0.0
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += figure(process)
    return found


def seconds(processes):
    """Return the processor time of processes, and of their children that ended."""
    return total(lambda one: sum(one.cpu_times()[:4]), processes)


def resident(processes):
    """Return the resident memory of processes together, in MiB."""
    return total(lambda one: one.memory_info().rss, processes) / 2**20


def measure(data, peer, seed, results):
    """Send one row of figures, or the reason why there is none."""
    warnings.filterwarnings("ignore")
    try:
        fit = PEERS[peer]()
        train, held_out, _ = load(data, seed)
        here, before = psutil.Process(), largest()
        started = seconds(family(here))
        draw = fit(train, seed)
        fitted = seconds(family(here))
        drawn = np.asarray(draw(N_DRAWN), dtype=float)
        ended = seconds(family(here))
        memory = largest() - before
        sets = (drawn[np.isfinite(drawn).all(1)], train, held_out)
        results.send(
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
        results.send(f"missing: {error}")
    except Exception as error:
        results.send(f"failed: {type(error).__name__}: {str(error)[:60]}")


def in_a_process(data, peer, seed, limit):
    """Return figures, or the reason why there are none."""
    context = multiprocessing.get_context("spawn")
    results, sender = context.Pipe(duplex=False)
    process = context.Process(target=measure, args=(data, peer, seed, sender))
    process.start()
    sender.close()
    watched = psutil.Process(process.pid)
    of_workers = 0.0
    try:
        while not results.poll(0.2):
            of_workers = max(of_workers, resident(family(watched)[1:]))
            if seconds(family(watched)) > limit:
                return f"took more than {limit} s"
        found = results.recv()
    except EOFError:
        process.join()
        return f"died: {process.exitcode}"
    finally:
        # Workers outlive the process that started them.
        for one in family(watched):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    if not isinstance(found, str):
        found[-1] += of_workers
    return found


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
