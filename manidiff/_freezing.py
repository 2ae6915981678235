"""Where, and to which projector, the score of a network is frozen."""

import numpy as np
import torch

from manidiff._interruptions import warn_of_interrupted_choice
from manidiff._processes import count
from manidiff._utils.random import balanced_normal
from manidiff.diffusion.calibration import choose_frozen_level
from manidiff.diffusion.descent import descend
from manidiff.diffusion.last_layer import OtherLastLayer, fit_last_layer
from manidiff.diffusion.projectors import (
    PROJECTORS,
    FrozenBelow,
    OntoSurface,
    OwnNoise,
)
from manidiff.nets import CrossFitted

# With coarseness="auto" a network learns down to this noise level, in nearest-neighbour
# distances, and on a manifold the best of the levels to freeze at is then chosen.
FINEST = 0.1
_LEVELS = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
_N_CALIBRATION = 512
# Noise takes points sqrt(D) standard deviations off. On circles the last layer fitted
# anew projects points 20 farther off, and nothing vouches for it beyond.
_MAX_DEVIATION = 20.0
# Points by which the last layer is fitted anew, where there are so many rows.
_MAX_REFITTED = 2**14
# Rows by which the data's own noise is measured.
_MAX_RESIDUALS = 4096


class FreezingMixin:
    """Decides, after training, what becomes of the score below sigma_c, and does it.

    Sets `final_step_`, `_last_layer` and `_noise_variances`, and with automatic
    coarseness `sigma_c_`.
    """

    # Files of earlier versions hold none.
    _last_layer = None

    def _kept_surface(self, surfaces):
        if self.final_step != "local_polynomial":
            return None
        if surfaces.surface is None:
            raise ValueError(
                "final_step='local_polynomial' needs more rows of X than the "
                f"{len(surfaces.rows)} distinct ones. Use final_step='auto'."
            )
        return surfaces.surface

    def _freeze_until_interrupted(self, *given):
        """Freeze the score; return whether the user has interrupted the choice."""
        self._freeze_plainly()
        try:
            self._choose_last_step(*given)
        except KeyboardInterrupt:
            # The others do not know of it.
            if count() > 1:
                raise
            warn_of_interrupted_choice(self.final_step_)
            return True
        return False

    def _freeze(self, *given, refits=True):
        """Freeze the score below a level, to a projector."""
        self._freeze_plainly()
        self._choose_last_step(*given, refits=refits)

    def _freeze_plainly(self):
        """Freeze it as can be done without a choice."""
        self._noise_variances = self._last_layer = None
        self.final_step_ = "tweedie" if self.final_step == "auto" else self.final_step

    def _choose_last_step(
        self, rows, weights, conditions, surfaces, rng, *, refits=True
    ):
        """Choose the level and the projector by the rows.

        After each step the estimator can be drawn from: the next may be interrupted.
        """
        if surfaces.is_clean:
            missed = self._choose_projector(surfaces, rng)
            if refits and self._is_worth_refitting(surfaces, missed):
                self._last_layer = self._refit(surfaces, weights, conditions, rng)
                self.final_step_ = "least_squares"
        elif self.final_step == "auto":
            self._noise_variances = self._residual_variances(
                rows, weights, conditions, rng
            )

    def _choose_projector(self, surfaces, rng):
        """Take the level and projector whose draws land closest to the surfaces.

        Returned is by how much they miss them; None if there was no choice.
        """
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
            return None
        conditions = None
        if self.conditional:
            conditions = self._tensor(self.conditions_.draw(_N_CALIBRATION, rng))
        normal = balanced_normal(_N_CALIBRATION, self.gaussian_.rank, rng)
        level, projector, missed = choose_frozen_level(
            self._network_denoiser(torch.float32, conditions),
            self._start(self._tensor(normal), conditions, rng),
            self.sigma_max_,
            levels,
            projectors,
            lambda x: float(np.median(surfaces.distance(x.cpu().numpy()))),
        )
        if self.coarseness == "auto":
            self.sigma_c_ = level
        if self.surface_ is None:
            self.final_step_ = projector
        return missed

    def _is_worth_refitting(self, surfaces, missed):
        # Where surfaces miss rows that they do not go through by more, the network
        # knows the manifold as well as they do.
        return (
            self.final_step == "auto"
            and self.sigma_c_ > 0
            and missed > surfaces.residual * self.nn_distance_
            and hasattr(self.net_.module_, "last_hidden")
        )

    def _forget_last_layer(self):
        """Do without: the features of the network are no longer those it was for."""
        if self._last_layer is not None:
            self._last_layer, self.final_step_ = None, "tweedie"

    def _refit(self, surfaces, weights, conditions, rng):
        """Return the last layer that best projects onto the surfaces at sigma_c."""
        if len(surfaces.rows) > _MAX_REFITTED:
            # As many rows stand for their law without being spread.
            chosen = rng.choice(len(surfaces.rows), _MAX_REFITTED, p=weights)
            points = surfaces.rows[chosen]
            given = None if conditions is None else conditions[chosen]
        else:
            points, given = self._points_on(surfaces.surface, weights, conditions, rng)
        sigma = self._sigma_floor()
        x = points + sigma * rng.standard_normal(points.shape)
        target = surfaces.surface.project(torch.from_numpy(x))
        denoiser = self._preconditioned(self._network(torch.float32), torch.float32)
        x, target = self._tensor(x).float(), self._tensor(target).float()
        given = None if given is None else self._tensor(given).float()
        return fit_last_layer(
            denoiser, x, torch.full_like(x[:, 0], sigma), target, given
        )

    def _residual_variances(self, rows, weights, conditions, rng):
        """Return how far rows lie from their projection: the data's own noise."""
        if len(rows) > _MAX_RESIDUALS:
            chosen = rng.choice(len(rows), _MAX_RESIDUALS, p=weights)
            rows, weights = rows[chosen], np.full(_MAX_RESIDUALS, 1 / _MAX_RESIDUALS)
            conditions = None if conditions is None else conditions[chosen]
        network = self._network(torch.float32)
        if isinstance(network, CrossFitted):
            # Rows lie off what others say of their places by more than noise.
            network = network.of_own_half()
        denoiser = self._denoiser_of(network, torch.float32, self._tensor(conditions))
        x = self._tensor(rows)
        with torch.no_grad():
            frozen = FrozenBelow(
                denoiser, self._sigma_floor(), PROJECTORS[self.final_step_]
            )
            residual = self.gaussian_.axes.T.to(x) @ (x - frozen.project(x)).T
        return (residual**2 @ self._tensor(weights)).cpu()

    def _projector(self, dtype, conditions):
        if self.surface_ is not None:
            return OntoSurface(self.surface_.project)
        if self._last_layer is not None:
            return self._refitted_projector(dtype, conditions)
        return PROJECTORS["tweedie" if self.final_step_ == "none" else self.final_step_]

    def _refitted_projector(self, dtype, conditions):
        network = self._network(dtype)
        layer = self._last_layer.to(self._usable_device(), dtype)
        refitted = self._preconditioned(OtherLastLayer(network, layer), dtype)
        given = None if conditions is None else conditions.to(dtype)

        def project(denoiser, x, sigma):
            projected = refitted(x.to(dtype), sigma.to(dtype), given).to(x.dtype)
            reach = (x.shape[1] ** 0.5 + _MAX_DEVIATION) * sigma
            is_near = (x - projected).norm(dim=1) <= reach
            if is_near.all():
                return projected
            return torch.where(is_near[:, None], projected, denoiser(x, sigma))

        return project

    def _bound_denoiser(self, conditions, *, differentiable):
        # Scores in single precision would depend on which rows share a batch.
        dtype = torch.float64 if differentiable else torch.float32
        denoiser = self._network_denoiser(dtype, conditions)
        projector = self._projector(dtype, conditions)
        noise = None
        if self._noise_variances is not None:
            noise = OwnNoise(
                self._tensor(self.gaussian_.axes), self._tensor(self._noise_variances)
            )
        return FrozenBelow(denoiser, self._sigma_floor(), projector, noise)

    def _finish(self, x, denoiser):
        if self.final_step_ == "none":
            return x
        if self.final_step_ == "least_squares":
            # Fitted to what is within reach of sigma_c, it knows nothing of strays.
            x = descend(denoiser.denoiser, x, denoiser.sigma_c, self.sigma_max_)
        return denoiser.finish(x)

    def _log_density_at(self, x, sigma, conditions):
        level = self._sigma_floor()
        if self.surface_ is None or sigma >= level:
            return super()._log_density_at(x, sigma, conditions)
        # The flow below sigma_c stretches what is off the surface and nothing else.
        projected = self.surface_.project(x)
        stretch = level / sigma
        x = projected + stretch * (x - projected)
        n_off = max(x.shape[1] - self.surface_.dim, 0)
        return super()._log_density_at(x, level, conditions) + n_off * np.log(stretch)
