"""One figure of a report, and the rows that figures are about."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any, NamedTuple

import numpy as np

from manidiff.metrics._neighbors import radii
from manidiff.metrics._pairs import counts_in_balls
from manidiff.metrics._report_words import reading

# That of `precision`, `density` and `coverage` by default.
N_NEIGHBORS = 5


@dataclass(frozen=True)
class Finding:
    """One figure of a report.

    Attributes
    ----------
    question : str
        The group: "fidelity", "novelty", "coverage", "two-sample", "privacy" or
        "utility".
    name : str
        The metric, with the part of its result behind a dot where it returns several.
    value : float
        What the generated rows score; NaN where the metric has no value.
    ideal : float
        What fresh true rows score.
    ideal_from : str
        Where `ideal` comes from: "training rows" or "held-out rows" that took the
        place of the generated ones, "simulation", or "theory".
    better : str
        "higher", "lower", or "nearest" to the ideal.
    low, high : float
        Ends of a 95 % interval for `value`; NaN where there is none.
    margin : float
        At least 95 of 100 sets of fresh true rows score no farther from `ideal`; NaN
        where that is not known.
    detail : str
        What the reading names beside the numbers, or why there is no value.
    """

    question: str
    name: str
    value: float
    ideal: float
    ideal_from: str
    better: str
    low: float = np.nan
    high: float = np.nan
    margin: float = np.nan
    detail: str = ""

    @property
    def reading(self) -> str:
        """The figure in plain words."""
        return reading(self)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that a report is about."""

    generated: np.ndarray
    train: np.ndarray
    heldout: np.ndarray
    # As many generated rows as training rows, which take their place for the ideal.
    compared: np.ndarray
    stand_ins: np.ndarray
    seed: int

    @cached_property
    def counts(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """`counts_in_balls` about held-out rows, of compared rows and of stand-ins.

        Precision, density and coverage are read off them; the search takes seconds.
        """
        reach = radii(self.heldout, N_NEIGHBORS)
        return [
            counts_in_balls(X, self.heldout, reach)
            for X in (self.compared, self.stand_ins)
        ]


class Columns(NamedTuple):
    """How far the law of each column is off, and how far that of true rows is."""

    names: list[str]
    differences: np.ndarray
    ideals: np.ndarray


class Entry(NamedTuple):
    """A metric, the question it answers, and how it is measured with its ideal."""

    question: str
    metric: Callable
    better: str
    measure: Callable[["Entry", Rows], Iterator[Finding]]

    def score(self, X: Any, rows: Rows, **keywords: Any) -> Any:
        """Return the metric of X in the place of the generated rows."""
        if "random_state" in signature(self.metric).parameters:
            keywords["random_state"] = rows.seed
        return self.metric(X, rows.train, rows.heldout, **keywords)

    def finding(
        self,
        value: float,
        ideal: float,
        ideal_from: str,
        *,
        part: str = "",
        **more: Any,
    ) -> Finding:
        """Return what was found, named after the metric and a part of its result."""
        name = f"{self.metric.__name__}.{part}" if part else self.metric.__name__
        return Finding(
            self.question,
            name,
            float(value),
            float(ideal),
            ideal_from,
            self.better,
            **more,
        )

    def findings(self, rows: Rows) -> list[Finding]:
        """Return what was found, or one finding that says why nothing was."""
        try:
            return list(self.measure(self, rows))
        except ValueError as error:
            return [self.finding(np.nan, np.nan, "theory", detail=str(error))]
