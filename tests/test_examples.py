"""Every example runs, without a warning, and draws."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NEEDS = {"plot_oversampling": "imblearn", "plot_tabular": "pandas"}
# The first command of the README runs it as it stands.
RUN_BY_README = "plot_quickstart"


def examples():
    for path in sorted(EXAMPLES.glob("plot_*.py")):
        marks = [pytest.mark.slow] if path.stem == RUN_BY_README else []
        yield pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize("path", list(examples()))
def test_example_runs_and_draws(path, tmp_path, monkeypatch):
    if path.stem in NEEDS:
        pytest.importorskip(NEEDS[path.stem])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [str(path)])
    plt.close("all")
    try:
        runpy.run_path(str(path))
        figures = [plt.figure(number) for number in plt.get_fignums()]
        assert figures
        assert all(axes.has_data() for figure in figures for axes in figure.axes)
    finally:
        plt.close("all")
