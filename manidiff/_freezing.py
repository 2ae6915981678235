"""Where, and to which projector, the score of a network is frozen."""

import numpy as np
import torch

from manidiff._utils.random import balanced_normal
from manidiff.diffusion.calibration import choose_frozen_level
from manidiff.diffusion.projectors import PROJECTORS, FrozenBelow, OntoSurface

# With coarseness="auto" a network learns down to this noise level, in nearest-neighbour
# distances, and on a manifold the best of the levels to freeze at is then chosen.
FINEST = 0.1
_LEVELS = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
_N_CALIBRATION = 512
# Rows by which the data's own noise is measured.
_MAX_RESIDUALS = 4096


class FreezingMixin:
    """Decides, after training, what becomes of the score below sigma_c.

    Sets `final_step_` and `_noise_variances`, and with automatic coarseness `sigma_c_`.
    """

    def _kept_surface(self, surfaces):
        if self.final_step != "local_polynomial":
            return None
        if surfaces.surface is None:
            raise ValueError(
                "final_step='local_polynomial' needs more rows of X than the "
                f"{len(surfaces.rows)} distinct ones. Use final_step='auto'."
            )
        return surfaces.surface

    def _freeze(self, rows, weights, conditions, surfaces, rng):
        """Decide the level and the projector below which the score is frozen."""
        self._noise_variances = None
        self.final_step_ = "tweedie" if self.final_step == "auto" else self.final_step
        if surfaces.is_clean:
            self._choose_projector(surfaces, rng)
        elif self.final_step == "auto":
            self._noise_variances = self._residual_variances(
                rows, weights, conditions, rng
            )
        if self.surface_ is not None:
            self.final_step_ = "local_polynomial"

    def _choose_projector(self, surfaces, rng):
        """Take the level and projector whose draws land closest to the surfaces."""
        levels = [self._sigma_floor()]
        if self.coarseness == "auto":
            coarser = [level * self.nn_distance_ for level in _LEVELS]
            levels = [x for x in coarser if self.sigma_c_ < x < self.sigma_max_ / 2]
            levels.append(self.sigma_c_)
        projectors = [self.final_step_]
        # Surfaces through the rows cannot tell at which level draws are best.
        if self.final_step in ("auto", "local_polynomial"):
            projectors = sorted(PROJECTORS)
        if len(levels) * len(projectors) == 1 or self.final_step == "none":
            return
        conditions = None
        if self.conditional:
            conditions = self._tensor(self.conditions_.draw(_N_CALIBRATION, rng))
        normal = balanced_normal(_N_CALIBRATION, self.gaussian_.rank, rng)
        level, self.final_step_ = choose_frozen_level(
            self._network_denoiser(torch.float32, conditions),
            self._start(self._tensor(normal), conditions, rng),
            self.sigma_max_,
            levels,
            projectors,
            lambda x: float(np.median(surfaces.distance(x.cpu().numpy()))),
        )
        if self.coarseness == "auto":
            self.sigma_c_ = level

    def _residual_variances(self, rows, weights, conditions, rng):
        """Return how far rows lie from their projection: the data's own noise."""
        if len(rows) > _MAX_RESIDUALS:
            chosen = rng.choice(len(rows), _MAX_RESIDUALS, p=weights)
            rows, weights = rows[chosen], np.full(_MAX_RESIDUALS, 1 / _MAX_RESIDUALS)
            conditions = None if conditions is None else conditions[chosen]
        denoiser = self._network_denoiser(torch.float32, self._tensor(conditions))
        x = self._tensor(rows)
        with torch.no_grad():
            frozen = FrozenBelow(
                denoiser, self._sigma_floor(), PROJECTORS[self.final_step_]
            )
            residual = self.gaussian_.axes.T.to(x) @ (x - frozen.project(x)).T
        return (residual**2 @ self._tensor(weights)).cpu()

    def _projector(self):
        if self.surface_ is not None:
            return OntoSurface(self.surface_.project)
        return PROJECTORS["tweedie" if self.final_step_ == "none" else self.final_step_]
