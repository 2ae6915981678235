"""What processes that train together must have in common."""

import numpy as np

from manidiff._processes import count, differing
from manidiff.persistence import fingerprint

# What other threads or processors round otherwise is far less.
_DECIMALS = 6


def require_same_fit(estimator, arrays, rng):
    """Raise in all processes unless all of them fit the same estimator to the same.

    Each says what it has in a few digests, whatever the number of rows.
    """
    if count() == 1:
        return
    rounded = {name: _rounded(array) for name, array in arrays.items()}
    made_of = fingerprint(estimator, rounded, rng)
    # Each has a GPU of its own.
    del made_of["device"]
    names = differing(made_of)
    if names:
        raise ValueError(
            f"{', '.join(names)} differ between the {count()} processes that train "
            "together. Set random_state to the same int in all of them, and give all "
            "of them the same X, y, sample_weight and parameters."
        )


def _rounded(array):
    """Return numbers in parts of the largest; weights of many rows are small."""
    if array is None:
        return None
    parts = array / (np.abs(array).max() or 1.0)
    # Zero has no sign.
    return np.round(parts, _DECIMALS) + 0.0
