"""Choose among models by what they draw: scorers, a refit rule and a comparison.

Any object with a method `sample` will do: the estimators of manidiff, `KernelDensity`,
`GaussianMixture`. The scorers are for `GridSearchCV` and `cross_validate`.
"""

from manidiff.model_selection._comparison import EstimatorComparison, compare_estimators
from manidiff.model_selection._monitor import HeldOutMonitor
from manidiff.model_selection._refit import refit_novel
from manidiff.model_selection._scorers import (
    get_sample_scorer,
    get_sample_scorer_names,
    make_sample_scorer,
)

__all__ = [
    "EstimatorComparison",
    "HeldOutMonitor",
    "compare_estimators",
    "get_sample_scorer",
    "get_sample_scorer_names",
    "make_sample_scorer",
    "refit_novel",
]
