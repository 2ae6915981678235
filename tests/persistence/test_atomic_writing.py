"""Killed at any moment, a process leaves the old file or the new one."""

import os
import stat
import subprocess
import sys

import numpy as np
import pytest
from fitted_estimators import make_fitted, make_rows

import manidiff
from manidiff import EmpiricalScoreDiffusion
from manidiff.persistence import files
from manidiff.persistence.files import write_atomically

# Forks writers that replace a file in turns for ever, kills each at a random moment,
# and prints what is then in the folder. Two contents differ in length and every byte.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
from manidiff.persistence.files import write_atomically

path, n_kills, wait = Path(sys.argv[1]), int(sys.argv[2]), random.Random(0)
contents = [b"A" * 3_000_000, b"B" * 2_000_000]
write_atomically(path, contents[:1])
ready, tell = os.pipe()
for _ in range(n_kills):
    writer = os.fork()
    if writer == 0:
        os.write(tell, b".")
    while writer == 0:
        for content in contents:
            write_atomically(path, [content[:1000], content[1000:]])
    # A busy processor may begin late.
    os.read(ready, 1)
    time.sleep(wait.uniform(0, 0.05))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    found = path.read_bytes()
    print(chr(found[0]) if found in contents else "broken")
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_kill_9_leaves_the_old_file_or_the_new_one(tmp_path):
    path, n_kills = tmp_path / "file", 25
    run = subprocess.run(
        [sys.executable, "-c", KILLER, path, str(n_kills)],
        capture_output=True,
        check=True,
        text=True,
    )
    found = run.stdout.split()
    assert len(found) == n_kills
    assert set(found) == {"A", "B"}
    drafts = {file.name for file in tmp_path.iterdir()} - {"file"}
    # Most of the kills came while a file was being written.
    assert len(drafts) > n_kills / 4
    assert all(name.startswith(".file.") and name.endswith(".tmp") for name in drafts)


@pytest.mark.parametrize("call", ["replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "estimator.manidiff"
    make_fitted("empirical")[0].save(path)
    before = path.read_bytes()

    def fail(*args):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, call, fail)
    with pytest.raises(OSError, match="no space"):
        EmpiricalScoreDiffusion(coarseness=1).fit(make_rows()).save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_the_content_is_on_the_disc_before_it_has_the_name(tmp_path, monkeypatch):
    events = []
    for name in ("fsync", "replace"):
        kept = getattr(os, name)

        def noted(*args, name=name, kept=kept):
            events.append(name)
            return kept(*args)

        monkeypatch.setattr(files.os, name, noted)
    write_atomically(tmp_path / "file", [b"content"])
    assert events[:2] == ["fsync", "replace"]


def test_an_estimator_that_cannot_be_saved_leaves_the_old_file(tmp_path):
    path = tmp_path / "estimator.manidiff"
    path.write_bytes(b"old")
    estimator = EmpiricalScoreDiffusion().fit(make_rows())
    estimator.history_.append({"code": open})
    with pytest.raises(ValueError, match="cannot be saved"):
        estimator.save(path)
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
def test_the_file_has_the_rights_that_new_files_get(tmp_path):
    write_atomically(tmp_path / "file", [b"content"])
    (tmp_path / "other").write_bytes(b"content")
    rights = [stat.S_IMODE((tmp_path / n).stat().st_mode) for n in ("file", "other")]
    assert rights[0] == rights[1]


@pytest.mark.skipif(os.name == "nt", reason="there is no umask")
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_keeps_its_rights_and_its_draft_has_no_more(tmp_path, monkeypatch, mode):
    path, found = tmp_path / "file", []
    path.write_bytes(b"old")
    path.chmod(mode)
    sync = os.fsync

    def noted(descriptor):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            found.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", noted)
    write_atomically(path, [b"content"])
    assert found == [0o600]
    assert path.read_bytes() == b"content"
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    target = tmp_path / "folder" / "estimator.manidiff"
    target.write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to(target)
    estimator, _ = make_fitted("empirical")
    estimator.save(link)
    assert link.is_symlink()
    np.testing.assert_array_equal(manidiff.load(target).rows_, estimator.rows_)


def test_a_missing_folder_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_fitted("empirical")[0].save(tmp_path / "missing" / "file")
