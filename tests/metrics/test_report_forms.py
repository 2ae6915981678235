"""A report as text, as HTML, as a frame, as a dict and as a file."""

import json
import re
import sys
from html.parser import HTMLParser

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from manidiff.metrics import report
from manidiff.metrics._report_words import plain

NAMES = ["width", "<b>height</b> & more", "$depth$"]
VOID = {"meta", "br", "img", "link"}


@pytest.fixture(scope="module", autouse=True)
def small_forests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "manidiff.metrics._two_sample.RandomForestClassifier",
            lambda n_trees, **more: RandomForestClassifier(5, **more),
        )
        yield


@pytest.fixture(scope="module")
def found(small_forests):
    rng = np.random.RandomState(0)
    sets = [pd.DataFrame(rng.normal(size=(90, 3)), columns=NAMES) for _ in "abc"]
    # Held-out rows are training rows: some figures are missing.
    sets[2] = sets[1]
    with pytest.warns(UserWarning, match="rows of X_heldout"):
        return report(*sets, random_state=0)


# Numbers


def test_the_dict_is_ready_for_json(found):
    contents = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert contents == found.to_dict()
    assert contents["n_rows"]["generated"] == 90
    assert contents["seed"] == found.seed
    assert len(contents["findings"]) == len(found.findings)
    for entry, finding in zip(contents["findings"], found.findings, strict=True):
        assert entry["name"] == finding.name
        assert entry["reading"] == finding.reading
        if np.isnan(finding.value):
            assert entry["value"] is None
        else:
            assert entry["value"] == finding.value
    assert [entry["name"] for entry in contents["columns"]] == NAMES


def test_the_frame_holds_the_figures(found):
    frame = found.to_frame()
    assert list(frame.index) == [finding.name for finding in found.findings]
    for finding in found.findings:
        row = frame.loc[finding.name]
        np.testing.assert_equal(row["value"], finding.value)
        np.testing.assert_equal(row["ideal"], finding.ideal)
        assert row["question"] == finding.question
        assert row["reading"] == finding.reading


def test_a_frame_without_pandas_names_what_to_install(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install 'manidiff\[tabular\]'"):
        found.to_frame()


# Text


def test_the_text_is_a_table_by_question(found):
    lines = repr(found).splitlines()
    assert (
        lines[0] == "Report on 90 generated, 90 training, 90 held-out rows of 3 columns"
    )
    headings = [line for line in lines if line.endswith("?")]
    assert [line.split(".")[0] for line in headings] == [
        "Fidelity",
        "Novelty",
        "Coverage",
        "Two-sample",
        "Privacy",
    ]
    ends = set()
    for finding in found.findings:
        (index,) = (
            i for i, line in enumerate(lines) if line.startswith(f"{finding.name} ")
        )
        value = "-" if np.isnan(finding.value) else f"{finding.value:.3g}"
        ends.add(lines[index].index(f" {value} ") + len(value))
        assert finding.reading.startswith(lines[index + 1].strip())
    assert len(ends) == 1
    assert max(map(len, lines)) <= 100


def test_every_pass_mark_is_absent_or_stated(found):
    for finding in found.findings:
        words = finding.reading.lower()
        assert not {"pass", "passed", "fail", "failed", "ok", "good"} & set(
            words.split()
        )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (9.27e-17, "about 0"),
        (-4e-5, "about 0"),
        (0.000123456, "0.000123"),
        (0.99999, "1"),
        (-1.4567, "-1.46"),
        (12345.6, "12,300"),
        (999_999.0, "more than 1,000,000"),
        (1.75e18, "more than 1,000,000"),
        (-1.75e18, "below -1,000,000"),
    ],
)
def test_sentences_have_no_powers_of_ten(value, expected):
    assert plain(value) == expected


def test_readings_at_the_extremes_are_sentences():
    training, heldout, fresh = np.random.RandomState(0).normal(size=(3, 60, 3))
    for generated in (training, heldout, 1e5 * fresh, 1e-9 * fresh):
        for finding in report(generated, training, heldout, random_state=0).findings:
            assert not re.search(r"\de[+-]\d|\b1 times|nan|inf\b", finding.reading)


def test_a_ratio_of_one_is_in_words():
    training, heldout = np.random.RandomState(0).normal(size=(2, 60, 3))
    found = report(training, training, heldout, random_state=0)
    readings = {finding.name: finding.reading for finding in found.findings}
    assert "data is just as dense as where training rows" in readings["density"]
    assert "is just as far from that of held-out" in readings["energy_distance"]


# HTML


class Tree(HTMLParser):
    """Collects what stands in a page, and fails where tags do not match."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_html_holds_every_figure_and_reading(found):
    tree = Tree(found._repr_html_())
    for finding in found.findings:
        assert finding.name in tree.text
        assert finding.reading in tree.text
    for name in NAMES:
        assert name in tree.text
    assert "b" not in tree.tags
    assert tree.tags.count("svg") == 3


def test_the_html_takes_the_colours_of_its_page(found):
    source = found._repr_html_()
    colors = {
        value.strip()
        for name, text in Tree(source).attributes
        if name == "style" and text
        for key, _, value in (part.partition(":") for part in text.split(";"))
        if key.strip() in ("fill", "stroke")
    }
    assert colors <= {"currentColor", "#d55e00", "none"}
    assert {"currentColor", "#d55e00"} <= colors
    assert "color: inherit" in source


def test_the_html_needs_no_other_file(found):
    tree = Tree(found._repr_html_())
    for name, value in tree.attributes:
        if name in ("src", "href", "xlink:href"):
            assert value.startswith("#")
    assert not {"script", "link", "img", "metadata"} & set(tree.tags)


def test_pictures_share_no_names_and_no_styles(found):
    tree = Tree(found._repr_html_())
    names = [value for name, value in tree.attributes if name == "id"]
    assert len(names) == len(set(names))
    assert tree.tags.count("style") == 1


def test_pictures_repeat_and_leave_the_settings_alone(found):
    before = dict(mpl.rcParams)
    assert found._repr_html_() == found._repr_html_()
    with mpl.rc_context({"axes.facecolor": "black", "text.usetex": True}):
        assert "<svg" in found._repr_html_()
    assert dict(mpl.rcParams) == before


# Files


def test_a_saved_report_is_a_page(found, tmp_path):
    path = tmp_path / "report.html"
    found.save(path)
    source = path.read_text(encoding="utf-8")
    assert source.startswith("<!doctype html>")
    assert "prefers-color-scheme: dark" in source
    assert found._repr_html_() in source
    Tree(source)
    found.save(str(tmp_path / "Other.HTM"))
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "Other.HTM",
        "report.html",
    ]


@pytest.mark.parametrize("name", ["report", "report.pdf", "report.html.txt"])
def test_other_suffixes_are_refused(name, found, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.html"):
        found.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_missing_folders_are_named(found, tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"folder that does not exist.*'.*none'"
    ):
        found.save(tmp_path / "none" / "report.html")


def test_a_write_that_fails_leaves_the_old_file(found, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("old")

    def no_space(source, target):
        raise OSError("no space left")

    monkeypatch.setattr("manidiff.metrics._report_result.os.replace", no_space)
    with pytest.raises(OSError, match="no space left"):
        found.save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
