"""Uniform draws from the manifold of rows that are not uniform on it."""

import numpy as np
import pytest
from scipy.stats import chisquare

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion


@pytest.fixture(scope="module")
def rows():
    """Rows on a circle of radius 3 whose density varies 20 : 1."""
    rng = np.random.default_rng(0)
    angle = rng.vonmises(0, np.log(20) / 2, 2000)
    return 3 * np.column_stack([np.cos(angle), np.sin(angle)])


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(EmpiricalScoreDiffusion(), marks=pytest.mark.slow),
        LocalPolynomialScoreDiffusion(),
    ],
)
def test_draws_are_uniform_on_the_circle(rows, model):
    model.set_params(random_state=0).fit(rows)
    drawn = model.sample(2000, target="uniform", random_state=0)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 3).max() < 0.05
    counts = np.histogram(np.arctan2(*drawn.T), 24, (-np.pi, np.pi))[0]
    found = np.abs(counts / 2000 - 1 / 24).sum() / 2
    # Exactly uniform draws stay below .07 but in 1 of 10^4 seeds; the rows are at .35.
    assert found < 0.09
    assert chisquare(np.histogram(np.arctan2(*rows.T), 24)[0]).pvalue < 1e-9


def test_a_score_that_repeats_few_rows_draws_uniformly(rows):
    model = EmpiricalScoreDiffusion(random_state=0).fit(rows[:400])
    drawn = model.sample(2000, target="uniform", random_state=0)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 3).max() < 0.05
    counts = np.histogram(np.arctan2(*drawn.T), 24, (-np.pi, np.pi))[0]
    assert np.abs(counts / 2000 - 1 / 24).sum() / 2 < 0.09


class Straying(LocalPolynomialScoreDiffusion):
    """Draws of which a few end far from all others."""

    def sample(self, n_samples=1, *, target="data", random_state=None):
        if target == "uniform":
            return super().sample(n_samples, target=target, random_state=random_state)
        drawn = super().sample(n_samples, random_state=random_state)
        drawn[::400] *= np.linspace(0.2, 0.8, len(drawn[::400]))[:, None]
        return drawn


def test_draws_that_stray_are_no_part_of_the_manifold(rows):
    model = Straying(random_state=0).fit(rows)
    drawn = model.sample(500, target="uniform", random_state=0)
    assert np.abs(np.linalg.norm(drawn, axis=1) - 3).max() < 0.05


def test_what_cannot_be_is_refused_by_name(rows):
    model = LocalPolynomialScoreDiffusion(random_state=0).fit(rows)
    with pytest.raises(ValueError, match="target='flat' must be"):
        model.sample(5, target="flat")
    with pytest.raises(ValueError, match="y is given, but target='uniform'"):
        model.sample(5, y=0, target="uniform")
    cloud = np.random.default_rng(0).normal(size=(200, 5))
    model.fit(cloud)
    with pytest.raises(ValueError, match="needs a smooth manifold"):
        model.sample(5, target="uniform")
