"""What is written, and what is said where it cannot be."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import manidiff
from manidiff.command import main
from manidiff.datasets import make_mixed_table
from manidiff.persistence.files import write_atomically

GIVEN = ("synthesize", "data.csv", "new.csv", "--quiet")


def test_a_report_that_exists_is_kept(folder, fails):
    (folder / "r.html").write_text("kept")
    for action in (GIVEN, ("evaluate", "data.csv", "data.csv"), ("demo",)):
        assert "--force" in fails(*action, "--report", "r.html")
    assert (folder / "r.html").read_text() == "kept"
    assert main([*GIVEN, "--report", "r.html", "--force"]) == 0
    assert "<html" in (folder / "r.html").read_text(encoding="utf-8")


def test_a_report_that_fails_leaves_no_table(folder, fails, monkeypatch):
    kept = write_atomically

    def write_tables_only(path, parts):
        if "r.html" in path.name:
            raise OSError("disk full")
        kept(path, parts)

    # As the report is put on the disk, and then as its page is made.
    monkeypatch.setattr("manidiff.command._files.write_atomically", write_tables_only)
    assert "disk full" in fails(*GIVEN, "--report", "r.html")
    assert os.listdir() == ["data.csv"]

    def stop(found):
        raise KeyboardInterrupt

    monkeypatch.setattr("manidiff.command._actions.page", stop)
    assert main([*GIVEN, "--report", "r.html"]) == 130
    assert os.listdir() == ["data.csv"]


def test_folders_that_cannot_be_written(folder, fails, monkeypatch):
    (folder / "locked").mkdir()
    # Not by its mode, which does not bind every user.
    monkeypatch.setattr(
        "manidiff.command._files.os.access",
        lambda path, mode: "locked" not in str(path),
    )
    assert "not writable: locked" in fails("synthesize", "data.csv", "locked/new.csv")
    assert "not writable: locked" in fails("demo", "--report", "locked/r.html")
    (folder / "r.html").mkdir()
    assert "r.html is a folder" in fails("demo", "--report", "r.html")


def test_more_rows_than_memory_holds(folder, fails):
    for action in (GIVEN, ("demo", "--quiet")):
        assert "fewer --rows" in fails(*action, "--rows", "100000000000")
    assert os.listdir() == ["data.csv"]


def test_numbers_that_cannot_be_computed_with(folder, fails, monkeypatch):
    def fit(*args):
        raise torch.linalg.LinAlgError("linalg.cholesky: not positive-definite")

    monkeypatch.setattr("manidiff.command._actions.SyntheticTable.fit", fit)
    assert "not positive-definite" in fails(*GIVEN)


def run(command, folder):
    """Run a command line of the shell, and return what it left."""
    environment = os.environ | {"PYTHONPATH": str(Path(manidiff.__file__).parents[1])}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; '{sys.executable}' -m manidiff {command}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=environment,
    )


def test_nobody_reads_the_output_to_its_end(folder):
    found = run("demo --rows 60 --quiet --report r.html | true", folder)
    assert found.stderr == ""
    assert found.returncode == 141
    assert (folder / "r.html").exists()


def test_parquet_without_pyarrow_is_refused_at_once(folder, fails, monkeypatch):
    monkeypatch.setattr("manidiff.command._files.find_spec", lambda name: None)
    assert "pyarrow" in fails("synthesize", "data.csv", "new.parquet", "--quiet")


def test_parquet_keeps_dtypes_and_named_rows(folder, capsys):
    pytest.importorskip("pyarrow")
    table = make_mixed_table(60, random_state=0)
    table.to_parquet("data.parquet")
    assert main(["synthesize", "data.parquet", "new.parquet", "--quiet"]) == 0
    assert (pd.read_parquet("new.parquet").dtypes == table.dtypes).all()
    table.set_index("age").to_parquet("aged.parquet")
    assert main(["synthesize", "aged.parquet", "aged.csv"]) == 0
    drawn = pd.read_csv("aged.csv")
    assert drawn.columns[0] == "age"
    assert set(drawn["age"]) <= set(range(18, 91))
    capsys.readouterr()
    table[::2].to_parquet("half.parquet")
    assert main(["synthesize", "half.parquet", "half.csv"]) == 0
    assert "row labels" not in capsys.readouterr().err
    table.set_axis([f"r{i}" for i in range(60)]).to_parquet("labels.parquet")
    assert main(["synthesize", "labels.parquet", "labels.csv"]) == 0
    assert "labels.parquet: its row labels" in capsys.readouterr().err
    assert list(pd.read_csv("labels.csv")) == list(table)


def test_columns_that_parquet_cannot_hold(folder, fails, monkeypatch):
    pytest.importorskip("pyarrow")
    mixed = pd.DataFrame({"x": pd.Series([1, "a"], dtype=object)})
    monkeypatch.setattr(
        "manidiff.command._actions.SyntheticTable.sample", lambda *a, **k: mixed
    )
    monkeypatch.setattr("manidiff.command._actions._measure", lambda *a, **k: None)
    says = fails("synthesize", "data.csv", "new.parquet", "--quiet")
    assert "cannot write new.parquet" in says
    assert os.listdir() == ["data.csv"]
