"""A file that is not as it was written gives one error and no estimator."""

import ast
import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from fitted_estimators import make_fitted
from refused_files import assert_refused, header_end
from safetensors import numpy as safetensors

import manidiff
from manidiff.persistence import FORMAT_VERSION, FileFormatError, container

# Accidents


@pytest.mark.parametrize("flip", [0x01, 0x80, 0xFF])
def test_any_changed_byte_of_the_header(path, raw, flip):
    for place in range(0, header_end(raw), 3):
        damaged = bytearray(raw)
        damaged[place] ^= flip
        assert_refused(path, damaged)


def test_white_space_that_json_would_not_mind(path, raw):
    end = header_end(raw)
    assert raw[end - 1 : end] == b" " or raw[end - 1 : end] == b"}"
    for place in range(8, end):
        if raw[place : place + 1] == b" ":
            damaged = bytearray(raw)
            damaged[place] = ord("\t")
            assert_refused(path, damaged)


def test_a_changed_byte_of_any_array(path, raw):
    start = header_end(raw)
    header = json.loads(raw[8:start])
    header.pop("__metadata__")
    assert len(header) > 8
    for entry in header.values():
        begin, end = entry["data_offsets"]
        for place in {begin, (begin + end) // 2, end - 1}:
            if begin < end:
                damaged = bytearray(raw)
                damaged[start + place] ^= 0x10
                assert_refused(path, damaged, "checksum")


def test_truncation_anywhere(path, raw):
    for length in [*range(12), *range(12, len(raw), 97), len(raw) - 1]:
        assert_refused(path, raw[:length])


def test_anything_appended(path, raw):
    for more in (b"\0", b" ", raw):
        assert_refused(path, raw + more)


def test_an_array_changed_by_another_tool(path, raw):
    arrays = {name: array.copy() for name, array in safetensors.load(raw).items()}
    arrays["scaling_.center"] += 1e-9
    text = json.loads(raw[8 : header_end(raw)])["__metadata__"]
    assert_refused(path, safetensors.save(arrays, text), "checksum")


# Other files


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"east,north\n1,2\n",
        b"\x93NUMPY\x01\x00" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        pickle.dumps({"not": "an estimator"}),
        safetensors.save({"weight": np.ones(3)}),
        safetensors.save({"weight": np.ones(3)}, {"format": "pt"}),
        safetensors.save({"weight": np.ones(3)}, {"manidiff": "[]"}),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 10**9) + b"{}",
        struct.pack("<Q", 2) + b"[]",
    ],
)
def test_foreign_files(path, content):
    assert_refused(path, content, "no file of manidiff")


def test_files_of_a_later_format(path, raw):
    arrays = {"unknown": np.ones(2)}
    later = FORMAT_VERSION + 1
    text = json.dumps({"format_version": later, "hash": "of another kind"})
    content = safetensors.save(arrays, {"manidiff": text})
    assert_refused(path, content, f"version is {later}.*Upgrade")


@pytest.mark.parametrize("version", [0, -1, True, 1.0, "1", None])
def test_formats_that_never_were(path, monkeypatch, version):
    monkeypatch.setattr(container, "FORMAT_VERSION", version)
    make_fitted("empirical")[0].save(path)
    monkeypatch.undo()
    assert_refused(path, path.read_bytes(), f"version {version!r} does not exist")


def test_what_is_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        manidiff.load(tmp_path / "missing")
    with pytest.raises(FileFormatError, match="not a regular file"):
        manidiff.load(tmp_path)


# Nothing is run


def test_nothing_is_unpickled(path, raw, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was unpickled")

    # scipy reads a table of numbers when it first draws.
    make_fitted("local-text")[0].sample(1)
    for module, name in [
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
        (np, "load"),
    ]:
        monkeypatch.setattr(module, name, refuse)
    assert manidiff.load(path).sample(3).shape == (3, 3)


def test_the_code_that_reads_knows_no_way_to_run_any():
    folder = Path(container.__file__).parent
    forbidden = {"eval", "exec", "compile", "__import__", "import_module", "pickle"}
    forbidden |= {"marshal", "importlib", "joblib", "torch.load", "subprocess"}
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not forbidden & {alias.name for alias in node.names}, file
            elif isinstance(node, ast.ImportFrom):
                allowed = node.module == "importlib.metadata"
                assert allowed or node.module.split(".")[0] not in forbidden, file
            elif isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in forbidden, file


def test_the_error_survives_a_process(path):
    error = FileFormatError(path, "it is empty", "Save it again.")
    copied = pickle.loads(pickle.dumps(error))
    assert str(copied) == str(error)
    assert copied.path == path
