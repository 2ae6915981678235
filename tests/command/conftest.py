"""A folder to work in, and the line of an error."""

import pytest

from manidiff.command import main
from manidiff.datasets import make_mixed_table


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder but for the table data.csv, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    make_mixed_table(120, random_state=0).to_csv("data.csv", index=False)
    return tmp_path


@pytest.fixture
def fails(capsys):
    """Return a function from arguments of the command to the line of its error."""

    def line(*arguments):
        capsys.readouterr()
        assert main(list(arguments)) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        *before, last = printed.err.splitlines()
        assert last.startswith("manidiff: ")
        assert "--quiet" not in arguments or not before
        return last

    return line
