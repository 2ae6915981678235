"""Rows, and files of estimators and of training, that tests of several files share."""

import numpy as np
import pytest
from fitted_estimators import make_fitted


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 60)
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.manidiff"


@pytest.fixture
def raw(path):
    make_fitted("local-text")[0].save(path)
    return path.read_bytes()
