"""In which proportions rows are learned."""

import numpy as np
import pytest

from manidiff import LocalPolynomialScoreDiffusion
from manidiff.datasets import Sphere, Torus
from manidiff.geometry.scaling_choice import choose_scaling


def chosen(X):
    return choose_scaling(X, np.full(len(X), 1 / len(X)))


def test_a_torus_keeps_its_proportions_whatever_its_size():
    X = Torus().sample(800, random_state=0)
    assert chosen(X) == "global"
    assert chosen(1e-6 * X + 3) == "global"


def test_columns_in_other_units_are_scaled_back():
    X = Sphere().sample(800, random_state=0)
    assert chosen(X) == "feature"
    # Stretched, the sphere bends least when all columns are divided alike.
    assert chosen(X * [1, 1, 5]) == "feature"


def test_noise_in_a_small_column_is_no_manifold():
    rng = np.random.default_rng(0)
    angle = rng.uniform(0, 2 * np.pi, 500)
    X = np.column_stack(
        [1e6 * np.cos(angle), 1e6 * np.sin(angle), rng.normal(size=500)]
    )
    # Divided by one number, the noise would be as good as none.
    assert chosen(X) == "feature"


@pytest.mark.parametrize("shape", [(2, 3), (5, 2), (40, 1), (30, 100)])
def test_rows_without_a_manifold_are_scaled_by_column(shape):
    rng = np.random.default_rng(0)
    assert chosen(rng.normal(size=shape) * rng.uniform(1, 9, shape[1])) == "feature"


def test_draws_lie_closer_to_the_manifold_in_its_own_proportions():
    torus = Torus()
    X = torus.sample(500, random_state=0)
    off = {
        scaling: torus.distance(
            LocalPolynomialScoreDiffusion(scaling=scaling, random_state=0)
            .fit(X)
            .sample(2000, random_state=0)
        ).mean()
        for scaling in ("auto", "feature")
    }
    assert off["auto"] < 0.5 * off["feature"]
