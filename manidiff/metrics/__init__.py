"""Measures of fidelity, novelty, coverage and likeness, all against held-out rows.

Every function is called as ``metric(X_gen, X_train, X_heldout)``, also where a set does
not enter, so that metrics can be exchanged for each other.
"""

from manidiff.metrics._coverage import coverage, recall
from manidiff.metrics._fidelity import density, precision
from manidiff.metrics._novelty import (
    distance_to_closest_record,
    excess_memorization,
    memorization_ratio,
)
from manidiff.metrics._two_sample import (
    energy_distance,
    energy_ratio,
    two_sample_auc,
)

__all__ = [
    "coverage",
    "density",
    "distance_to_closest_record",
    "energy_distance",
    "energy_ratio",
    "excess_memorization",
    "memorization_ratio",
    "precision",
    "recall",
    "two_sample_auc",
]
