"""Measures of fidelity, novelty, coverage, likeness, privacy and use.

All are against held-out rows: compared with the training rows, copies would be perfect.
Every function is called as ``metric(X_gen, X_train, X_heldout)``, also where a set does
not enter, so that metrics can be exchanged for each other; what more a metric needs are
keyword arguments. `loss_attack` alone takes a fitted estimator in the place of `X_gen`.
`report` takes either, and calls them all.
"""

from manidiff.metrics._coverage import coverage, recall
from manidiff.metrics._data_copying import data_copying_test
from manidiff.metrics._discrepancies import (
    maximum_mean_discrepancy,
    sliced_wasserstein_distance,
)
from manidiff.metrics._fidelity import density, off_manifold_distance, precision
from manidiff.metrics._likelihood import feature_likelihood_divergence
from manidiff.metrics._mass_coverage import coverage_resolution, mass_coverage
from manidiff.metrics._memorization import (
    excess_memorization,
    memorization_interval,
    memorization_ratio,
)
from manidiff.metrics._novelty import (
    authenticity,
    distance_to_closest_record,
    nearest_neighbor_distance_ratio,
)
from manidiff.metrics._privacy import loss_attack, nearest_generated_attack
from manidiff.metrics._report import report
from manidiff.metrics._report_result import SampleReport
from manidiff.metrics._singling_out import singling_out_attack
from manidiff.metrics._tables import column_differences, correlation_differences
from manidiff.metrics._two_sample import (
    energy_distance,
    energy_ratio,
    two_sample_auc,
)
from manidiff.metrics._utility import train_on_synthetic

__all__ = [
    "SampleReport",
    "authenticity",
    "column_differences",
    "correlation_differences",
    "coverage",
    "coverage_resolution",
    "data_copying_test",
    "density",
    "distance_to_closest_record",
    "energy_distance",
    "energy_ratio",
    "excess_memorization",
    "feature_likelihood_divergence",
    "loss_attack",
    "mass_coverage",
    "maximum_mean_discrepancy",
    "memorization_interval",
    "memorization_ratio",
    "nearest_generated_attack",
    "nearest_neighbor_distance_ratio",
    "off_manifold_distance",
    "precision",
    "recall",
    "report",
    "singling_out_attack",
    "sliced_wasserstein_distance",
    "train_on_synthetic",
    "two_sample_auc",
]
