"""Files whose checksum is right and whose content is not."""

import copy
import json
import struct

import numpy as np
import pytest
from fitted_estimators import make_fitted
from refused_files import assert_refused, header_end

import manidiff
from manidiff.persistence import FileFormatError, container


@pytest.fixture
def path(tmp_path):
    return tmp_path / "estimator.manidiff"


@pytest.fixture
def raw(path):
    make_fitted("local-text")[0].save(path)
    return path.read_bytes()


def edited(raw, path, edit):
    """Return the bytes of a file whose content `edit(content, arrays)` changed."""
    content, arrays = container.unpack(path, raw, "estimator")
    edit(content, arrays)
    return b"".join(container.pack("estimator", content, arrays))


def sealed(header, data):
    """Return a safetensors file with a header of any text, and the right checksum."""
    header = header.encode()
    raw = struct.pack("<Q", len(header)) + header + data
    start, end = container._digest_place(memoryview(raw))
    digest = container._digest(raw, start, end).encode()
    return raw[:start] + digest + raw[end:]


def set_state(name, value):
    def edit(content, arrays):
        content["state"][name] = value

    return edit


def set_parameter(name, value):
    def edit(content, arrays):
        content["parameters"][name] = value

    return edit


def set_array(name, change):
    def edit(content, arrays):
        arrays[name] = change(arrays[name])

    return edit


def take_out(name):
    def edit(content, arrays):
        content["state"].pop(name)
        for stored in [key for key in arrays if key.startswith(name)]:
            arrays.pop(stored)

    return edit


def nested(depth):
    node = []
    for _ in range(depth):
        node = [node]
    return node


def an_object(name):
    return {"kind": "object", "class": name, "state": {}}


def not_finite(array):
    array = array.copy()
    array.flat[0] = np.nan
    return array


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content, arrays: content.update({"class": "os.system"}), "unknown"),
        (lambda content, arrays: content.update({"class": "Scaling"}), "unknown"),
        (lambda content, arrays: content.pop("class"), "KeyError"),
        (lambda content, arrays: arrays.update(more=np.ones(2)), "belong to nothing"),
        (lambda content, arrays: arrays.pop("means_"), "means_"),
        (set_state("sample", 3), "no attribute"),
        (set_state("__class__", 3), "no attribute"),
        (set_state("__dict__", {"kind": "dict", "items": []}), "no attribute"),
        (set_state("no name", 3), "no attribute"),
        (set_state("random_state", 3), "no attribute"),
        (set_state("scaling_", an_object("subprocess.Popen")), "unknown"),
        (set_state("scaling_", an_object("Gaussian")), "Gaussian.mean is missing"),
        (set_state("scaling_", {"kind": "pickle", "value": "gASV"}), "unknown"),
        (set_state("scaling_", {"kind": "code", "name": "os"}), "unknown"),
        (set_state("scaling_", None), "belong to nothing"),
        (set_state("surface_", an_object("MovingLeastSquares")), "rows is missing"),
        (set_state("surface_", "through the rows"), "belong to nothing"),
        (set_state("surface_residual_", nested(500)), "no number|RecursionError"),
        (set_state("sigma_max_", {"kind": "float", "value": "nan"}), "sigma_max_"),
        (set_state("sigma_max_", 10**400), "out of order"),
        (set_state("device_", "meta"), "names no device"),
        (set_state("device_", "../../dev/null"), "names no device"),
        (set_state("_is_fitted", False), "_is_fitted"),
        (set_state("n_features_in_", 2**62), "size"),
        (
            set_state(
                "extra_", {"kind": "scalar", "dtype": "U1000000000", "value": ""}
            ),
            "unknown",
        ),
        (set_state("extra_", {"kind": "array", "name": "/etc/passwd"}), "passwd"),
        (set_parameter("n_steps", -1), "unexpected keyword"),
        (set_parameter("coarseness", -1), "coarseness"),
        (set_parameter("noise", "../x"), "noise"),
        (set_parameter("random_state", "x"), "random_state"),
        (take_out("gaussian_"), "gaussian_ is missing"),
        (take_out("conditions_"), "conditional is True"),
        (set_array("means_", lambda a: a.astype(np.float32)), "float32"),
        (set_array("means_", lambda a: a[:, :-1].copy()), "size"),
        (set_array("means_", lambda a: np.zeros((0, 2**40))), "size"),
        (set_array("weights_", lambda a: -a), "below 0"),
        (set_array("weights_", not_finite), "not finite"),
        (set_array("weights_", lambda a: a.astype(np.uint8)), "uint8"),
    ],
)
def test_false_content(path, raw, edit, message):
    assert_refused(path, edited(raw, path, edit), message)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda net: net["arguments"]["items"][3].__setitem__(1, 10**9), "deeper"),
        (lambda net: net["arguments"]["items"][2].__setitem__(1, 10**9), "weight"),
        (lambda net: net["arguments"]["items"][0].__setitem__(0, "shape"), "Error"),
        (lambda net: net["weights"]["items"].pop(), "names"),
        (lambda net: net["weights"]["items"].reverse(), "names"),
        (lambda net: net.update(weights=3), "no tensors"),
        (lambda net: net.update(arguments=None), "no integers"),
    ],
)
def test_a_false_network(path, edit, message):
    make_fitted("coarse")[0].save(path)
    content, arrays = container.unpack(path, path.read_bytes(), "estimator")
    edit(content["state"]["net_"])
    content = b"".join(container.pack("estimator", content, arrays))
    assert_refused(path, content, message)


