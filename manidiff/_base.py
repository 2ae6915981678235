"""What every score-diffusion estimator shares: validate once, scale, delegate."""

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from manidiff._batches import BatchesMixin
from manidiff._conditional import ConditionalMixin
from manidiff._density import LogDensityMixin
from manidiff._manifold import ManifoldMixin
from manidiff._saving import SavingMixin
from manidiff._utils.chunking import chunk_slices
from manidiff._utils.compat import (
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
    with_callbacks,
)
from manidiff._utils.device import resolve_device
from manidiff._utils.random import balanced_normal, draw_seed, make_rng
from manidiff._utils.scaling import Scaling
from manidiff._utils.validation import (
    check_n_samples,
    check_noise_levels,
    merge_equal_rows,
)
from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.samplers import SOLVERS, normal_noise, solve
from manidiff.diffusion.schedules import CLOCKS
from manidiff.geometry.scale import nearest_neighbor_distance
from manidiff.geometry.scaling_choice import choose_scaling

# Rows that go through a sampler at once. Fixed, so that results do not depend on how
# many workers share the chunks.
_SAMPLE_CHUNK = 4096
# Rows that go through a likelihood or a projection at once.
_CHUNK = 1024
# sigma_max in standard deviations of the most variable direction.
_SIGMA_MAX_FACTOR = 5.0


