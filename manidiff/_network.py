"""A score that a network learns: what it is taught, and the denoiser it becomes."""

import copy

import numpy as np
import torch
from torch import nn

from manidiff._utils.random import draw_seed
from manidiff.diffusion.generalization import generalization_scale
from manidiff.diffusion.noised_draws import FixedDraws, NoisedDraws
from manidiff.diffusion.preconditioning import PreconditionedDenoiser
from manidiff.diffusion.training_law import EmpiricalTrainingLaw
from manidiff.geometry.local_gaussian import LocalGaussianLaw
from manidiff.geometry.surface_law import draw_on_surface, n_neighbors_on_surface
from manidiff.nets import CrossFitted, ResidualMLP

# The local-Gaussian law: neighbourhood, step, temperature, and the length, in
# nearest-neighbour distances, beyond which it restores variances.
_LOCAL_LAW = {"n_neighbors": 30, "noise": 0.8, "temperature": 0.85}
_LOCAL_SPACING = 0.5
# The law has a few axes a row; of more rows than this allows a random part serves.
_MAX_LAW_ENTRIES = 2**27
# Points of a manifold that stand for its law, too many to be learned by heart.
_N_ON_SURFACE = 2**14
# Share of noised points on surfaces that lie farther off than noise takes them.
_FAR_SHARE = 1 / 8
# Noised draws a held-out row.
_HELD_OUT_REPEATS = 16
# Of more rows, training by default meets each fewer than about ten times, too few to
# learn it by heart.
_MANY_ROWS = 75_000
# Gradient steps of a training. A network that is taught the local law of few rows knows
# their geometry, and would go on to know the rows one by one.
_MAX_STEPS, _MIN_STEPS, _STEPS_PER_ROW = 3000, 1000, 10 / 3
# Smallest noise level, over the largest, at which networks compute.
_SMALLEST_SHARE = 1e-12


