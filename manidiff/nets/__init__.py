"""Networks that predict what is left of a point when its noise is known."""

from manidiff.nets.residual_mlp import ResidualMLP

__all__ = ["ResidualMLP"]
