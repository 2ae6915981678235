"""Files each of whose parts some fit could give, and that are of no fit together."""

import numpy as np
import pytest
from fitted_estimators import SMALL, make_fitted, make_rows
from forged_files import edited, set_array, set_state, take_out
from refused_files import assert_refused
from torch import nn

import manidiff
from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion, _empirical
from manidiff.persistence import FileFormatError
from manidiff.persistence.values import Encoder


def of_other_columns(content, arrays):
    """Put the network of a fit to five columns in place of the one that is there."""
    X = np.random.default_rng(0).normal(size=(60, 5))
    other = CoarseScoreDiffusion(random_state=0, **SMALL).fit(X)
    encoder = Encoder()
    node = encoder.encode(other.net_, "net_")
    take_out("net_")(content, arrays)
    content["state"]["net_"] = node
    arrays.update(encoder.arrays)


def in_surface(name, value):
    def edit(content, arrays):
        content["state"]["surface_"]["state"][name] = value

    return edit


def in_epoch(name, value):
    def edit(content, arrays):
        items = content["state"]["history_"][0]["items"]
        items[:] = [item for item in items if item[0] != name]
        if value is not None:
            items.append([name, value])

    return edit


def without_row_conditions(content, arrays):
    take_out("_row_conditions")(content, arrays)
    content["state"]["_row_conditions"] = None


def half_at_0(weights):
    weights = np.where(np.arange(len(weights)) % 2, weights, 0)
    return weights / weights.sum()


@pytest.mark.parametrize(
    ("name", "edit", "message"),
    [
        ("coarse", of_other_columns, "net_ has the size 5 where others have 3"),
        ("coarse", set_state("training_law_", "cross_fitted"), "belong together"),
        ("coarse", set_state("sigma_max_", 10**25), "sigma_max_ is no float"),
        ("coarse", set_state("_probe_seed", 10**30), "_probe_seed is 1000"),
        ("coarse", set_state("_probe_seed", 2**31), "_probe_seed is 2147483648"),
        ("coarse", set_state("max_iter_", 10**30), "max_iter_ is 1000"),
        ("coarse", in_epoch("n_iter", None), r"history_\.0\.n_iter is missing"),
        ("coarse", in_epoch("n_iter", "x"), r"history_\.0\.n_iter is no integer"),
        ("coarse", in_epoch("epoch", 0), r"history_\.0\.epoch is 0"),
        ("empirical", set_array("weights_", half_at_0), "weights_ has entries of 0"),
        ("local", set_array("weights_", half_at_0), "weights_ has entries of 0"),
        ("local", in_surface("n_neighbors", 61), "61, but there are 60 rows"),
        ("local-text", without_row_conditions, "_row_conditions and conditions_ do"),
    ],
)
def test_parts_that_do_not_belong_together(path, name, edit, message):
    make_fitted(name)[0].save(path)
    assert_refused(path, edited(path.read_bytes(), path, edit), message)


@pytest.mark.parametrize("kept", ["_cuts", "_condensing_levels"])
def test_an_order_without_its_levels(path, monkeypatch, kept):
    monkeypatch.setattr(_empirical, "_MANY_ROWS", 50)
    EmpiricalScoreDiffusion(random_state=0).fit(make_rows()).save(path)
    assert manidiff.load(path).sample(2, random_state=0).shape == (2, 3)
    (other,) = {"_cuts", "_condensing_levels"} - {kept}
    forged = edited(path.read_bytes(), path, take_out(other))
    assert_refused(path, forged, "_cuts and _condensing_levels do not belong together")


def test_a_weight_that_is_nothing_beside_others_is_left_out(path):
    weights = np.where(np.arange(60) < 3, 1e-320, 1e10)
    model = EmpiricalScoreDiffusion(random_state=0)
    model.fit(make_rows(), sample_weight=weights).save(path)
    assert len(manidiff.load(path).rows_) == 57


# Networks of the user are made by what the file says of their shape.


class OwnNetwork(nn.Module):
    def __init__(self, n_features, n_conditions):
        super().__init__()
        self.linear = nn.Linear(n_features + n_conditions, n_features)

    def forward(self, inputs, noise):
        return self.linear(inputs)


class FailingNetwork(nn.Module):
    def __init__(self, *shape):
        raise RuntimeError("no network today")


@pytest.fixture
def raw(path):
    model = CoarseScoreDiffusion(
        module=OwnNetwork, max_iter=5, batch_size=32, random_state=0
    )
    model.fit(make_rows()).save(path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "shape", [[10**9, 0], [3, 10**9], [-1, 0], [3, 0, 1], [20_000, 0], [3], [3.0, 0]]
)
def test_no_network_of_a_false_shape_is_made(path, raw, shape):
    node = {"kind": "tuple", "items": shape}
    path.write_bytes(edited(raw, path, set_state("_network_shape", node)))
    with pytest.raises(FileFormatError, match="_network_shape"):
        manidiff.load(path, parameters={"module": FailingNetwork})


def test_errors_of_a_module_are_its_own(path, raw):
    with pytest.raises(RuntimeError, match="no network today"):
        manidiff.load(path, parameters={"module": FailingNetwork})
