"""Options and markers of the test suite."""

import os

import pytest

# Workers of pytest-xdist share the cores: one thread each, set before torch loads.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_addoption(parser):
    parser.addoption(
        "--run-slow", action="store_true", help="run the tests marked slow"
    )


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--run-slow"):
        _skip(items, "slow", "slow: run with --run-slow")
    if any("gpu" in item.keywords for item in items) and not _has_cuda():
        _skip(items, "gpu", "needs a CUDA device")


@pytest.fixture
def few_likelihood_steps(monkeypatch):
    """Make densities cheap and crude, for tests that any density passes."""
    monkeypatch.setattr("manidiff.diffusion.likelihood._N_STEPS", 3)


@pytest.fixture
def few_draws_on_surface(monkeypatch):
    """Teach networks few points of a manifold, for tests of anything but quality."""
    monkeypatch.setattr("manidiff._network._N_ON_SURFACE", 500)


def _skip(items, marker, reason):
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


def _has_cuda():
    import torch

    return torch.cuda.is_available()
