"""Inverse maps learned for transformers that have none."""

from manidiff.inverse._invertible import is_invertible
from manidiff.inverse._regressor import LocalPolynomialRegressor
from manidiff.inverse._transformer import InvertibleTransformer

__all__ = ["InvertibleTransformer", "LocalPolynomialRegressor", "is_invertible"]
