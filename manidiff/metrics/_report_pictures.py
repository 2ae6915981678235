"""Small pictures for a report, as SVG that takes the colour of the text around it."""

import re
from io import StringIO
from typing import Any, NamedTuple

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from manidiff.metrics._neighbors import choose, nearest_distances
from manidiff.metrics._report_findings import Columns, Rows

_MAX_POINTS, _MAX_COLUMNS, _N_QUANTILES = 400, 12, 101
# Legible on light and on dark ground.
_GENERATED = "#d55e00"
# Replaced by the colour of the text.
_INK = "#010203"
_SETTINGS: Any = {
    "font.size": 9,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "svg.fonttype": "none",
    "text.color": _INK,
    "text.usetex": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


class Views(NamedTuple):
    """What the pictures show."""

    # Quantiles of the distances to the nearest training row.
    generated_distances: np.ndarray
    heldout_distances: np.ndarray
    # Rows (n, 2) in the plane of most variance; empty where there is one column.
    generated_points: np.ndarray
    heldout_points: np.ndarray


def make_views(rows: Rows) -> Views:
    """Return what the pictures of a report show."""
    levels = np.linspace(0, 1, _N_QUANTILES)
    distances = (
        np.quantile(nearest_distances(X, rows.train, 1), levels)
        for X in (rows.generated, rows.heldout)
    )
    return Views(*distances, *_points(rows))


def _points(rows: Rows) -> tuple[np.ndarray, ...]:
    rng = np.random.RandomState(rows.seed)
    generated, heldout = (
        choose(X, _MAX_POINTS, rng) for X in (rows.generated, rows.heldout)
    )
    n_features = heldout.shape[1]
    if n_features < 2 or len(heldout) < 2:
        return np.empty((0, 2)), np.empty((0, 2))
    if n_features == 2:
        return generated, heldout
    plane = PCA(2, random_state=rng).fit(heldout)
    return plane.transform(generated), plane.transform(heldout)


def pictures(views: Views, columns: Columns) -> dict[str, str]:
    """Return {caption: svg}."""
    with rc_context(_SETTINGS):
        return {
            caption: _svg(figure, caption)
            for caption, figure in draw(views, columns).items()
        }


def draw(views: Views, columns: Columns) -> dict[str, Figure]:
    """Return {caption: figure}, in the settings of the caller."""
    drawn = {
        "Distance to the nearest training row: a curve that rises at 0 shows copies": (
            _draw_distances(views)
        )
    }
    if len(views.heldout_points):
        plane = "" if len(columns.names) == 2 else ", in the plane of most variance"
        drawn[f"Rows{plane}"] = _draw_points(views)
    drawn["How far the law of a column is off, for the columns farthest off"] = (
        _draw_columns(columns)
    )
    return drawn


def _draw_distances(views: Views) -> Figure:
    figure, axes = _empty()
    shares = np.linspace(0, 1, len(views.heldout_distances))
    for distances, color, label in (
        (views.heldout_distances, _INK, "held-out"),
        (views.generated_distances, _GENERATED, "generated"),
    ):
        axes.plot(distances, shares, color=color, lw=1.5, label=label)
    # The farthest rows would press the others together.
    widest = max(views.heldout_distances[-5], views.generated_distances[-5])
    if widest > 0:
        # Copies, all at 0, stand off the axis.
        axes.set_xlim(-0.04 * widest, widest)
    axes.set(xlabel="distance", ylabel="share of rows", ylim=(0, 1.02))
    _add_legend(figure)
    return figure


def _draw_points(views: Views) -> Figure:
    figure, axes = _empty()
    for points, color, label in (
        (views.heldout_points, _INK, "held-out"),
        (views.generated_points, _GENERATED, "generated"),
    ):
        axes.plot(*points.T, ".", color=color, ms=4, alpha=0.6, mew=0, label=label)
    axes.set_axis_off()
    axes.set_aspect("equal", adjustable="datalim")
    _add_legend(figure)
    return figure


def _draw_columns(columns: Columns) -> Figure:
    figure, axes = _empty()
    worst = np.argsort(columns.differences)[-_MAX_COLUMNS:]
    places = np.arange(len(worst))
    for values, color, marker, label in (
        (columns.ideals, _INK, "|", "training rows"),
        (columns.differences, _GENERATED, ".", "generated"),
    ):
        axes.plot(values[worst], places, marker, color=color, ms=8, label=label)
    axes.set_yticks(places, [_shortened(columns.names[index]) for index in worst])
    axes.set(xlabel="difference", xlim=(0, None), ylim=(-0.7, len(worst) - 0.3))
    _add_legend(figure)
    return figure


def _add_legend(figure: Figure) -> None:
    figure.legend(loc="outside upper center", ncols=2)


def _shortened(name: str) -> str:
    # A dollar sign would start a formula.
    name = name.replace("$", r"\$")
    return name if len(name) <= 20 else f"{name[:19]}…"


def _empty() -> tuple[Figure, Any]:
    figure = Figure(figsize=(4.2, 3.0), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Figure, salt: str) -> str:
    """Return the figure as an element of a page, its names made with the salt."""
    file = StringIO()
    with rc_context({"svg.hashsalt": salt}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(_INK, "currentColor")
    # Several pictures share the page: no style for all of it, no name twice.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[\w.]+_\d+"', "", svg)
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
