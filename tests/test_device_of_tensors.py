"""All tensors of an estimator are on its device: a device that the CPU plays."""

import numpy as np
import pytest
import torch
from far_device import DEVICE, FarDevice
from sklearn.base import clone

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

SMALL = {"max_iter": 2, "width": 8, "depth": 1, "optimizer": torch.optim.AdamW}
ESTIMATORS = {
    "empirical": EmpiricalScoreDiffusion(),
    "coarse-empirical": EmpiricalScoreDiffusion(coarseness="auto"),
    "smoothed": EmpiricalScoreDiffusion(smoothing=0.5, n_smoothing=2),
    "coarse": CoarseScoreDiffusion(**SMALL),
    "rows": CoarseScoreDiffusion(training_law="empirical", **SMALL),
    "surface": CoarseScoreDiffusion(final_step="local_polynomial", **SMALL),
    "conditional": CoarseScoreDiffusion(conditional=True, **SMALL),
    "cross-fitted": CoarseScoreDiffusion(training_law="cross_fitted", **SMALL),
    "local-polynomial": LocalPolynomialScoreDiffusion(),
}


@pytest.fixture(params=["clean", "noisy"])
def X(request):
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 80)
    rows = np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)])
    return rows + (request.param == "noisy") * rng.normal(size=rows.shape)


@pytest.fixture
def overwritten_parameters():
    """Let modules change dtype by new parameters, as wrapped ones cannot."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    yield
    torch.__future__.set_overwrite_module_params_on_conversion(before)


def test_the_device_is_far():
    with FarDevice():
        x = torch.ones(3, device=DEVICE)
        assert x.device.type == DEVICE
        assert (x * torch.tensor(2.0)).sum().item() == 6
        with pytest.raises(RuntimeError, match="on the CPU"):
            x + torch.ones(3)
        with pytest.raises(RuntimeError, match="numpy"):
            x.numpy()
        np.testing.assert_array_equal(x.cpu().numpy(), np.ones(3))


@pytest.mark.usefixtures("overwritten_parameters")
@pytest.mark.parametrize("name", list(ESTIMATORS))
def test_drawing_and_projecting(name, X):
    estimator = clone(ESTIMATORS[name]).set_params(device=DEVICE, random_state=0)
    if "n_steps" in estimator.get_params():
        estimator.set_params(n_steps=3)
    y = X[:, 0] > 0 if getattr(estimator, "conditional", False) else None
    with FarDevice():
        estimator.fit(X, y)
        projected = estimator.project(X[:5], y=None if y is None else y[:5])
        drawn = [estimator.sample(5, random_state=0)]
        for solver in ("hybrid", "sde"):
            if "solver" in estimator.get_params():
                estimator.set_params(solver=solver)
                drawn.append(estimator.sample(5, random_state=0))
    assert all(rows.shape == (5, 3) for rows in (projected, *drawn))
