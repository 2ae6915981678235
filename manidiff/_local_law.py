"""The Gaussian mixture about the rows: how wide its components are, and how many."""

import torch

from manidiff._utils.random import draw_seed
from manidiff.diffusion.generalization import generalization_scale
from manidiff.geometry.local_gaussian import LocalGaussianLaw
from manidiff.geometry.scale import neighborhood_spread
from manidiff.geometry.surface_law import NOISE, n_neighbors_on_surface

_ON_SURFACE = {"noise": NOISE, "temperature": 1.0}
# Elsewhere fewer rows, and noise of less than their spread: in many dimensions most of
# a neighbourhood's volume lies outside the data.
_ELSEWHERE = {"noise": 0.875, "temperature": 0.86}
_N_NEIGHBORS_ELSEWHERE = 30
# A neighbourhood is at most this share of the rows, as long as it has ten.
_MAX_SHARE_ELSEWHERE, _MIN_NEIGHBORS = 1 / 3, 10
# Length, in nearest-neighbour distances, beyond which variances are restored.
_SPACING = 0.5
# The law has a few axes a row; of more rows than this allows a random part serves.
_MAX_LAW_ENTRIES = 2**26


class LocalLawMixin:
    """Sets the mixture of an estimator that has decided on its surfaces.

    Sets `sigma_c_`, `means_`, `axes_`, `variances_` and `rest_`.
    """

    def _bounded(self, rows, weights, conditions, rng):
        """Return as many rows as the law can hold, all of them if possible."""
        n_axes = min(self._law_neighbors(len(rows)) + 1, rows.shape[1])
        n_rows = max(_MAX_LAW_ENTRIES // (n_axes * rows.shape[1]), 2)
        if len(rows) <= n_rows:
            return rows, weights, conditions
        kept = rng.permutation(len(rows))[:n_rows]
        given = None if conditions is None else conditions[kept]
        return rows[kept], weights[kept] / weights[kept].sum(), given

    def _set_isotropic_law(self, rows, weights, rng):
        self._set_sigma_c(
            lambda: generalization_scale(
                torch.from_numpy(rows),
                torch.from_numpy(weights),
                self.nn_distance_,
                torch.Generator().manual_seed(draw_seed(rng)),
            )
        )
        self.means_ = torch.from_numpy(rows)
        self.axes_ = self.means_.new_zeros(len(rows), 0, rows.shape[1])
        self.variances_ = self.means_.new_zeros(len(rows), 0)
        self.rest_ = torch.full_like(self.means_[:, 0], self.sigma_c_**2)

    def _set_local_law(self, rows, weights, conditions, rng):
        on_surface = self.surface_ is not None
        law = dict(_ON_SURFACE if on_surface else _ELSEWHERE)
        law["n_neighbors"] = self._law_neighbors(len(rows))
        spread = neighborhood_spread(rows, law["n_neighbors"], self.intrinsic_dim_, rng)
        self._set_sigma_c(lambda: law["noise"] * law["temperature"] * spread)
        # Up to the level "auto" takes, noise and shift grow together so that variances
        # stay; beyond, the noise alone.
        amplitude = self.sigma_c_ / spread
        law["noise"] = min(amplitude / law["temperature"], 1.0)
        if law["noise"] == 1:
            law["temperature"] = amplitude
        fitted = LocalGaussianLaw(
            torch.from_numpy(rows),
            torch.from_numpy(weights),
            spacing=_SPACING * self.nn_distance_,
            dim=self.intrinsic_dim_ if on_surface else None,
            approximate=self.approximate_neighbors,
            **self._neighbor_search(rows, conditions),
            **law,
        )
        dim = self.intrinsic_dim_ if on_surface else rows.shape[1]
        self.means_ = fitted.means
        axes, self.variances_, self.rest_ = fitted.along_surface(dim)
        # A view would keep all axes.
        self.axes_ = axes.clone()

    def _law_neighbors(self, n_rows):
        if self.surface_ is not None:
            return n_neighbors_on_surface(self.intrinsic_dim_, n_rows)
        most = max(int(_MAX_SHARE_ELSEWHERE * n_rows), _MIN_NEIGHBORS)
        return min(_N_NEIGHBORS_ELSEWHERE, most)
