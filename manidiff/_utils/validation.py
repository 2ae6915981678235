"""Checks of what users pass, beyond those of scikit-learn."""

from numbers import Integral
from typing import Any

import numpy as np


def check_n_samples(n_samples: Any) -> int:
    """Return n_samples as an int, or raise if it is not a positive one."""
    is_count = isinstance(n_samples, Integral) and not isinstance(n_samples, bool)
    if not is_count or n_samples < 1:
        raise ValueError(
            f"n_samples={n_samples!r} must be an int of at least 1, for example "
            "n_samples=100."
        )
    return int(n_samples)


def check_noise_levels(sigma: Any, n_samples: int) -> np.ndarray:
    """Return one noise level a row (n_samples,), or raise if one is not positive."""
    try:
        sigma = np.asarray(sigma, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sigma={sigma!r} must be a number.") from error
    wrong = sigma[~(np.isfinite(sigma) & (sigma > 0))]
    if wrong.size:
        raise ValueError(
            f"sigma={float(wrong[0])} must be finite and above 0. Use for example "
            "sigma=estimator.sigma_min_."
        )
    if sigma.ndim > 1 or (sigma.ndim == 1 and len(sigma) != n_samples):
        raise ValueError(
            f"sigma has shape {sigma.shape}; pass one number, or one for each of the "
            f"{n_samples} rows."
        )
    return np.broadcast_to(sigma, n_samples)


def merge_equal_rows(
    X: np.ndarray, weights: np.ndarray, conditions: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the distinct rows of positive weight, their shares and conditions.

    Merged, a weight of 2 and a row given twice are the same by construction. Rows with
    different conditions stay apart.
    """
    # Beside much larger ones a weight may be a share of 0.
    kept = weights / weights.sum() > 0
    X, weights = X[kept], weights[kept]
    joint = X if conditions is None else np.hstack([X, conditions[kept]])
    merged, index = np.unique(joint, axis=0, return_inverse=True)
    totals = np.bincount(index.ravel(), weights)
    n_features = X.shape[1]
    conditions = None if conditions is None else merged[:, n_features:]
    return merged[:, :n_features], totals / totals.sum(), conditions
