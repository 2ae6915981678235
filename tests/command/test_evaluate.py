"""Tables that came from anywhere, beside the real one."""

import pytest

from manidiff.command import main
from manidiff.datasets import make_mixed_table


@pytest.fixture
def new(folder):
    """Fresh rows of the law of data.csv."""
    return make_mixed_table(120, random_state=1)


def figure(capsys, name):
    """Return what was printed of generated rows."""
    lines = capsys.readouterr().out.splitlines()
    return float(next(line for line in lines if name in line).split()[-2])


def test_values_out_of_range_do_not_look_real(new, capsys):
    new.to_csv("fresh.csv", index=False)
    new.assign(income=1e6).to_csv("rich.csv", index=False)
    assert main(["evaluate", "fresh.csv", "data.csv", "--quiet"]) == 0
    assert figure(capsys, "(precision)") > 0.8
    assert main(["evaluate", "rich.csv", "data.csv", "--quiet"]) == 0
    assert figure(capsys, "(precision)") < 0.2


def test_held_out_rows_may_have_new_values(new, capsys):
    more = new.astype({"city": object})
    more.loc[0, "city"] = "Atlantis"
    more.loc[1, "income"] = None
    more.to_csv("more.csv", index=False)
    new.to_csv("new.csv", index=False)
    given = ["evaluate", "new.csv", "data.csv", "--heldout", "more.csv", "--quiet"]
    assert main(given) == 0


def test_errors_name_the_file_and_the_way_out(new, fails):
    given = ("data.csv", "--quiet")
    new.assign(extra=1, more=2).to_csv("wide.csv", index=False)
    says = fails("evaluate", "wide.csv", *given)
    assert "wide.csv has columns that data.csv has not" in says
    assert "--drop extra more" in says
    assert main(["evaluate", "wide.csv", *given, "--drop", "extra", "more"]) == 0
    new.drop(columns="age").to_csv("less.csv", index=False)
    assert "less.csv has no column 'age'" in fails("evaluate", "less.csv", *given)
    assert main(["evaluate", "less.csv", *given, "--drop", "age"]) == 0
    new.astype({"city": object}).assign(city="Oz").to_csv("oz.csv", index=False)
    says = fails("evaluate", "oz.csv", *given)
    assert says.startswith("manidiff: oz.csv: Column 'city' holds categories")
    new.assign(age="old").to_csv("text.csv", index=False)
    says = fails("evaluate", "text.csv", *given)
    assert "text.csv: column 'age' holds text, and numbers in data.csv" in says


def test_held_out_rows_that_were_learned_are_noticed(new, capfd):
    new.to_csv("new.csv", index=False)
    given = ["evaluate", "new.csv", "data.csv", "--heldout", "data.csv"]
    assert main(given) == 0
    said = capfd.readouterr().err.splitlines()
    assert said[0] == "measuring"
    assert said[1].startswith("warning: 120 of 120 rows of X_heldout are rows of")
    assert len(said) == 2
    assert main([*given, "--quiet"]) == 0
    assert capfd.readouterr().err == ""
