"""How each metric of a report is measured, and what fresh true rows score.

Training rows are fresh rows to a metric that they do not enter, held-out rows to one
that those do not enter: they take the place of the generated rows, equally many of
them. The other metrics are made so that fresh rows score a known number.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import betabinom, binomtest

from manidiff.metrics._coverage import coverage, recall
from manidiff.metrics._data_copying import data_copying_test
from manidiff.metrics._discrepancies import (
    maximum_mean_discrepancy,
    sliced_wasserstein_distance,
)
from manidiff.metrics._fidelity import density, off_manifold_distance, precision
from manidiff.metrics._likelihood import feature_likelihood_divergence
from manidiff.metrics._mass_coverage import coverage_resolution
from manidiff.metrics._memorization import memorization_interval
from manidiff.metrics._novelty import (
    authenticity,
    distance_to_closest_record,
    nearest_neighbor_distance_ratio,
)
from manidiff.metrics._privacy import loss_attack, nearest_generated_attack
from manidiff.metrics._report_findings import N_NEIGHBORS, Columns, Entry, Finding, Rows
from manidiff.metrics._report_words import plain
from manidiff.metrics._tables import column_differences, correlation_differences
from manidiff.metrics._two_sample import energy_distance, two_sample_auc
from manidiff.metrics._utility import train_on_synthetic

# Half the width of a 95 % range of a normal law, in its standard deviations.
_DEVIATIONS = 1.96
# What the metrics take by default, which the chance ranges depend on.
_MAX_FPR, _AUC_ROWS, _ATTACK_ROWS = 0.01, 1000, 2000
# Rows that a classifier is tested on train it for the others: its area under the ROC
# curve varies more than that of independent scores. On fresh rows of manifolds the
# standard deviation was 1.1 to 1.6 times theirs.
_CROSS_VALIDATED = 1.6

Findings = Iterator[Finding]


class Utility(NamedTuple):
    """What `train_on_synthetic` takes: all rows, in the place of the chosen ones."""

    X_gen: Any
    X_train: Any
    X_heldout: Any
    y_gen: Any
    y_train: Any
    y_heldout: Any
    estimator: Any


def measure_columns(rows: Rows, names: list[str], categorical: Any) -> Columns:
    """Return the differences of all columns."""
    differences, ideals = (
        column_differences(X, rows.train, rows.heldout, categorical=categorical)
        for X in (rows.compared, rows.stand_ins)
    )
    return Columns(names, differences, ideals)


def entries(
    columns: Columns, manifold: Any, estimator: Any, utility: Utility | None
) -> list[Entry]:
    """Return what is measured, in order; what is None is left out."""
    found = [
        Entry("fidelity", precision, "higher", _precision),
        Entry("fidelity", density, "nearest", _density),
    ]
    if manifold is not None:
        off = partial(_off_manifold, manifold=manifold)
        found.append(Entry("fidelity", off_manifold_distance, "lower", off))
    found += [
        Entry("novelty", memorization_interval, "lower", _memorization),
        Entry("novelty", authenticity, "nearest", _authenticity),
        Entry("novelty", data_copying_test, "nearest", _data_copying),
        Entry("novelty", distance_to_closest_record, "nearest", _over_heldout),
        Entry("novelty", nearest_neighbor_distance_ratio, "nearest", _over_heldout),
        Entry("coverage", coverage, "higher", _coverage),
        Entry("coverage", recall, "higher", _compared),
        Entry("coverage", coverage_resolution, "lower", _resolution),
        Entry("two-sample", energy_distance, "lower", _compared),
        Entry("two-sample", sliced_wasserstein_distance, "lower", _compared),
        Entry("two-sample", maximum_mean_discrepancy, "lower", _compared),
        Entry("two-sample", two_sample_auc, "lower", _classifier),
        Entry("two-sample", feature_likelihood_divergence, "lower", _divergence),
        Entry(
            "two-sample",
            column_differences,
            "lower",
            partial(_columns, columns=columns),
        ),
    ]
    if len(columns.names) > 1:
        pairs = partial(_correlations, names=columns.names)
        found.append(Entry("two-sample", correlation_differences, "lower", pairs))
    found.append(Entry("privacy", nearest_generated_attack, "lower", _nearest_attack))
    if estimator is not None:
        attack = partial(_loss_attack, estimator=estimator)
        found.append(Entry("privacy", loss_attack, "lower", attack))
    if utility is not None:
        use = partial(_use, utility=utility)
        found.append(Entry("utility", train_on_synthetic, "higher", use))
    return found


def _compared(entry: Entry, rows: Rows) -> Findings:
    """For a metric that the training rows do not enter."""
    value, ideal = (entry.score(X, rows) for X in (rows.compared, rows.stand_ins))
    yield entry.finding(value, ideal, "training rows")


def _precision(entry: Entry, rows: Rows) -> Findings:
    value, ideal = (float(np.mean(in_balls > 0)) for in_balls, _ in rows.counts)
    low, high = _share_interval(value, len(rows.compared))
    yield entry.finding(value, ideal, "training rows", low=low, high=high)


def _density(entry: Entry, rows: Rows) -> Findings:
    value, ideal = (in_balls.mean() / N_NEIGHBORS for in_balls, _ in rows.counts)
    yield entry.finding(value, ideal, "training rows")


def _coverage(entry: Entry, rows: Rows) -> Findings:
    value, ideal = ((held > 0).mean() for _, held in rows.counts)
    yield entry.finding(value, ideal, "training rows")


def _off_manifold(entry: Entry, rows: Rows, manifold: Any) -> Findings:
    value, ideal = (
        entry.score(X, rows, manifold=manifold) for X in (rows.generated, rows.heldout)
    )
    yield entry.finding(value, ideal, "held-out rows")


def _memorization(entry: Entry, rows: Rows) -> Findings:
    found = entry.score(rows.generated, rows)
    low, high = _share_interval(found.raw, len(rows.generated))
    shares = found.raw, found.heldout
    yield entry.finding(*shares, "held-out rows", part="raw", low=low, high=high)
    ends = {"low": found.low, "high": found.high}
    yield entry.finding(found.excess, 0, "theory", part="excess", **ends)


def _authenticity(entry: Entry, rows: Rows) -> Findings:
    value, ideal = (entry.score(X, rows) for X in (rows.generated, rows.heldout))
    low, high = _share_interval(value, len(rows.generated))
    yield entry.finding(value, ideal, "held-out rows", low=low, high=high)


def _data_copying(entry: Entry, rows: Rows) -> Findings:
    found = entry.score(rows.generated, rows)
    yield entry.finding(found.statistic, 0, "theory", part="statistic")
    # That of fresh rows is uniform.
    yield entry.finding(found.pvalue, 0.5, "theory", part="pvalue", margin=0.475)


def _over_heldout(entry: Entry, rows: Rows) -> Findings:
    """For a ratio to what held-out rows score."""
    yield entry.finding(entry.score(rows.generated, rows), 1, "theory")


def _resolution(entry: Entry, rows: Rows) -> Findings:
    found = entry.score(rows.generated, rows)
    yield entry.finding(found.resolution, found.floor, "simulation")


def _classifier(entry: Entry, rows: Rows) -> Findings:
    size = min(len(rows.generated), len(rows.heldout), _AUC_ROWS)
    value = entry.score(rows.generated, rows)
    margin = _CROSS_VALIDATED * _auc_margin(size, size)
    yield entry.finding(value, 0.5, "theory", margin=margin)


def _divergence(entry: Entry, rows: Rows) -> Findings:
    yield entry.finding(entry.score(rows.generated, rows), 0, "theory")


def _columns(entry: Entry, rows: Rows, columns: Columns) -> Findings:
    worst = np.argmax(columns.differences)
    largest = f"{columns.names[worst]}, {plain(columns.differences[worst])}"
    means = columns.differences.mean(), columns.ideals.mean()
    yield entry.finding(*means, "training rows", detail=largest)


def _correlations(entry: Entry, rows: Rows, names: list[str]) -> Findings:
    pairs = np.triu_indices(len(names), 1)
    differences, ideals = (
        entry.score(X, rows)[pairs] for X in (rows.compared, rows.stand_ins)
    )
    worst = np.argmax(differences)
    first, second = (names[index[worst]] for index in pairs)
    largest = f"{first} with {second}, {plain(differences[worst])}"
    means = differences.mean(), ideals.mean()
    yield entry.finding(*means, "training rows", detail=largest)


def _nearest_attack(entry: Entry, rows: Rows) -> Findings:
    found = entry.score(rows.generated, rows, max_fpr=_MAX_FPR)
    return _attack(entry, found, len(rows.train), len(rows.heldout))


def _loss_attack(entry: Entry, rows: Rows, estimator: Any) -> Findings:
    found = entry.metric(
        estimator,
        rows.train,
        rows.heldout,
        max_fpr=_MAX_FPR,
        max_rows=_ATTACK_ROWS,
        random_state=rows.seed,
    )
    sizes = (min(len(X), _ATTACK_ROWS) for X in (rows.train, rows.heldout))
    return _attack(entry, found, *sizes)


def _attack(entry: Entry, found: Any, n_members: int, n_others: int) -> Findings:
    margin = _auc_margin(n_members, n_others)
    yield entry.finding(found.auc, 0.5, "theory", part="auc", margin=margin)
    # Below the (k + 1)-th of n values lies a share of others that has a Beta law.
    k = int(_MAX_FPR * n_others)
    recognised = betabinom(n_members, k + 1, n_others - k)
    ideal = recognised.mean() / n_members
    margin = recognised.ppf(0.975) / n_members - ideal
    yield entry.finding(found.tpr, ideal, "theory", part="tpr", margin=margin)


def _use(entry: Entry, rows: Rows, utility: Utility) -> Findings:
    found = entry.metric(**utility._asdict())
    yield entry.finding(found.synthetic, found.real, "training rows")


def _share_interval(share: float, n_rows: int) -> tuple[float, float]:
    """Return Wilson's interval for a share of independent rows."""
    ends = binomtest(round(share * n_rows), n_rows).proportion_ci(method="wilson")
    return float(ends.low), float(ends.high)


def _auc_margin(n_x: int, n_y: int) -> float:
    """Return how far chance takes an area under the ROC curve: Mann-Whitney's."""
    return _DEVIATIONS * float(np.sqrt((n_x + n_y + 1) / (12 * n_x * n_y)))
