"""What tests of training that ends before its time share."""

import numpy as np
import pytest


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 60)
    return np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training.checkpoint"
