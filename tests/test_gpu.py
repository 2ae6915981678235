"""On a CUDA device; skipped where there is none."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

pytestmark = pytest.mark.gpu

SMALL = {"max_iter": 50, "width": 32, "depth": 1, "batch_size": 64}
ESTIMATORS = {
    "empirical": EmpiricalScoreDiffusion(device="cuda", random_state=0),
    "smooth": EmpiricalScoreDiffusion(
        smoothing=0.5, n_smoothing=4, device="cuda", random_state=0
    ),
    "coarse": CoarseScoreDiffusion(device="cuda", random_state=0, **SMALL),
    "local": CoarseScoreDiffusion(
        training_law="local", device="cuda", random_state=0, **SMALL
    ),
    "surface": CoarseScoreDiffusion(
        final_step="local_polynomial", device="cuda", random_state=0, **SMALL
    ),
    "local-polynomial": LocalPolynomialScoreDiffusion(device="cuda", random_state=0),
    "local-polynomial-none": LocalPolynomialScoreDiffusion(
        final_step="none", device="cuda", random_state=0
    ),
    "conditional": CoarseScoreDiffusion(
        conditional=True, device="cuda", random_state=0, **SMALL
    ),
}


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 200)
    return np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)])


@pytest.fixture(params=list(ESTIMATORS))
def fitted(request, X):
    return ESTIMATORS[request.param].fit(X, X[:, 0] > 0)


def test_fit_and_sample_on_the_device(fitted, X):
    assert torch.device(fitted.device_).type == "cuda"
    drawn = fitted.sample(50, random_state=0)
    assert drawn.shape == (50, 3)
    assert drawn.dtype == np.float64
    assert np.isfinite(drawn).all()
    np.testing.assert_array_equal(fitted.sample(50, random_state=0), drawn)
    assert np.isfinite(fitted.score(X[:20]))


def test_device_gives_what_the_cpu_gives(fitted, X):
    on_cpu = pickle.loads(pickle.dumps(fitted))
    on_cpu.device_ = "cpu"
    if hasattr(fitted, "net_"):
        assert not any(p.is_cuda for p in on_cpu.net_.module_.parameters())
        assert all(p.is_cuda for p in fitted.net_.module_.parameters())
    np.testing.assert_allclose(
        on_cpu.sample(200, random_state=0),
        fitted.sample(200, random_state=0),
        atol=2e-3,
    )
    np.testing.assert_allclose(
        on_cpu.score_samples(X[:20]), fitted.score_samples(X[:20]), rtol=1e-6
    )
    np.testing.assert_allclose(
        on_cpu.sample(5, random_state=0), fitted.sample(5, random_state=0), atol=2e-3
    )


def test_the_manifold_on_the_device_is_that_on_the_cpu(fitted, X):
    on_cpu = pickle.loads(pickle.dumps(fitted))
    on_cpu.device_ = "cpu"
    labels = X[:20, 0] > 0 if fitted.conditional else None
    for method in ("project", "distance", "intrinsic_dimension"):
        expected = getattr(on_cpu, method)(X[:20], y=labels)
        found = getattr(fitted, method)(X[:20], y=labels)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_global_generator_of_the_device_is_untouched(fitted, X):
    torch.cuda.manual_seed(3)
    before = torch.cuda.get_rng_state()
    fitted.fit(X, X[:, 0] > 0).sample(3)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_two_fits_with_one_seed_agree(fitted, X):
    first = fitted.sample(5, random_state=0)
    again = fitted.fit(X, X[:, 0] > 0).sample(5, random_state=0)
    np.testing.assert_allclose(again, first, atol=1e-3)


def test_pickle_loads_without_the_device(fitted, X, tmp_path):
    path = tmp_path / "model.pickle"
    path.write_bytes(pickle.dumps(fitted))
    script = (
        "import pickle, sys, warnings\n"
        "import numpy as np\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    model = pickle.loads(open(sys.argv[1], 'rb').read())\n"
        # Some builds of torch warn, too, that there is no device.
        "said = [str(w.message) for w in caught]\n"
        "assert sum('fitted on device' in text for text in said) == 1, said\n"
        "assert model.device_ == 'cpu'\n"
        "np.save(sys.argv[2], model.sample(50, random_state=0))\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, path, tmp_path / "drawn.npy"],
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        check=True,
    )
    drawn = np.load(tmp_path / "drawn.npy")
    np.testing.assert_allclose(drawn, fitted.sample(50, random_state=0), atol=2e-3)


def test_tensor_on_the_device_is_refused_as_input(X):
    with pytest.raises(TypeError, match="cpu"):
        EmpiricalScoreDiffusion().fit(torch.from_numpy(X).cuda())