class ScoreDiffusion(
    BatchesMixin,
    ManifoldMixin,
    LogDensityMixin,
    ConditionalMixin,
    SavingMixin,
    DensityMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base class of the estimators that generate by a score at every noise level.

    Subclasses fit a denoiser in the scaled space (`_fit`) and hand it over
    (`_bound_denoiser`), say where sampling starts and ends (`_start`, `_sigma_range`,
    `_finish`), and know the log-density from the noise level `_sigma_prior` on in
    closed form (`_log_prior`).
    """

    _parameter_constraints: dict = {
        "coarseness": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "sigma_min": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "sigma_max": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "scaling": [StrOptions({"auto", "feature", "global"}), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS))],
        "clock": [StrOptions(set(CLOCKS))],
        "conditional": ["boolean"],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Learn the score of the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows: array, DataFrame, memmap or CPU tensor; at least two of them
            different.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Used only with `conditional=True`: class labels, or continuous targets
            where y is float.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights; a weight of 2 equals the row given twice.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X holds NaN, infinity or fewer than two distinct rows, y is missing with
            `conditional=True`, the device is not available, or the noise levels are
            out of order.
        """
        # A fit that fails must not leave a mixture of two behind.
        self._is_fitted = False
        # In one memory layout, so that rounding is the same for all.
        X = validate_data(self, X, dtype=np.float64, order="C", ensure_min_samples=2)
        weights = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.sum() > 0:
            raise ValueError(
                "sample_weight sums to 0; at least two rows need a positive weight."
            )
        rng = make_rng(self.random_state)
        self.device_ = str(resolve_device(self.device))
        self._fit_conditions(X, y, weights)
        conditions = self._encode_all(y, len(X))
        X, weights, conditions = merge_equal_rows(X, weights, conditions)

        self.scaling_ = Scaling.fit(X, weights, self._scaling_kind(X, weights))
        rows = self.scaling_.apply(X)
        distinct = rows if conditions is None else np.unique(rows, axis=0)
        self.nn_distance_ = nearest_neighbor_distance(distinct, rng)
        self.gaussian_ = Gaussian.from_moments(rows, weights)
        self._probe_seed = draw_seed(rng)
        self._set_sigma_range()
        self._fit(rows, weights, conditions, rng)
        self._is_fitted = True
        return self

    def __setstate__(self, state):
        super().__setstate__(state)
        wanted = state.get("device_", "cpu")
        try:
            resolve_device(wanted)
        except ValueError:
            self.device_ = "cpu"
            warnings.warn(
                f"{type(self).__name__} was fitted on device={wanted!r}, which is not "
                "available here. It goes on on the CPU.",
                UserWarning,
                stacklevel=2,
            )

    def __sklearn_is_fitted__(self):
        return getattr(self, "_is_fitted", False)

    def sample(
        self, n_samples=1, *, y=None, target="data", random_state=None, n_jobs=None
    ):
        """Draw new points.

        Each row has the law of the fitted model; rows of one call cover that law more
        evenly than independent draws would (see the user guide), and any run of
        consecutive rows does so too.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows to draw, >= 1.
        y : scalar or array-like of shape (n_samples,) or (n_samples, n_targets), \
                default=None
            Labels or targets to draw for, with `conditional=True`. None draws them by
            their training frequencies.
        target : {"data", "uniform"}, default="data"
            "uniform" draws uniformly from the manifold, with respect to volume in the
            units of X, whatever the density of the data on it: by Tempered Score
            Langevin [1]_ along the surfaces through draws of the model. It takes
            seconds, most of them whatever n_samples is.
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call, an int repeats.
        n_jobs : int, default=None
            Workers (joblib) that share the rows in chunks of 4096. The result does not
            depend on it.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Drawn rows in the units of the training data, float64.

        Raises
        ------
        ValueError
            If n_samples is not a positive int, y is unknown or unexpected, or target
            is "uniform" and the draws of the model lie on no smooth manifold.

        Warns
        -----
        UserWarning
            If uniform draws are worth fewer than half as many independent ones; the
            message gives the effective sample size.

        References
        ----------
        .. [1] Li, Shen, Hsieh, He (2026), ICLR, equation 8. arXiv:2509.24912.
        """
        check_is_fitted(self)
        n_samples = check_n_samples(n_samples)
        if target not in ("data", "uniform"):
            raise ValueError(f"target={target!r} must be 'data' or 'uniform'.")
        rng = make_rng(random_state)
        if target == "uniform":
            return self._sample_uniform(n_samples, y, rng)
        conditions = self._sampled_conditions(y, n_samples, rng)
        normal = balanced_normal(n_samples, self.gaussian_.rank, rng)
        chunks = [
            (
                normal[rows],
                None if conditions is None else conditions[rows],
                np.random.default_rng(draw_seed(rng)),
            )
            for rows in chunk_slices(n_samples, _SAMPLE_CHUNK)
        ]
        drawn = Parallel(n_jobs=n_jobs)(
            delayed(self._sample_chunk)(*chunk) for chunk in chunks
        )
        return self.scaling_.invert(np.concatenate(drawn))

    def denoise(self, X, sigma, *, y=None):
        """Return E[x0 | x]: where each noised row came from, on average.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Noised rows.
        sigma : float or array-like of shape (n_samples,)
            Standard deviation of the noise in the scaled space, > 0: the noise of
            column j of X is ``sigma * scaling_.scale[j]``.
        y : array-like, default=None
            With `conditional=True`, the labels or targets of the rows.

        Returns
        -------
        X_denoised : ndarray of shape (n_samples, n_features)
            Posterior means, float64.
        """
        Z, _ = self._denoise_scaled(X, sigma, y)
        return self.scaling_.invert(Z)

    def score_function(self, X, sigma, *, y=None):
        """Return the score, grad log p_sigma, at each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        sigma : float or array-like of shape (n_samples,)
            Noise level, as in `denoise`.
        y : array-like, default=None
            With `conditional=True`, the labels or targets of the rows.

        Returns
        -------
        score : ndarray of shape (n_samples, n_features)
            Gradient with respect to X of the log-density of the data noised by sigma.
        """
        denoised, (Z, sigma) = self._denoise_scaled(X, sigma, y)
        return (denoised - Z) / sigma[:, None] ** 2 / self.scaling_.scale

    @abstractmethod
    def _fit(self, rows, weights, conditions, rng):
        """Fit to distinct scaled rows (N, D) with weights (N,) that sum to 1.

        Calls `_set_sigma_c`.
        """

    @abstractmethod
    def _bound_denoiser(self, conditions, *, differentiable):
        """Return the denoiser ``(x, sigma) -> (n, D)`` of rows with given conditions.

        A differentiable one computes in float64, row by row the same in any batch.
        """

    @abstractmethod
    def _start(self, normal, conditions, rng):
        """Return points (n, D) at `_sigma_range()[0]` from normal rows (n, rank)."""

    @abstractmethod
    def _sigma_range(self):
        """Return the noise levels at which sampling starts and ends."""

    @abstractmethod
    def _finish(self, x, denoiser):
        """Take points from the last noise level of a sampler to no noise."""

    def _set_sigma_range(self):
        self.sigma_min_ = (
            self.nn_distance_ / 4 if self.sigma_min == "auto" else float(self.sigma_min)
        )
        if self.sigma_max == "auto":
            widest = _SIGMA_MAX_FACTOR * float(self.gaussian_.variances[0]) ** 0.5
            coarseness = 0.0 if self.coarseness == "auto" else float(self.coarseness)
            finest = max(self.sigma_min_, coarseness * self.nn_distance_)
            self.sigma_max_ = max(widest, 2 * finest)
        else:
            self.sigma_max_ = float(self.sigma_max)
        if self.sigma_min_ >= self.sigma_max_:
            raise ValueError(
                f"sigma_min={self.sigma_min_:.3g} must be below "
                f"sigma_max={self.sigma_max_:.3g} (both in the scaled space). Lower "
                "sigma_min or raise sigma_max."
            )

    def _set_sigma_c(self, auto):
        """Set `sigma_c_` by the parameter, or to what `auto()` returns."""
        if self.coarseness == "auto":
            self.sigma_c_ = min(auto(), self.sigma_max_ / 2)
            return
        self.sigma_c_ = float(self.coarseness) * self.nn_distance_
        if self.sigma_c_ >= self.sigma_max_:
            raise ValueError(
                f"coarseness={self.coarseness!r} gives the noise level "
                f"{self.sigma_c_:.3g}, which must be below "
                f"sigma_max={self.sigma_max_:.3g}. Lower coarseness or raise sigma_max."
            )

    def _scaling_kind(self, X, weights):
        return choose_scaling(X, weights) if self.scaling == "auto" else self.scaling

    def _scaled(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return self.scaling_.apply(X)

    def _tensor(self, array):
        if array is None:
            return None
        if isinstance(array, np.ndarray) and not array.flags.writeable:
            # joblib hands its workers arrays like that; tensors are always writable.
            array = array.copy()
        return torch.as_tensor(array, dtype=torch.float64, device=self._usable_device())

    def _usable_device(self):
        """Return `device_`, or the CPU where it is not to be had."""
        try:
            return resolve_device(self.device_)
        except ValueError:
            return torch.device("cpu")

    def _sample_chunk(self, normal, conditions, rng):
        conditions = self._tensor(conditions)
        denoiser = self._bound_denoiser(conditions, differentiable=False)
        sigma_start, sigma_end = self._sigma_range()
        with torch.no_grad():
            x = self._start(self._tensor(normal), conditions, rng)
            if sigma_start > sigma_end:
                x = solve(
                    denoiser,
                    x,
                    CLOCKS[self.clock](sigma_start, sigma_end, self.n_steps),
                    solver=self.solver,
                    noise=normal_noise(rng),
                    sigma_switch=self.sigma_c_,
                )
            return self._finish(x, denoiser).cpu().numpy()

    def _by_chunks(self, compute, Z, conditions):
        """Join what ``compute(x, conditions)`` gives for bounded chunks of rows."""
        parts = []
        with torch.no_grad():
            for rows in chunk_slices(len(Z), _CHUNK):
                given = None if conditions is None else conditions[rows]
                part = compute(self._tensor(Z[rows]), self._tensor(given))
                parts.append(part.cpu().numpy())
        return np.concatenate(parts)

    def _denoise_scaled(self, X, sigma, y):
        Z = self._scaled(X)
        sigma = check_noise_levels(sigma, len(Z))
        conditions = self._given_conditions(y, len(Z))
        denoised = np.empty_like(Z)
        for level in np.unique(sigma):
            rows = sigma == level
            given = None if conditions is None else self._tensor(conditions[rows])
            denoiser = self._bound_denoiser(given, differentiable=True)
            with torch.no_grad():
                x = self._tensor(Z[rows])
                found = denoiser(x, torch.full_like(x[:, 0], float(level)))
            denoised[rows] = found.cpu().numpy()
        return denoised, (Z, sigma)
