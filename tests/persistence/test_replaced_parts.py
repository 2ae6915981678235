"""Files of which one part was replaced, whichever it is, and the checksum renewed."""

import copy
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

import manidiff
from manidiff.persistence import FORMAT_VERSION, FileFormatError, container

DATA = Path(__file__).parents[1] / "data"
# Of each kind of fitted estimator, whose golden files need no fit.
KINDS = (
    *("coarse_cross_fitted", "coarse_labels", "coarse_refitted", "coarse_surface"),
    *("empirical", "local_targets"),
)


def paths_of(node, at=()):
    yield at
    if isinstance(node, list):
        node = dict(enumerate(node))
    for key, one in node.items() if isinstance(node, dict) else ():
        yield from paths_of(one, (*at, key))


def replaced(content, place, value):
    forged = copy.deepcopy(content)
    inner = forged
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return forged


def n_refused(path, raw, replacements):
    """Return how many of the replaced parts are refused; the others do no harm."""
    content, arrays = container.unpack(path, raw, "estimator")
    n_refused = 0
    for place, value in replacements(content):
        forged = replaced(content, place, value)
        path.write_bytes(b"".join(container.pack("estimator", forged, arrays)))
        try:
            loaded = manidiff.load(path)
        except FileFormatError:
            n_refused += 1
        else:
            # Another name, label or setting: a valid estimator.
            assert np.isfinite(loaded.sample(2)).all(), place
    return n_refused


VALUES = [None, -1, "x", [], {}, {"kind": "tuple"}, True]


@pytest.mark.parametrize("value", VALUES)
def test_any_part_of_the_json_replaced(path, raw, value):
    def replacements(content):
        return [(place, value) for place in list(paths_of(content))[1:]]

    assert n_refused(path, raw, replacements) > 90


@pytest.fixture(params=KINDS)
def raw_of_kind(request):
    return (DATA / f"format_{FORMAT_VERSION}_{request.param}.manidiff").read_bytes()


def test_any_part_of_any_kind_replaced(path, raw_of_kind):
    def replacements(content):
        # One value each: fits of a network have hundreds of parts.
        return zip(list(paths_of(content))[1:], cycle(VALUES), strict=False)

    assert n_refused(path, raw_of_kind, replacements) > 40


@pytest.mark.parametrize("value", [10**25, 1e300, 0])
def test_any_number_that_was_learned_replaced(path, raw_of_kind, value):
    def replacements(content):
        state = {"state": content["state"]}
        return [(place, value) for place in paths_of(state) if is_number(state, place)]

    assert n_refused(path, raw_of_kind, replacements) >= 5


def is_number(node, place):
    for key in place:
        node = node[key]
    return type(node) in (int, float)
