"""Distance to the learned manifold, as an outlier score."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)
from manidiff.datasets import Torus

OFF = 0.5


@pytest.mark.parametrize(
    "model",
    [
        EmpiricalScoreDiffusion(),
        EmpiricalScoreDiffusion(coarseness="auto"),
        LocalPolynomialScoreDiffusion(),
        CoarseScoreDiffusion(max_iter=1000),
    ],
    ids=["empirical", "empirical-auto", "local", "coarse"],
)
def test_distance_tells_points_off_the_torus(model):
    torus = Torus()
    rows = torus.sample(1500, random_state=0)
    rng = np.random.default_rng(0)
    space = rng.uniform(-2, 2, size=(20_000, 3))
    others = space[np.abs(torus.distance(space) - OFF) < 0.01]
    assert len(others) > 100
    model.set_params(random_state=0).fit(rows[:1000])
    scores = model.distance(np.vstack([rows[1000:], others]))
    labels = np.repeat([0, 1], [500, len(others)])
    assert roc_auc_score(labels, scores) > 0.95
    # And it is a distance.
    assert np.median(scores[500:]) == pytest.approx(OFF, rel=0.2)
