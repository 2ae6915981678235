"""Tables as people have them: rare values, labels, holes, quoted commas."""

import numpy as np
import pandas as pd
import pytest

from manidiff.command import main
from manidiff.command._files import read_table
from manidiff.datasets import make_mixed_table


@pytest.fixture
def rare(folder):
    """A table with one row of a category, one hole, and one other number."""
    table = make_mixed_table(60, random_state=0)
    table = table.astype({"city": object, "income": object})
    table.loc[7, "city"] = "Atlantis"
    table.loc[21, "income"] = np.nan
    table["level"] = 1
    table.loc[40, "level"] = 2
    table.to_csv("rare.csv", index=False)
    return table


@pytest.mark.parametrize("seed", range(5))
def test_what_one_row_holds_is_learned_with_any_seed(rare, seed):
    # Were chance to decide, all three would be learned in half of the seeds.
    given = ["synthesize", "rare.csv", "new.csv", "--quiet", "--seed", str(seed)]
    assert main(given) == 0
    assert set(pd.read_csv("new.csv")["city"]) <= set(rare["city"])


def test_a_condition_may_ask_for_what_one_row_holds(rare):
    for seed in range(2):
        given = ["--set", "city=Atlantis", "--rows", "5", "--seed", str(seed)]
        assert main(["synthesize", "rare.csv", f"{seed}.csv", *given, "--quiet"]) == 0
        assert (pd.read_csv(f"{seed}.csv")["city"] == "Atlantis").all()


def test_identifiers_are_refused_by_name(folder, fails):
    table = make_mixed_table(60, random_state=0)[["age", "city"]]
    table["name"] = [f"n{i // 2}" if i < 20 else f"m{i}" for i in range(60)]
    table.to_csv("names.csv", index=False)
    given = ("synthesize", "names.csv", "new.csv", "--quiet")
    says = fails(*given)
    assert "'name'" in says
    assert "40 of its 60 values are met once" in says
    assert "--drop name" in says
    assert main([*given, "--drop", "name"]) == 0
    assert main([*given, "--force", "--types", "name=categorical"]) == 0
    table.assign(name=[f"n{i}" for i in range(60)]).to_csv("all.csv", index=False)
    asked = ("--types", "name=categorical", "--quiet")
    assert "none can be held out" in fails("synthesize", "all.csv", "x.csv", *asked)


def test_whole_numbers_with_holes_stay_whole(folder):
    table = make_mixed_table(80, random_state=0)[["age", "income", "visits"]]
    table["age"] = table["age"].astype("Int64")
    table.loc[3:9, "age"] = pd.NA
    table.loc[5, "income"] = np.nan
    table.to_csv("holes.csv", index=False)
    assert main(["synthesize", "holes.csv", "new.csv", "--quiet"]) == 0
    drawn = pd.read_csv("new.csv", dtype=str)
    assert drawn["age"].dropna().str.fullmatch(r"\d+").all()
    assert drawn["age"].isna().any()
    assert drawn["income"].dropna().str.contains(".", regex=False).any()


def test_leading_zeros_are_kept(folder):
    table = make_mixed_table(80, random_state=0)[["age", "visits"]]
    codes = np.array(["00283", "0101", "90210"])
    table["zip"] = codes[np.arange(80) % 3]
    table.to_csv("zip.csv", index=False)
    assert main(["synthesize", "zip.csv", "new.csv", "--quiet"]) == 0
    assert set(pd.read_csv("new.csv", dtype=str)["zip"]) == set(codes)
    # A table that happens to have none of them is read alike.
    table.assign(zip="90210").to_csv("one.csv", index=False)
    assert main(["evaluate", "one.csv", "zip.csv", "--quiet"]) == 0


@pytest.mark.parametrize("asked", [[], ["--set", "zip=19"]])
def test_labels_taken_for_whole_numbers_are_written_as_such(folder, asked):
    table = make_mixed_table(80, random_state=0)[["age", "spending"]]
    table["zip"] = [f"{19 + 7 * i:05d}" for i in range(80)]
    table["part"] = [f"{i / 4:.2f}" if i else "01" for i in range(80)]
    table.to_csv("zip.csv", index=False)
    given = ["--types", "zip=numeric", "part=numeric", "--quiet", *asked]
    assert main(["synthesize", "zip.csv", "new.csv", *given]) == 0
    drawn = pd.read_csv("new.csv", dtype=str)
    assert drawn["zip"].str.fullmatch(r"\d+").all()
    assert drawn["part"].str.contains(r"\.[27]", regex=True).any()


