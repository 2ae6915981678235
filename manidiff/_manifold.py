"""What a score knows of the manifold: projection, distance, dimension, uniform draw."""

import warnings
from abc import abstractmethod

import numpy as np
import torch
from sklearn.utils.validation import validate_data

from manidiff._utils.random import draw_seed
from manidiff.diffusion.descent import descend
from manidiff.diffusion.dimension import dimension_from_density, dimension_from_score
from manidiff.diffusion.langevin import choose_thickness, uniform_on_manifold
from manidiff.geometry.draws_on_surface import (
    filled_up,
    without_copies,
    without_strays,
)
from manidiff.geometry.surface_choice import SurfaceChoice

# Draws through which the surfaces of uniform sampling go.
_N_UNIFORM_STARTS = 4096
# Draws that are nearer than this, in nearest-neighbour distances, count as one.
_SAME_PLACE = 1e-3


class ManifoldMixin:
    """The methods of an estimator that speak of the manifold it has learned."""

    def project(self, X, *, y=None):
        """Return the nearest points of the learned manifold, to the score's accuracy.

        Nearest in the scaled space. Rows far off are first denoised from the noise
        level that their distance suggests.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like, default=None
            With `conditional=True`, the labels or targets of the rows.

        Returns
        -------
        X_projected : ndarray of shape (n_samples, n_features)
            Points of the manifold, float64.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than in `fit`, or holds NaN or infinity, or y is
            missing with `conditional=True` or unknown.
        """
        Z = self._scaled(X)
        conditions = self._given_conditions(y, len(Z))
        return self.scaling_.invert(self._by_chunks(self._project, Z, conditions))

    def distance(self, X, *, y=None):
        """Return how far rows lie from the learned manifold: an outlier score.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like, default=None
            With `conditional=True`, the labels or targets of the rows.

        Returns
        -------
        distance : ndarray of shape (n_samples,)
            Euclidean distance of each row to its projection, in the units of X, >= 0.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than in `fit`, or holds NaN or infinity, or y is
            missing with `conditional=True` or unknown.
        """
        projected = self.project(X, y=y)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return np.linalg.norm(X - projected, axis=1)

    def intrinsic_dimension(self, X, *, y=None):
        """Return the dimension of the manifold around each row, from the score.

        ``tr grad D(x; sigma) + |D(x; sigma) - x|^2 / sigma^2`` (FLIPD [1]_) at the
        smallest noise level at which the score generalises. Single values scatter, and
        off the manifold they mean nothing: take the mean or median over rows of the
        data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows on or near the manifold.
        y : array-like, default=None
            With `conditional=True`, the labels or targets of the rows.

        Returns
        -------
        dimension : ndarray of shape (n_samples,)
            Estimates, not rounded, from 0 to `n_features_in_`. Of rows that repeat up
            to rounding, or fill more dimensions than their number resolves, they mean
            nothing.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If X has other columns than in `fit`, or holds NaN or infinity, or y is
            missing with `conditional=True` or unknown.

        References
        ----------
        .. [1] Kamkari et al. (2024). "A Geometric View of Data Complexity: Efficient
               Local Intrinsic Dimension Estimation with Diffusion Models".
        """
        Z = self._scaled(X)
        found = self._by_chunks(self._dimension, Z, self._given_conditions(y, len(Z)))
        return found.clip(0, self.n_features_in_)

    def _frozen(self, conditions):
        """Return the `FrozenBelow` whose projections make the learned manifold."""
        return self._bound_denoiser(conditions, differentiable=True)

    def _project(self, x, conditions):
        """Take points (n, D) to the manifold."""
        frozen = self._frozen(conditions)
        x = descend(frozen.denoiser, x, frozen.sigma_c, self.sigma_max_)
        return frozen.onto_manifold(x)

    @abstractmethod
    def _dimension_level(self):
        """Return the noise level at which the intrinsic dimension is read off."""

    def _dimension(self, x, conditions):
        sigma = self._dimension_level()
        if sigma >= self._sigma_prior():
            return dimension_from_density(
                lambda x, sigma: self._log_prior(x, sigma, conditions), x, sigma
            )
        return dimension_from_score(
            self._bound_denoiser(conditions, differentiable=True),
            x,
            torch.full_like(x[:, 0], sigma),
            self._probes(),
        )

    def _sample_uniform(self, n_samples, y, rng):
        if y is not None:
            raise ValueError(
                "y is given, but target='uniform' draws from the manifold of all "
                "labels or targets. Leave y out, or use target='data'."
            )
        start = self.sample(_N_UNIFORM_STARTS, random_state=draw_seed(rng))
        rows = self.scaling_.apply(start)
        rows = without_copies(rows, _SAME_PLACE * self.nn_distance_)
        surfaces = SurfaceChoice(rows, rng)
        if surfaces.is_clean:
            kept = SurfaceChoice(without_strays(surfaces), rng)
            rows = filled_up(kept, _N_UNIFORM_STARTS, rng)
            surfaces = SurfaceChoice(rows, rng)
        if not surfaces.is_clean:
            raise ValueError(
                "target='uniform' needs a smooth manifold, but draws of the model miss "
                f"the surfaces through their neighbours by {surfaces.residual:.2g} of "
                "their spacing. Use target='data', or fit to less noisy rows."
            )

        def project(x):
            scaled = torch.from_numpy(self.scaling_.apply(x.numpy()))
            projected = surfaces.surface.project(scaled)
            return torch.from_numpy(self.scaling_.invert(projected.numpy()))

        # In the units of X: uniform there is not uniform in the scaled space.
        start = torch.from_numpy(self.scaling_.invert(rows))
        draws = uniform_on_manifold(
            project,
            start,
            n_samples,
            thickness=choose_thickness(project, start, rng),
            rng=rng,
        )
        if draws.effective_sample_size < n_samples / 2:
            warnings.warn(
                f"The {n_samples} uniform draws are worth "
                f"{draws.effective_sample_size:.0f} independent ones: the chains have "
                "not mixed. Ask for more, and keep a part.",
                UserWarning,
                stacklevel=3,
            )
        return draws.points.numpy()
