"""Networks that predict what is left of a point when its noise is known."""

from manidiff.nets.cross_fitted import CrossFitted
from manidiff.nets.residual_mlp import ResidualMLP

__all__ = ["CrossFitted", "ResidualMLP"]
