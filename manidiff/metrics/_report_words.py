"""What the figures of a report say, in plain words."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from manidiff.metrics._report_findings import Finding

QUESTIONS = {
    "fidelity": "Do generated rows look like data?",
    "novelty": "Are they new?",
    "coverage": "Is every part of the data generated?",
    "two-sample": "Can they be told from held-out rows?",
    "privacy": "Can an attacker tell which rows were trained on?",
    "utility": "Does what is learned from them hold for true rows?",
}


def reading(finding: "Finding") -> str:
    """Return one or two sentences about a finding."""
    if np.isnan(finding.value):
        return f"No value: {finding.detail}"
    return _WORDS[finding.name](finding)


def number(value: float) -> str:
    """Return a number to three digits, or a dash for none."""
    return "-" if np.isnan(value) else f"{value:.3g}"


def percent(share: float) -> str:
    """Return a share in percent."""
    if 0 < abs(share) < 1e-5:
        return "less than 0.001 %"
    return f"{100 * share:.3g} %"


def plain(value: float) -> str:
    """Return a number to three digits without a power of ten, for a sentence."""
    size = float(f"{abs(value):.3g}")
    sign = "-" if value < 0 else ""
    if 0 < size < 1e-4:
        return "about 0"
    if size >= 1e6:
        return "below -1,000,000" if sign else "more than 1,000,000"
    return f"{sign}{size:,g}" if size else "0"


def _length(value: float) -> str:
    """Return a length in the units of the rows, which may be any."""
    return plain(value) if 1e-4 <= value < 1e6 else number(value)


def _times(ratio: float) -> str:
    """Return how many times a ratio is."""
    if not np.isfinite(ratio):
        return "infinitely many times"
    if ratio < 1e-3:
        return "less than 0.001 times"
    return "just" if plain(ratio) == "1" else f"{plain(ratio)} times"


def _times_ideal(finding: "Finding") -> str:
    """Return how many times the ideal the value is."""
    if finding.ideal <= 0:
        return _times(1.0 if finding.value <= 0 else np.inf)
    return _times(finding.value / finding.ideal)


def _likelihood(finding: "Finding") -> str:
    side = "more" if finding.value < 0 else "less"
    return (
        f"Generated rows make held-out rows {side} likely than training rows do, by "
        f"{plain(abs(finding.value) / 100)} nats a column. Copies and missing parts "
        "both make them less likely."
    )


def _chance(finding: "Finding") -> str:
    """Return what an AUC of 0.5 means beside the range that chance gives it."""
    low, high = (0.5 + sign * finding.margin for sign in (-1, 1))
    return f"guessing finds 50 %, and {percent(low)} to {percent(high)} by chance"


def _excess(finding: "Finding") -> str:
    interval = f"95 % interval {percent(finding.low)} to {percent(finding.high)}"
    if finding.value > 0:
        return (
            f"{percent(finding.value)} of generated rows are closer to a training row "
            f"than chance allows ({interval})."
        )
    return (
        "Generated rows are no more often close to one training row than held-out rows "
        f"are: by {percent(finding.value)} ({interval})."
    )


def _statistic(finding: "Finding") -> str:
    side = "nearer to" if finding.value < 0 else "farther from"
    return (
        f"Generated rows are {side} the training rows than held-out rows are, by a "
        f"z-score of {plain(finding.value)} a cell of space. Below -3 is strong "
        "evidence of copying, above 3 of rows too far from the data."
    )


def _recognised(finding: "Finding") -> str:
    return (
        f"{percent(finding.value)} of training rows are recognised if 1 % of held-out "
        f"rows may be mistaken for them; guessing recognises {percent(finding.ideal)}, "
        f"and up to {percent(finding.ideal + finding.margin)} by chance."
    )


_WORDS: dict[str, Callable[["Finding"], str]] = {
    "precision": lambda f: (
        f"{percent(f.value)} of generated rows lie in a neighbourhood of held-out "
        f"rows; of training rows {percent(f.ideal)} do."
    ),
    "density": lambda f: (
        f"Where generated rows are, data is {_times_ideal(f)} as dense as where "
        "training rows are."
    ),
    "off_manifold_distance": lambda f: (
        f"Generated rows are {plain(f.value)} spacings of the training rows away from "
        f"the manifold, held-out rows {plain(f.ideal)}."
    ),
    "memorization_interval.raw": lambda f: (
        f"{percent(f.value)} of generated rows are three times nearer to one training "
        f"row than to all others; of held-out rows {percent(f.ideal)} are."
    ),
    "memorization_interval.excess": _excess,
    "authenticity": lambda f: (
        f"{percent(f.value)} of generated rows are farther from their nearest training "
        f"row than that is from its own neighbour; of held-out rows {percent(f.ideal)} "
        "are."
    ),
    "data_copying_test.statistic": _statistic,
    "data_copying_test.pvalue": lambda f: (
        f"In {percent(f.value)} of cases fresh true rows come as near to the training "
        "rows. Under 1 % speaks for copying."
    ),
    "distance_to_closest_record": lambda f: (
        f"The nearest training row is {_times(f.value)} as far away as it is from "
        "held-out rows (medians). 0 means copies."
    ),
    "nearest_neighbor_distance_ratio": lambda f: (
        "The distance to the nearest training row over that to the second nearest is "
        f"{_times(f.value)} that of held-out rows (medians). 0 means copies."
    ),
    "coverage": lambda f: (
        f"{percent(f.value)} of held-out rows have a generated row in their "
        f"neighbourhood; {percent(f.ideal)} have a training row."
    ),
    "recall": lambda f: (
        f"{percent(f.value)} of held-out rows lie in a neighbourhood of generated "
        f"rows, {percent(f.ideal)} in one of training rows."
    ),
    "coverage_resolution": lambda f: (
        f"Balls of radius {_length(f.value)} hold at least half their share of "
        "generated rows, in 95 % of places. As many fresh rows reach "
        f"{_length(f.ideal)}."
    ),
    "energy_distance": lambda f: (
        f"The law of generated rows is {_times_ideal(f)} as far from that of held-out "
        "rows as the law of training rows is."
    ),
    "sliced_wasserstein_distance": lambda f: (
        f"Seen along lines, generated rows are {_times_ideal(f)} as far from held-out "
        "rows as training rows are."
    ),
    "maximum_mean_discrepancy": lambda f: (
        f"By a Gaussian kernel generated rows differ by {plain(f.value)}, training "
        f"rows by {plain(f.ideal)}; both may be below 0 by chance."
    ),
    "two_sample_auc": lambda f: (
        "Given a generated and a held-out row, a random forest finds the generated one "
        f"in {percent(f.value)} of cases; {_chance(f)}."
    ),
    "feature_likelihood_divergence": _likelihood,
    "column_differences": lambda f: (
        f"The law of a column is off by {plain(f.value)} on average, among training "
        f"rows by {plain(f.ideal)}. Largest: {f.detail}."
    ),
    "correlation_differences": lambda f: (
        f"A correlation of columns is off by {plain(f.value)} on average, among "
        f"training rows by {plain(f.ideal)}. Largest: {f.detail}."
    ),
    "nearest_generated_attack.auc": lambda f: (
        "Given a training and a held-out row, whoever has the generated rows finds the "
        f"training row in {percent(f.value)} of cases; {_chance(f)}."
    ),
    "nearest_generated_attack.tpr": _recognised,
    "loss_attack.auc": lambda f: (
        "Given a training and a held-out row, whoever has the estimator finds the "
        f"training row in {percent(f.value)} of cases; {_chance(f)}."
    ),
    "loss_attack.tpr": _recognised,
    "train_on_synthetic": lambda f: (
        f"A predictor fitted to generated rows scores {plain(f.value)} on held-out "
        f"rows, fitted to training rows {plain(f.ideal)}."
    ),
}
