"""A report as HTML: a part of a page, or a page of its own."""

from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from manidiff.metrics._report_pictures import pictures
from manidiff.metrics._report_text import HEADINGS, cells_of, title
from manidiff.metrics._report_words import QUESTIONS, number

if TYPE_CHECKING:
    from manidiff.metrics._report_findings import Finding
    from manidiff.metrics._report_result import SampleReport

# Colours come from the page around it, so that it is legible on any ground.
_STYLE = """
.manidiff-report { color: inherit; background: transparent; max-width: 72rem;
  line-height: 1.4; overflow-x: auto; }
.manidiff-report .pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
.manidiff-report figure { margin: 0; flex: 1 1 18rem; max-width: 24rem; }
.manidiff-report svg { width: 100%; height: auto; color: inherit; }
.manidiff-report figcaption { font-size: 0.85em; }
.manidiff-report table { border-collapse: collapse; width: 100%; color: inherit;
  background: transparent; margin: 1rem 0; }
.manidiff-report tr, .manidiff-report th, .manidiff-report td {
  color: inherit; background: transparent; text-align: left; vertical-align: top;
  border: 0; padding: 0.25rem 0.6rem; }
.manidiff-report tbody tr { border-top: 1px solid
  color-mix(in srgb, currentColor 25%, transparent); }
.manidiff-report tbody th[colspan] { padding-top: 1rem; }
.manidiff-report .number { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
"""
_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem;
  max-width: 72rem; color: #1b1b1b; background: #ffffff; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #161616; }
}
"""
_NUMBERS = {"measured", "95 % interval", "fresh rows"}


def fragment(report: "SampleReport") -> str:
    """Return the report as an element that takes the colours of its page."""
    parts = [
        f"<style>{_STYLE}</style>",
        f"<h3>{escape(title(report))}</h3>",
        *(f"<p>{escape(note)}</p>" for note in report.notes),
        _figures(report),
        _findings(report),
        _columns(report),
    ]
    return '<div class="manidiff-report">{}</div>'.format("\n".join(parts))


def page(report: "SampleReport") -> str:
    """Return the report as a page that needs no other file."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title(report))}</title>\n<style>{_PAGE_STYLE}</style>\n"
        f"</head>\n<body>\n{fragment(report)}\n</body>\n</html>\n"
    )


def _figures(report: "SampleReport") -> str:
    shown = "".join(
        f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, svg in pictures(report.views, report.columns).items()
    )
    return f'<div class="pictures">{shown}</div>'


def _findings(report: "SampleReport") -> str:
    bodies = [
        f'<tr><th colspan="{len(HEADINGS)}">'
        f"{question.capitalize()}. {QUESTIONS[question]}</th></tr>"
        + "".join(map(_finding, group))
        for question, group in groupby(report.findings, key=lambda f: f.question)
    ]
    return _table(HEADINGS, bodies)


def _finding(finding: "Finding") -> str:
    name, *others = cells_of(finding)
    shown = "".join(map(_cell, HEADINGS[1:], others))
    words = f"<code>{escape(name)}</code><br>{escape(finding.reading)}"
    return f"<tr><td>{words}</td>{shown}</tr>"


def _columns(report: "SampleReport") -> str:
    headings = ("column", "measured", "fresh rows")
    rows = [
        "<tr>{}</tr>".format(
            "".join(map(_cell, headings, [name, number(difference), number(ideal)]))
        )
        for name, difference, ideal in zip(*report.columns, strict=True)
    ]
    table = _table(headings, rows)
    return f"<details><summary>Differences of all columns</summary>{table}</details>"


def _table(headings: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"<th{_kind(heading)}>{heading}</th>" for heading in headings)
    body = "\n".join(rows)
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _cell(heading: str, text: str) -> str:
    return f"<td{_kind(heading)}>{escape(text)}</td>"


def _kind(heading: str) -> str:
    return ' class="number"' if heading in _NUMBERS else ""
