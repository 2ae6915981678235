"""Files that earlier versions saved are loaded, and answer as they did."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import manidiff
from manidiff.nets import CrossFitted
from manidiff.persistence import FORMAT_VERSION

DATA = Path(__file__).parents[1] / "data"
FILES = sorted(DATA.glob("*.manidiff"))
# Of values of about 1: libraries for linear algebra differ in the last bits, and
# networks compute in single precision.
TOLERANCE = 1e-4


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_answers_as_it_did(path):
    estimator = manidiff.load(path)
    golden = np.load(path.with_suffix(".npz"))
    X = pd.DataFrame(golden["X"], columns=["east", "north", "up"])
    y = golden["y"] if "y" in golden else None
    for name, found in {
        "samples": estimator.sample(20, y=y, random_state=0),
        "scores": estimator.score_samples(X, y=y),
        "denoised": estimator.denoise(X, 0.5, y=y),
    }.items():
        np.testing.assert_allclose(
            found, golden[name], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name
        )


def test_what_version_2_added_is_in_golden_files():
    refitted = manidiff.load(DATA / "format_2_coarse_refitted.manidiff")
    assert refitted.final_step_ == "least_squares"
    pair = manidiff.load(DATA / "format_2_coarse_cross_fitted.manidiff")
    assert isinstance(pair.net_.module_, CrossFitted)


def test_every_format_has_golden_files():
    versions = {int(path.stem.split("_")[1]) for path in FILES}
    assert versions == set(range(1, FORMAT_VERSION + 1))
    assert len(FILES) >= 16
    assert all(path.stat().st_size < 100_000 for path in FILES)
