"""Dimensions by a library, and what becomes of them in an estimator."""

import sys
import warnings

import numpy as np
import pytest

from manidiff import LocalPolynomialScoreDiffusion
from manidiff.datasets import RotationGroup, Sphere
from manidiff.geometry.intrinsic_dimension import LIBRARY_ESTIMATORS, library_dimension


@pytest.mark.parametrize("name", ["two_nn", "mle"])
@pytest.mark.parametrize("manifold", [Sphere(), RotationGroup()], ids=["S2", "SO3"])
def test_dimension_of_a_manifold(name, manifold):
    rows = manifold.sample(1000, random_state=0)
    found = library_dimension(rows, name)
    assert found == pytest.approx(manifold.intrinsic_dim, abs=0.25)


@pytest.mark.parametrize("name", LIBRARY_ESTIMATORS)
def test_a_named_estimator_decides_the_surfaces(name):
    rows = Sphere().sample(500, random_state=0)
    rows = np.column_stack([rows, rows**2])
    model = LocalPolynomialScoreDiffusion(intrinsic_dim=name, random_state=0)
    with warnings.catch_warnings():
        # Ranks of curved neighbourhoods are too high.
        warnings.simplefilter("ignore", UserWarning)
        model.fit(rows)
    assert model.intrinsic_dim_ == round(
        library_dimension(model.scaling_.apply(rows), name)
    )


def test_disagreement_with_the_score_is_said():
    rows = RotationGroup().sample(500, random_state=0)
    model = LocalPolynomialScoreDiffusion(intrinsic_dim="local_pca", random_state=0)
    with pytest.warns(
        UserWarning, match="estimates 9.0, but the score of the rows says"
    ):
        model.fit(rows)


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skdim", None)
    model = LocalPolynomialScoreDiffusion(intrinsic_dim="mle")
    with pytest.raises(ImportError, match=r"pip install 'manidiff\[dimension\]'"):
        model.fit(np.random.default_rng(0).normal(size=(30, 3)))
    model.set_params(intrinsic_dim="auto").fit(
        np.random.default_rng(0).normal(size=(30, 3))
    )


def test_few_rows_and_one_column():
    with pytest.raises(ValueError, match="needs at least 4 distinct rows"):
        library_dimension(np.eye(3), "two_nn")
    assert library_dimension(np.arange(9.0)[:, None], "mle") == 1.0
