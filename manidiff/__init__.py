"""scikit-learn estimators that generate new points on the data's manifold."""

from manidiff import datasets, metrics
from manidiff._coarse import CoarseScoreDiffusion
from manidiff._empirical import EmpiricalScoreDiffusion
from manidiff._loading import load
from manidiff._local_polynomial import LocalPolynomialScoreDiffusion

__version__ = "0.1.0.dev0"

__all__ = [
    "CoarseScoreDiffusion",
    "EmpiricalScoreDiffusion",
    "LocalPolynomialScoreDiffusion",
    "__version__",
    "datasets",
    "load",
    "metrics",
]