def paths_of(node, at=()):
    yield at
    if isinstance(node, list):
        node = dict(enumerate(node))
    for key, one in node.items() if isinstance(node, dict) else ():
        yield from paths_of(one, (*at, key))


@pytest.mark.parametrize("value", [None, -1, "x", [], {}, {"kind": "tuple"}])
def test_any_part_of_the_json_replaced(path, raw, value):
    content, arrays = container.unpack(path, raw, "estimator")
    n_refused = 0
    for place in list(paths_of(content))[1:]:
        forged = copy.deepcopy(content)
        inner = forged
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        path.write_bytes(b"".join(container.pack("estimator", forged, arrays)))
        try:
            loaded = manidiff.load(path)
        except FileFormatError:
            n_refused += 1
        else:
            # Another name, label or setting: a valid estimator.
            assert np.isfinite(loaded.sample(2)).all(), place
    assert n_refused > 100


def header_with(raw, change):
    header = json.loads(raw[8 : header_end(raw)])
    change(header)
    return json.dumps(header)


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("shape", [2**62, 2**62]),
        ("shape", [10**12]),
        ("shape", [-1]),
        ("dtype", "F8"),
        ("dtype", "object"),
        ("data_offsets", [0, 10**15]),
        ("data_offsets", [8, 0]),
        ("data_offsets", [-8, 0]),
    ],
)
def test_false_descriptions_of_an_array(path, raw, name, entry):
    def change(header):
        header["means_"][name] = entry

    header = header_with(raw, change)
    assert_refused(path, sealed(header, raw[header_end(raw) :]))


def test_arrays_that_overlap(path, raw):
    def change(header):
        header["means_"]["data_offsets"] = header["axes_"]["data_offsets"]
        header["means_"]["shape"] = header["axes_"]["shape"]

    header = header_with(raw, change)
    assert_refused(path, sealed(header, raw[header_end(raw) :]))


def test_keys_given_twice(path, raw):
    header = raw[8 : header_end(raw)].decode()
    data = raw[header_end(raw) :]
    twice = header.replace(r"\"kind\":", r"\"kind\":\"x\",\"kind\":", 1)
    assert_refused(path, sealed(twice, data), "repeats a key")
    entry = json.dumps(json.loads(header)["means_"])
    twice = header.replace('"means_":', f'"means_":{entry},"means_":', 1)
    assert_refused(path, sealed(twice, data), "repeats a key")


def test_json_that_is_too_deep_or_holds_constants(path, raw):
    header = raw[8 : header_end(raw)].decode()
    data = raw[header_end(raw) :]
    for value in ("[" * 10**5 + "]" * 10**5, "NaN", "-Infinity", "9" * 10**4):
        false = header.replace(r"\"verbose\":0", rf"\"verbose\":{value}", 1)
        assert false != header
        assert_refused(path, sealed(false, data), "header is damaged")


def test_names_of_arrays_are_no_paths(path, raw, tmp_path):
    target = tmp_path / "outside"
    target.write_text("kept")

    def edit(content, arrays):
        for name in ("../outside", str(target)):
            arrays[name] = np.ones(2)
            content["state"][f"more{len(arrays)}_"] = {"kind": "array", "name": name}

    path.write_bytes(edited(raw, path, edit))
    manidiff.load(path)
    assert target.read_text() == "kept"


def test_a_file_of_another_kind(path):
    path.write_bytes(b"".join(container.pack("checkpoint", {}, {"a": np.ones(1)})))
    with pytest.raises(FileFormatError, match="'checkpoint' instead of 'estimator'"):
        manidiff.load(path)
