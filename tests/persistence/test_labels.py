"""Whatever labels a fit takes, its estimator is copied by all means."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from fitted_estimators import make_rows

import manidiff
from manidiff import EmpiricalScoreDiffusion

A, B = "u", "v"
LABELS = {
    "text": ([A, B], A),
    "text of numpy": ([np.str_(A), np.str_(B)], A),
    "integers of numpy": ([np.int64(1), np.int64(2)], 1),
    "bools of numpy": ([np.bool_(False), np.bool_(True)], True),
    "categories": (pd.Categorical([A, B]), A),
    "nullable": (pd.array([1, 2], dtype="Int64"), 1),
    "text of pandas": (pd.array([A, B], dtype="string"), A),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_copied(name, tmp_path):
    labels, one = LABELS[name]
    y = pd.Series(labels, dtype=getattr(labels, "dtype", object))
    y = y.iloc[np.arange(60) % 2]
    fitted = EmpiricalScoreDiffusion(conditional=True).fit(make_rows(), y)
    fitted.save(tmp_path / "estimator")
    expected = fitted.sample(5, y=one, random_state=0)
    for copied in (
        manidiff.load(tmp_path / "estimator"),
        pickle.loads(pickle.dumps(fitted)),
        copy.deepcopy(fitted),
    ):
        np.testing.assert_array_equal(copied.sample(5, y=one, random_state=0), expected)
