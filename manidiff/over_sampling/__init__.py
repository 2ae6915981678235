"""New rows for classes that have too few, in imbalanced-learn's interface."""

from manidiff.over_sampling._sampler import ManifoldOverSampler

__all__ = ["ManifoldOverSampler"]
