"""What conditions a score: labels or targets, given with the rows."""

import numpy as np
import torch

from manidiff._utils.conditions import ConditionEncoder
from manidiff.geometry.condition_bandwidth import (
    condition_bandwidth,
    silverman_bandwidth,
)

# Indicator rows of two labels are sqrt(2) apart: exp(-10^4) is 0.
_LABEL_BANDWIDTH = 0.01


class ConditionalMixin:
    """Encodes and draws the y of an estimator with `conditional=True`.

    The estimator gets `conditions_`, a `ConditionEncoder`.
    """

    # Of labels, and of files of earlier versions.
    _bandwidth = None

    def _fit_conditions(self, X, y, weights):
        # Those of an earlier fit.
        vars(self).pop("conditions_", None)
        if not self.conditional:
            return
        if y is None:
            raise ValueError(
                "conditional=True requires y to be passed, but the target y is None. "
                "Pass y to fit, or set conditional=False."
            )
        shape = np.shape(y)
        if len(shape) not in (1, 2) or shape[0] != len(X):
            raise ValueError(
                f"y has shape {shape}, but X has {len(X)} rows. Pass one label or one "
                "row of targets for each."
            )
        self.conditions_ = ConditionEncoder().fit(y, weights)

    def _fit_bandwidth(self, rows, conditions, rng):
        self._bandwidth = None
        if conditions is not None and self.conditions_.classes_ is None:
            self._bandwidth = condition_bandwidth(rows, conditions, rng)

    def _condition_bandwidth(self, conditions):
        """Return the width within which conditions (N, c) count as equal."""
        if conditions is None or self.conditions_.classes_ is not None:
            return _LABEL_BANDWIDTH
        if self._bandwidth is not None:
            return self._bandwidth
        return silverman_bandwidth(*conditions.shape)

    def _neighbor_search(self, rows, conditions):
        """Return within what neighbours are sought, as `LocalGaussianLaw` takes it."""
        if conditions is None:
            return {}
        if self.conditions_.classes_ is not None:
            labels = conditions.argmax(axis=1)
            groups = [np.flatnonzero(labels == label) for label in np.unique(labels)]
            return {"groups": [torch.from_numpy(group) for group in groups]}
        # A target counts as much as all columns together.
        weighted = conditions * np.sqrt(rows.shape[1])
        return {"search_rows": torch.from_numpy(np.hstack([rows, weighted]))}

    def _check_as_fitted(self):
        """Raise if `conditional` was set anew since the fit."""
        was_conditional = hasattr(self, "conditions_")
        if bool(self.conditional) != was_conditional:
            raise ValueError(
                f"conditional={self.conditional!r}, but the estimator was fitted with "
                f"conditional={was_conditional}. Set it back, or fit again."
            )

    def _encode_all(self, y, n_samples):
        if not self.conditional:
            return None
        return self.conditions_.transform(y, n_samples)

    def _sampled_conditions(self, y, n_samples, rng):
        self._check_as_fitted()
        if not self.conditional:
            if y is not None:
                raise ValueError(
                    "y is given, but the estimator was fitted with conditional=False. "
                    "Fit with conditional=True to draw for labels or targets."
                )
            return None
        if y is None:
            return self.conditions_.draw(n_samples, rng)
        return self.conditions_.transform(y, n_samples)

    def _given_conditions(self, y, n_samples):
        self._check_as_fitted()
        if self.conditional and y is None:
            raise ValueError(
                "y is missing: a conditional estimator needs the labels or targets of "
                "the rows here. Pass y."
            )
        return self._encode_all(y, n_samples)