class NetworkMixin:
    """Makes and teaches the network of an estimator.

    Once taught, the network is `net_.module_`. It knows noise levels from
    `_sigma_floor` on.
    """

    def _decide_training_law(self, surfaces):
        if self.training_law == "cross_fitted" and surfaces.is_clean:
            # A surface through many rows tells little of one.
            return "local"
        if self.training_law != "auto":
            return self.training_law
        # Of a manifold the rows are then as many points as would stand for their law.
        many = len(surfaces.rows) > (_N_ON_SURFACE if surfaces.is_clean else _MANY_ROWS)
        return "empirical" if many or not self.sigma_c_ else "local"

    def _decide_max_iter(self, surfaces):
        if self.max_iter != "auto":
            return self.max_iter
        if self.training_law_ == "empirical" or surfaces.is_clean:
            return _MAX_STEPS
        wanted = round(_STEPS_PER_ROW * len(surfaces.rows))
        return min(max(wanted, _MIN_STEPS), _MAX_STEPS)

    def _make_network(self, conditions):
        n_conditions = 0 if conditions is None else conditions.shape[1]
        shape = (self.gaussian_.rank, n_conditions)
        is_pair = self.training_law_ == "cross_fitted"
        if self.warm_start and hasattr(self, "net_"):
            if is_pair or isinstance(self.net_.module_, CrossFitted):
                raise ValueError(
                    "warm_start=True, but with training_law='cross_fitted' each of two "
                    "networks must never have met the rows that the other is taught. "
                    "Use warm_start=False."
                )
            if shape != self._network_shape:
                raise ValueError(
                    "warm_start=True, but the network was made for data of rank "
                    f"{self._network_shape[0]} with {self._network_shape[1]} "
                    f"conditions, not {shape[0]} and {shape[1]}. Use warm_start=False."
                )
            return self.net_.module_
        self._network_shape = shape
        if is_pair:
            pair = self._new_network(shape), self._new_network(shape)
            return CrossFitted(*pair, self.gaussian_.variances)
        return self._new_network(shape)

    def _new_network(self, shape):
        if isinstance(self.module, nn.Module):
            return copy.deepcopy(self.module)
        if self.module is not None:
            return self.module(*shape)
        return ResidualMLP(*shape, width=self.width, depth=self.depth)

    def _split(self, n_rows, rng):
        """Return the indices of the training and of the held-out rows."""
        if not self.early_stopping:
            return np.arange(n_rows), np.arange(0)
        n_held_out = max(round(self.validation_fraction * n_rows), 1)
        if n_rows - n_held_out < 2:
            raise ValueError(
                f"early_stopping=True holds out {n_held_out} of {n_rows} distinct "
                "rows, which leaves fewer than 2 to train on. Use early_stopping=False "
                f"or a smaller validation_fraction={self.validation_fraction!r}."
            )
        order = rng.permutation(n_rows)
        return order[n_held_out:], order[:n_held_out]

    def _draws(self, network, rows, weights, conditions, kept, surfaces, rng):
        if self.training_law_ == "empirical":
            return self._row_draws(network, rows, weights, conditions, kept, rng)
        n_neighbors = _LOCAL_LAW["n_neighbors"]
        if surfaces.is_clean:
            n_neighbors = n_neighbors_on_surface(surfaces.dim, len(kept))
        n_axes = min(n_neighbors + 1, rows.shape[1])
        n_rows = max(_MAX_LAW_ENTRIES // (n_axes * rows.shape[1]), 2)
        kept = rng.permutation(kept)[:n_rows] if len(kept) > n_rows else kept
        rows, weights = rows[kept], weights[kept]
        conditions = None if conditions is None else conditions[kept]
        if surfaces.is_clean:
            surface = surfaces.surface_through(rows)
            return self._surface_draws(network, surface, weights, conditions, rng)
        if self.training_law_ == "cross_fitted":
            return self._cross_fitted_draws(network, rows, weights, conditions)
        search = self._neighbor_search(rows, conditions)
        law = self._local_law(rows, weights, search, _LOCAL_LAW)
        return self._noised(law, network, weights, conditions, np.arange(len(rows)))

    def _surface_draws(self, network, surface, weights, conditions, rng):
        """Return noised draws of points on the surfaces through the rows."""
        rows = surface.rows.numpy()
        points, given = self._points_on(surface, weights, conditions, rng)
        law = EmpiricalTrainingLaw(
            self._tensor(points).float(),
            self._tensor(weights).float(),
            self._stable_level(rows, weights, conditions, rng),
            # Where the mean over the rows generalises, it is that of their law.
            reference=surface.rows.to(self._usable_device(), torch.float32),
            far_share=_FAR_SHARE,
        )
        equal, every = np.full(len(points), 1 / len(points)), np.arange(len(points))
        return self._noised(law, network, equal, given, every)

    def _points_on(self, surface, weights, conditions, rng):
        """Return points of the surfaces through rows by their law, and conditions."""
        rows = surface.rows.numpy()
        search = self._neighbor_search(rows, conditions)
        n_points = max(_N_ON_SURFACE, len(rows))
        points, origins = draw_on_surface(surface, weights, n_points, rng, **search)
        return points, None if conditions is None else conditions[origins]

    def _local_law(self, rows, weights, search, constants):
        law = LocalGaussianLaw(
            torch.from_numpy(rows),
            torch.from_numpy(weights),
            spacing=_LOCAL_SPACING * self.nn_distance_,
            **search,
            **constants,
        )
        return law.to(self._usable_device(), torch.float32)

    def _row_draws(self, network, rows, weights, conditions, kept, rng=None):
        sigma_stable = np.inf
        if rng is not None:
            sigma_stable = self._stable_level(
                rows[kept], weights[kept], conditions, rng
            )
        law = EmpiricalTrainingLaw(
            self._tensor(rows[kept]).float(),
            self._tensor(weights[kept]).float(),
            sigma_stable,
        )
        return self._noised(law, network, weights, conditions, kept)

    def _held_out_draws(self, network, rows, weights, conditions, held_out):
        """Return noised draws of the held-out rows, or None where there are none."""
        if len(held_out) == 0:
            return None
        # They are judged as rows, whatever the network is taught.
        draws = self._row_draws(network, rows, weights, conditions, held_out)
        return FixedDraws(draws, _HELD_OUT_REPEATS * len(held_out))

    def _stable_level(self, rows, weights, conditions, rng):
        """Return the noise level from which on posterior means over rows generalise."""
        # Those over all rows would mix rows of different conditions.
        if conditions is not None:
            return np.inf
        return generalization_scale(
            torch.from_numpy(rows),
            torch.from_numpy(weights / weights.sum()),
            self.nn_distance_,
            torch.Generator().manual_seed(draw_seed(rng)),
        )

    def _noised(self, law, network, weights, conditions, kept):
        if conditions is not None:
            conditions = self._tensor(conditions[kept]).float()
        return NoisedDraws(
            law,
            self._tensor(weights[kept]),
            conditions,
            self._preconditioned(network, torch.float32),
            (self._sigma_floor(), self.sigma_max_),
        )

    def _check_precision(self):
        if self._sigma_floor() < _SMALLEST_SHARE * self.sigma_max_:
            raise ValueError(
                f"X spreads over {self.sigma_max_:.3g} in the scaled space, but its "
                f"nearest rows are {self.nn_distance_:.3g} apart: single precision "
                "does not hold both. Remove outliers from X, use scaling='feature', "
                "or raise coarseness or sigma_min."
            )

    def _sigma_floor(self):
        """Return the smallest noise level that the network learns."""
        return self.sigma_c_ if self.sigma_c_ > 0 else self.sigma_min_

    def _preconditioned(self, network, dtype):
        return PreconditionedDenoiser(
            network, self.gaussian_.to(self._usable_device(), dtype)
        )

    def _network(self, dtype):
        network = self.net_.module_.to(self._usable_device())
        return copy.deepcopy(network).double() if dtype == torch.float64 else network

    def _network_denoiser(self, dtype, conditions):
        """Return the network as a denoiser of float64 points, computing in dtype."""
        return self._denoiser_of(self._network(dtype), dtype, conditions)

    def _denoiser_of(self, network, dtype, conditions):
        denoiser = self._preconditioned(network, dtype)
        given = None if conditions is None else conditions.to(dtype)

        def denoise(x, sigma):
            # Beyond what the network has learned, the data is all but normal.
            if len(sigma) and float(sigma.min()) > self.sigma_max_ * (1 + 1e-6):
                return self.gaussian_.to(x.device, x.dtype).denoise(x, sigma)
            return denoiser(x.to(dtype), sigma.to(dtype), given).to(x.dtype)

        return denoise
