"""What tests of many rows share."""

import pytest

from manidiff import _long_rows, _streaming


@pytest.fixture
def short_memory(monkeypatch):
    """Make a thousand values long."""
    monkeypatch.setattr(_streaming, "MAX_ENTRIES", 1000)
    monkeypatch.setattr(_streaming, "_N_REFERENCE", 500)
    monkeypatch.setattr(_long_rows, "_READ", 512)
