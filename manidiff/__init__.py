"""scikit-learn estimators that generate new points on the data's manifold."""

from manidiff import datasets, metrics
from manidiff._coarse import CoarseScoreDiffusion
from manidiff._empirical import EmpiricalScoreDiffusion

__version__ = "0.1.0.dev0"

__all__ = [
    "CoarseScoreDiffusion",
    "EmpiricalScoreDiffusion",
    "__version__",
    "datasets",
    "metrics",
]
