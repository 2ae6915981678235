"""scikit-learn's own checks, with no expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

SMALL = {"max_iter": 10, "width": 8, "depth": 1, "batch_size": 32, "n_steps": 4}


@pytest.mark.usefixtures("few_likelihood_steps")
@parametrize_with_checks(
    [
        EmpiricalScoreDiffusion(),
        EmpiricalScoreDiffusion(coarseness=1, scaling=None),
        EmpiricalScoreDiffusion(smoothing=0.5, n_smoothing=2, n_steps=4),
        LocalPolynomialScoreDiffusion(),
        LocalPolynomialScoreDiffusion(noise="isotropic", scaling=None),
        LocalPolynomialScoreDiffusion(
            final_step="local_polynomial", intrinsic_dim=1, degree=1, n_neighbors=3
        ),
        CoarseScoreDiffusion(**SMALL),
        CoarseScoreDiffusion(coarseness=0, scaling="global", **SMALL),
        CoarseScoreDiffusion(early_stopping=True, training_law="local", **SMALL),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)
