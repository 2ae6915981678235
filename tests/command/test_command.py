"""The command, as it is called from a shell."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import manidiff
from manidiff.command import main
from manidiff.datasets import make_mixed_table


def test_synthesize_writes_a_table_and_a_page(folder, capsys):
    status = main(
        ["synthesize", "data.csv", "new.csv", "--rows", "50", "--report", "all.html"]
    )
    assert status == 0
    data, new = pd.read_csv("data.csv"), pd.read_csv("new.csv")
    assert len(new) == 50
    assert list(new.columns) == list(data.columns)
    assert set(new["city"]) <= set(data["city"])
    assert pd.to_datetime(new["joined"], format="ISO8601").notna().all()
    assert "<html" in (folder / "all.html").read_text(encoding="utf-8")
    printed = capsys.readouterr()
    assert "copies beyond chance" in printed.out
    assert "learning 96 rows" in printed.err


def test_a_seed_repeats_the_file(folder):
    for name in ("a.csv", "b.csv", "c.csv"):
        seed = "1" if name == "c.csv" else "0"
        assert main(["synthesize", "data.csv", name, "--seed", seed, "--quiet"]) == 0
    a, b, c = ((folder / name).read_bytes() for name in ("a.csv", "b.csv", "c.csv"))
    assert a == b != c


def test_rows_can_be_asked_to_have_values(folder):
    main(["synthesize", "data.csv", "x.csv", "--set", "member=True", "visits=3"])
    drawn = pd.read_csv("x.csv")
    assert len(drawn) == 120
    assert drawn["member"].all()
    assert (drawn["visits"] == 3).all()


def test_evaluate_finds_copies(folder, capsys):
    assert main(["evaluate", "data.csv", "data.csv", "--quiet"]) == 0
    copied = capsys.readouterr().out
    new = make_mixed_table(120, random_state=1)
    new.to_csv("fresh.csv", index=False)
    assert main(["evaluate", "fresh.csv", "data.csv", "--quiet"]) == 0
    fresh = capsys.readouterr().out

    def copies(text):
        line = next(line for line in text.splitlines() if line.startswith("copies"))
        return float(line.split()[-2])

    assert copies(copied) > 0.3
    assert abs(copies(fresh)) < 0.05


def test_evaluate_takes_held_out_rows(folder, capsys):
    make_mixed_table(90, random_state=2).to_csv("more.csv", index=False)
    arguments = ["evaluate", "data.csv", "data.csv", "--heldout", "more.csv"]
    assert main(arguments) == 0
    line = capsys.readouterr().out.splitlines()[2]
    assert line.startswith("copies beyond chance")
    assert float(line.split()[-2]) > 0.9


def test_demo_needs_no_file(folder, capsys):
    before = sorted(os.listdir())
    assert main(["demo", "--rows", "100"]) == 0
    assert "Generated rows" in capsys.readouterr().out
    assert sorted(os.listdir()) == before


def test_files_that_cannot_be_read(folder, fails):
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("a,b\n")
    (folder / "ragged.csv").write_text("a,b\n1,2\n3\n4,5\n")
    (folder / "twice.csv").write_text("a,a\n1,2\n")
    (folder / "latin.csv").write_bytes("a\ncaf\xe9\n".encode("latin-1"))
    (folder / "few.csv").write_text("a,b\n1,2\n3,4\n")
    (folder / "data.txt").write_text("a\n1\n")
    says = {
        "none.csv": "no such file: none.csv",
        "empty.csv": "empty.csv is empty",
        "header.csv": "header.csv has no rows",
        "ragged.csv": "ragged.csv, line 3: 1 fields, but the header has 2",
        "twice.csv": "two columns named 'a'",
        "latin.csv": "cannot read latin.csv",
        "few.csv": "the table has 2 rows; at least 10",
        "data.txt": "must end in .csv or .parquet",
    }
    for name, text in says.items():
        assert text in fails("synthesize", name, "new.csv", "--quiet")
        assert not (folder / "new.csv").exists()


def test_outputs_that_cannot_be_written(folder, fails):
    (folder / "old.csv").write_text("kept")
    arguments = ("synthesize", "data.csv")
    assert "--force" in fails(*arguments, "old.csv")
    assert "no such folder" in fails(*arguments, "no/new.csv")
    assert ".csv" in fails(*arguments, "new.xlsx")
    assert ".html" in fails(*arguments, "new.csv", "--report", "r.pdf")
    assert (folder / "old.csv").read_text() == "kept"
    assert main([*arguments, "old.csv", "--force", "--quiet"]) == 0
    assert len(pd.read_csv("old.csv")) == 120


def test_columns_that_are_not_there(folder, fails):
    arguments = ("synthesize", "data.csv", "new.csv", "--quiet")
    assert "'id'" in fails(*arguments, "--drop", "id")
    assert "such column" in fails(*arguments, "--set", "id=3")
    assert "numbers" in fails(*arguments, "--set", "age=old")
    assert "Atlantis" in fails(*arguments, "--set", "city=Atlantis")
    pd.read_csv("data.csv").drop(columns="age").to_csv("less.csv", index=False)
    assert "'age'" in fails("evaluate", "less.csv", "data.csv")
    assert not (folder / "new.csv").exists()


def test_columns_can_be_left_out(folder):
    assert main(["synthesize", "data.csv", "new.csv", "--drop", "age", "city"]) == 0
    assert {"age", "city"}.isdisjoint(pd.read_csv("new.csv").columns)


def test_columns_left_out_one_by_one_are_all_left_out(folder):
    given = ["--drop", "age", "--drop", "city", "--quiet"]
    assert main(["synthesize", "data.csv", "new.csv", *given]) == 0
    assert {"age", "city"}.isdisjoint(pd.read_csv("new.csv").columns)


def test_repeated_conditions_add_up(folder):
    given = ["--set", "member=True", "--set", "visits=3", "--rows", "20", "--quiet"]
    assert main(["synthesize", "data.csv", "new.csv", *given]) == 0
    drawn = pd.read_csv("new.csv")
    assert drawn["member"].all()
    assert (drawn["visits"] == 3).all()


def test_repeated_types_add_up(folder, fails):
    # Of identifiers, each is refused unless its type is given.
    table = pd.read_csv("data.csv")[["age", "visits"]]
    numbers = range(len(table))
    table = table.assign(a=[f"a{i}" for i in numbers], b=[f"b{i}" for i in numbers])
    table.to_csv("names.csv", index=False)
    given = ["synthesize", "names.csv", "new.csv", "--types", "a=ordered", "--quiet"]
    assert "column 'b' looks like" in fails(*given)
    assert "none can be held out" in fails(*given, "--types", "b=ordered")


@pytest.mark.parametrize("option", ["--set", "--types"])
def test_a_column_is_not_given_two_values(option, capsys):
    given = [option, "age=x", "city=x", option, "city=y"]
    with pytest.raises(SystemExit) as ended:
        main(["synthesize", "data.csv", "new.csv", *given])
    assert ended.value.code == 2
    says = capsys.readouterr().err
    assert f"{option}: column 'city' is given 'x' and 'y'" in says


def test_a_value_that_is_said_twice_is_one_value(folder):
    given = ["--set", "visits=3", "--set", "visits=3", "--rows", "5", "--quiet"]
    assert main(["synthesize", "data.csv", "new.csv", *given]) == 0
    assert (pd.read_csv("new.csv")["visits"] == 3).all()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["bake"],
        ["demo", "--rows", "0"],
        ["demo", "--seed", "-1"],
        ["synthesize", "a.csv", "b.csv", "--set", "age"],
    ],
)
def test_wrong_usage_ends_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: manidiff" in capsys.readouterr().err


def test_ctrl_c_writes_nothing(folder, monkeypatch, capsys):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("manidiff.command._actions.report", interrupt)
    assert main(["synthesize", "data.csv", "new.csv", "--quiet"]) == 130
    assert capsys.readouterr().err == "manidiff: interrupted\n"
    assert not (folder / "new.csv").exists()


def test_module_runs(folder):
    found = subprocess.run(
        [sys.executable, "-m", "manidiff", "synthesize", "none.csv", "new.csv"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(manidiff.__file__).parents[1])},
    )
    assert found.returncode == 1
    assert found.stderr == "manidiff: no such file: none.csv\n"
    assert os.listdir() == ["data.csv"]
