"""A report as plain text."""

from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from manidiff.metrics._report_words import QUESTIONS, number

if TYPE_CHECKING:
    from manidiff.metrics._report_findings import Finding
    from manidiff.metrics._report_result import SampleReport

HEADINGS = ("", "measured", "95 % interval", "fresh rows", "from", "better")
_WIDTH = 88


def text(report: "SampleReport") -> str:
    """Return the table with a reading under each line."""
    cells = [cells_of(finding) for finding in report.findings]
    columns = zip(HEADINGS, *cells, strict=True)
    widths = [max(map(len, column)) for column in columns]
    lines = [title(report)]
    lines += [fill(note, _WIDTH, subsequent_indent="  ") for note in report.notes]
    table = zip(report.findings, cells, strict=True)
    for question, group in groupby(table, key=lambda pair: pair[0].question):
        heading = f"{question.capitalize()}. {QUESTIONS[question]}"
        lines += ["", heading, _aligned(HEADINGS, widths)]
        for finding, row in group:
            indent = "    "
            words = fill(
                finding.reading, _WIDTH, initial_indent=indent, subsequent_indent=indent
            )
            lines += [_aligned(row, widths), words]
    return "\n".join(lines)


def title(report: "SampleReport") -> str:
    """Return what was measured."""
    counts = ", ".join(
        f"{report.n_rows[kind]} {kind}"
        for kind in ("generated", "training", "held-out")
    )
    return f"Report on {counts} rows of {len(report.columns.names)} columns"


def cells_of(finding: "Finding") -> tuple[str, ...]:
    """Return the cells of a line, in the order of the headings."""
    interval = ""
    if not np.isnan(finding.low):
        interval = f"{finding.low:.2g} to {finding.high:.2g}"
    ideal = number(finding.ideal)
    if not np.isnan(finding.margin):
        ideal += f" ± {finding.margin:.2g}"
    return (
        finding.name,
        number(finding.value),
        interval,
        ideal,
        finding.ideal_from.removesuffix(" rows"),
        finding.better,
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    """Return the name and words flush left, the numbers flush right."""
    name, *numbers = row[:4]
    parts = [name.ljust(widths[0])]
    parts += [
        cell.rjust(width) for cell, width in zip(numbers, widths[1:4], strict=True)
    ]
    parts += [
        cell.ljust(width) for cell, width in zip(row[4:], widths[4:], strict=True)
    ]
    return "  ".join(parts).rstrip()
