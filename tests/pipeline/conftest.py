"""Rows and helpers that the tests of pipelines and of inverse maps share."""

from numbers import Number

import joblib
import numpy as np
import pytest

from manidiff.datasets import SwissRoll


@pytest.fixture(scope="session")
def swiss_roll():
    """Rows of a Swiss roll, of shape (2000, 3)."""
    return SwissRoll().sample(2000, random_state=0)


@pytest.fixture(scope="session")
def state():
    """Return a function to {path: hash} of all values that an object holds.

    Not a hash of the whole: scikit-learn's search trees count the calls to them.
    """

    def values(held, path=""):
        if isinstance(held, np.ndarray):
            return {path: joblib.hash(np.asarray(held))}
        if held is None or isinstance(held, str | Number | np.generic):
            return {path: joblib.hash(held)}
        if hasattr(held, "numpy"):
            return {path: joblib.hash(held.numpy())}
        if isinstance(held, list | tuple):
            held = dict(enumerate(held))
        inner = held if isinstance(held, dict) else getattr(held, "__dict__", {})
        found = {}
        for name, value in inner.items():
            found |= values(value, f"{path}.{name}")
        return found

    return values
