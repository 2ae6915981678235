"""Files whose checksum is right and whose content is not."""

import copy
import json
import struct
import tracemalloc

import numpy as np
import pytest
from fitted_estimators import make_fitted
from forged_files import edited, set_array, set_parameter, set_state, take_out
from refused_files import assert_refused, header_end

import manidiff
from manidiff import EmpiricalScoreDiffusion
from manidiff.persistence import FileFormatError, container


def sealed(header, data):
    """Return a safetensors file with a header of any text, and the right checksum."""
    header = header.encode()
    raw = struct.pack("<Q", len(header)) + header + data
    start, end = container._digest_place(memoryview(raw))
    digest = container._digest(raw, start, end).encode()
    return raw[:start] + digest + raw[end:]


def set_history(node):
    return set_state("history_", [{"kind": "dict", "items": [["noted", node]]}])


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
        (set_state("scaling_", None), "scaling_ is no Scaling"),
        (set_state("surface_", an_object("MovingLeastSquares")), "rows is missing"),
        (set_state("surface_", "through the rows"), "is no MovingLeastSquares"),
        (set_state("surface_residual_", nested(500)), "no float|RecursionError"),
        (set_state("sigma_max_", {"kind": "float", "value": "nan"}), "sigma_max_"),
        (set_state("sigma_max_", 10**400), "sigma_max_ is no float"),
        (set_state("sigma_max_", 1e-9), "out of order"),
        (set_state("device_", "meta"), "names no device"),
        (set_state("device_", "../../dev/null"), "names no device"),
        (set_state("_is_fitted", False), "_is_fitted"),
        (set_state("n_features_in_", 2**62), "size"),
        (set_state("extra_", 3), "no attribute"),
        (
            set_history({"kind": "scalar", "dtype": "U1000000000", "value": ""}),
            "unknown",
        ),
        (set_history({"kind": "array", "name": "/etc/passwd"}), "passwd"),
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


def test_a_network_that_keeps_no_numbers(path):
    model = copy.deepcopy(make_fitted("coarse")[0])
    model.net_.module_.noise.frequencies[0] = np.nan
    with pytest.raises(ValueError, match=r"noise\.frequencies is no number"):
        model.save(path)


# Numbers of the right type and shape that no fit gives.


def set_surface(name, value):
    def edit(content, arrays):
        content["state"]["surface_"]["state"][name] = value

    return edit


def without_rows(*names):
    def edit(content, arrays):
        for name in names:
            arrays[name] = np.ascontiguousarray(arrays[name][:0])

    return edit


def not_numbers(content, arrays):
    for name in arrays:
        if name.startswith("net_.weights"):
            arrays[name] = np.full_like(arrays[name], np.nan)


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("empirical", set_array("weights_", lambda a: 0 * a), "entries of 0"),
        ("empirical", set_array("weights_", lambda a: 2 * a), "not sum to 1"),
        ("empirical", set_array("rows_", lambda a: 1e300 * a), "rows_ has entries"),
        ("empirical", without_rows("rows_", "weights_"), "holds no rows"),
        ("empirical", without_rows("_shifts"), "holds no shifts"),
        ("empirical", set_array("scaling_.scale", lambda a: 0 * a), "entries of 0"),
        ("empirical", set_state("nn_distance_", 1e200), "nn_distance_ is 1e"),
        ("empirical-bool", set_array("conditions_.probabilities_", np.sqrt), "to 1"),
        ("empirical-targets", set_array("conditions_.spread_", lambda a: 0 * a), "0"),
        ("local", set_array("variances_", lambda a: -a), "variances_ has .* below 0"),
        ("local", set_array("rest_", lambda a: -1 - a), "rest_ has entries below 0"),
        ("local", set_array("axes_", lambda a: 1e200 * a), "axes_ has entries"),
        ("local", set_array("means_", lambda a: 1e300 * a), "means_ has entries"),
        ("local", set_state("intrinsic_dim_", 50), "50, but there are 3 columns"),
        ("local", set_surface("dim", 5), "5, but there are 3 columns"),
        ("local", set_array("surface_.rows", lambda a: 1e300 * a), "rows has entries"),
        ("local", set_state("final_step_", "none"), "do not belong together"),
        ("local", set_state("final_step_", "tweedie"), "final_step_ is not one of"),
        ("local-none", set_state("final_step_", "local_polynomial"), "belong together"),
        ("coarse", set_state("final_step_", "local_polynomial"), "belong together"),
        ("coarse", set_array("gaussian_.axes", lambda a: 1e200 * a), "right angles"),
        ("coarse", set_array("gaussian_.axes", lambda a: a + 0.1), "right angles"),
        ("coarse", set_array("gaussian_.mean", lambda a: a + 1e300), "entries above"),
        ("coarse", set_array("gaussian_.variances", lambda a: 0 * a), "entries of 0"),
        ("coarse", not_numbers, "weight .* is not finite"),
    ],
)
def test_nonsense(path, name, edit, message):
    make_fitted(name)[0].save(path)
    assert_refused(path, edited(path.read_bytes(), path, edit), message)


def test_text_that_would_fill_the_memory(path, raw):
    items = ["x" * 500_000] + ["a"] * 400
    labels = {"kind": "labels", "dtype": "str", "shape": [401], "items": items}
    content = edited(raw, path, set_history(labels))
    tracemalloc.start()
    assert_refused(path, content, "far longer than the others")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The array would take 800 MB.
    assert peak < 50 * len(content) < 100e6


def test_labels_of_different_lengths_are_text_all_the_same(path):
    X = np.random.default_rng(0).normal(size=(200, 2))
    y = np.array(["a", "b" * 10_000])[np.arange(200) % 2]
    estimator = EmpiricalScoreDiffusion(conditional=True).fit(X, y)
    estimator.save(path)
    np.testing.assert_array_equal(
        manidiff.load(path).conditions_.classes_, estimator.conditions_.classes_
    )


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
        names = ("../outside", str(target))
        arrays.update({name: np.ones(2) for name in names})
        set_history([{"kind": "array", "name": name} for name in names])(content, 0)

    path.write_bytes(edited(raw, path, edit))
    manidiff.load(path)
    assert target.read_text() == "kept"


def test_a_file_of_another_kind(path):
    path.write_bytes(b"".join(container.pack("checkpoint", {}, {"a": np.ones(1)})))
    with pytest.raises(FileFormatError, match="'checkpoint' instead of 'estimator'"):
        manidiff.load(path)
