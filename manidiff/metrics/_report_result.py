"""What `report` returns."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manidiff.metrics._report_findings import Columns, Finding
from manidiff.metrics._report_html import fragment, page
from manidiff.metrics._report_pictures import Views
from manidiff.metrics._report_text import text

_SUFFIXES = (".html", ".htm")


@dataclass(frozen=True, repr=False, eq=False)
class SampleReport:
    """What `report` returns. Printed, it is a table; in a notebook, a page.

    Attributes
    ----------
    findings : tuple of Finding
        The figures, in the order of the questions they answer. Each has the fields
        `question`, `name`, `value`, `ideal`, `ideal_from`, `better` ("higher", "lower"
        or "nearest" to the ideal), `low` and `high` (ends of a 95 % interval),
        `margin` (no farther from the ideal does chance take fresh true rows in 95 of
        100 cases) and `reading` (in plain words). What is not known is NaN.
    columns : named tuple
        `names` of the columns, their `differences` and the `ideals` of those: what
        `column_differences` returns for generated and for training rows.
    n_rows : dict of str to int
        The numbers of "generated", "training" and "held-out" rows that were measured,
        and of those that were "compared" with as many training rows.
    notes : tuple of str
        What to know in reading it.
    seed : int
        The `random_state` that every metric was given.
    views : named tuple of ndarray
        What the pictures show: quantiles of the distances to the nearest training row,
        and rows in a plane.
    """

    findings: tuple[Finding, ...]
    columns: Columns
    n_rows: Mapping[str, int]
    notes: tuple[str, ...]
    seed: int
    views: Views

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain numbers and strings, ready for JSON.

        Returns
        -------
        contents : dict
            "findings", a dict for each, with its reading; "columns", likewise;
            "n_rows", "notes" and "seed". What is not known is None.
        """
        columns = zip(*self.columns, strict=True)
        return {
            "n_rows": dict(self.n_rows),
            "seed": self.seed,
            "notes": list(self.notes),
            "findings": [
                {key: _plain(item) for key, item in asdict(finding).items()}
                | {"reading": finding.reading}
                for finding in self.findings
            ],
            "columns": [
                {"name": name, "difference": float(difference), "ideal": float(ideal)}
                for name, difference, ideal in columns
            ],
        }

    def to_frame(self) -> Any:
        """Return the figures as a pandas DataFrame, one row each.

        Returns
        -------
        frame : DataFrame
            The fields of the findings and their readings, under the name of the metric.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise ImportError(
                "to_frame needs pandas: pip install 'manidiff[tabular]'. to_dict does "
                "without it."
            ) from error
        rows = [
            asdict(finding) | {"reading": finding.reading} for finding in self.findings
        ]
        return DataFrame(rows).set_index("name")

    def save(self, path: str | os.PathLike) -> None:
        """Write the report to one HTML file that needs no other.

        The file is there in full or not at all: an older one is replaced at the end.

        Parameters
        ----------
        path : str or path-like
            Where to: a name that ends in .html, in a folder that exists.

        Raises
        ------
        ValueError
            If the name does not end in .html or .htm.
        FileNotFoundError
            If there is no such folder.
        """
        path = Path(path)
        if path.suffix.lower() not in _SUFFIXES:
            raise ValueError(
                f"path={str(path)!r} must end in .html, as the report is one HTML page."
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(
                f"path={str(path)!r} is in a folder that does not exist. Make the "
                f"folder {str(path.parent)!r} first."
            )
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_text(page(self), encoding="utf-8")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)

    def __repr__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        return fragment(self)


def _plain(value: Any) -> Any:
    """Return None for NaN, which JSON does not have."""
    return None if isinstance(value, float) and np.isnan(value) else value