_WORDS = np.array(["NA", "None", "DE", "null", "nan", "N/A"])


def test_words_for_missing_are_values_of_text(folder):
    table = make_mixed_table(90, random_state=0)[["age", "visits"]]
    table["country"] = _WORDS[np.arange(90) % 6]
    table["code"] = np.array(["001", "NA", "23"])[np.arange(90) % 3]
    table.loc[7:12, "country"] = ""
    table.to_csv("words.csv", index=False)
    assert main(["synthesize", "words.csv", "new.csv", "--quiet"]) == 0
    drawn = pd.read_csv("new.csv", keep_default_na=False, dtype=str)
    assert set(drawn["country"]) == {*_WORDS, ""}
    assert set(drawn["code"]) == {"001", "NA", "23"}
    # A table that happens to hold nothing else is read alike.
    table.assign(country="NA", code="NA").to_csv("one.csv", index=False)
    assert main(["evaluate", "one.csv", "words.csv", "--quiet"]) == 0
    given = ["--set", "country=NA", "--rows", "5", "--quiet", "--force"]
    assert main(["synthesize", "words.csv", "new.csv", *given]) == 0
    drawn = pd.read_csv("new.csv", keep_default_na=False)
    assert (drawn["country"] == "NA").all()


@pytest.mark.parametrize("word", ["NA", "nan", "NaN", "null", "N/A", ""])
def test_words_for_missing_are_missing_elsewhere(folder, word):
    names = ["age", "spending", "member", "joined"]
    table = make_mixed_table(60, random_state=0)[names].astype(object)
    is_hole = np.arange(240).reshape(60, 4) % 7 == 0
    table.mask(is_hole, word).to_csv("holes.csv", index=False)
    read = read_table("holes.csv")
    np.testing.assert_array_equal(read.isna(), is_hole)
    assert [str(dtype) for dtype in read.dtypes[:3]] == ["Int64", "float64", "object"]
    assert read["member"].dropna().isin([True, False]).all()
    assert read["joined"].dtype.kind == "M"


def test_quoted_commas_and_one_column(folder):
    places = np.array(["Cork, Ireland", 'Delft "NL"', "Bergen"])
    table = pd.DataFrame({"a, b": places[np.arange(60) % 3]})
    table.loc[5, "a, b"] = None
    table.to_csv("one.csv", index=False)
    assert main(["synthesize", "one.csv", "new.csv", "--rows", "90", "--quiet"]) == 0
    drawn = pd.read_csv("new.csv", skip_blank_lines=False)
    assert list(drawn) == ["a, b"]
    assert len(drawn) == 90
    assert set(drawn["a, b"].dropna()) == set(places)


def test_an_all_missing_column_is_refused_by_name(folder, fails):
    table = make_mixed_table(40, random_state=0)[["age", "visits"]]
    table.assign(nothing=np.nan).to_csv("gone.csv", index=False)
    says = fails("synthesize", "gone.csv", "new.csv", "--quiet")
    assert "'nothing' has no value" in says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a;b\n1;2\n3;4\n", "separated by commas, but the header has ';'"),
        ("a\tb\n1\t2\n", r"the header has '\t'"),
        ("a,,b\n1,2,3\n", "column 2 has no name"),
        (",a\n0,1\n1,2\n", "column 1 has no name"),
    ],
)
def test_headers_that_cannot_be(folder, fails, text, says):
    (folder / "odd.csv").write_text(text)
    assert says in fails("synthesize", "odd.csv", "new.csv", "--quiet")


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("FALSE", False), ("1", True)]
)
def test_truth_values_are_written_in_any_way(folder, text, value):
    given = ["--set", f"member={text}", "--rows", "5", "--quiet"]
    assert main(["synthesize", "data.csv", "new.csv", *given]) == 0
    assert (pd.read_csv("new.csv")["member"] == value).all()


def test_conditions_are_checked_before_anything_is_learned(folder, fails, monkeypatch):
    def learn(*args, **kwargs):
        raise AssertionError("learned in vain")

    monkeypatch.setattr("manidiff.command._actions.SyntheticTable.fit", learn)
    given = ("synthesize", "data.csv", "new.csv", "--quiet", "--set")
    assert "{'visits': 70.0}" in fails(*given, "visits=70")
    assert "Atlantis" in fails(*given, "city=Atlantis")
    assert "--report" in fails(*given, "city=Cork", "--report", "r.html")
