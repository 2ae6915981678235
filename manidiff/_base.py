"""What every score-diffusion estimator shares: validate once, scale, delegate."""

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from manidiff._utils.chunking import chunk_slices
from manidiff._utils.compat import (
    Interval,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from manidiff._utils.conditions import ConditionEncoder
from manidiff._utils.device import resolve_device
from manidiff._utils.random import balanced_normal, draw_seed, make_rng
from manidiff._utils.scaling import Scaling
from manidiff._utils.validation import (
    check_n_samples,
    check_noise_levels,
    merge_equal_rows,
)
from manidiff.diffusion.descent import descend
from manidiff.diffusion.dimension import dimension_from_density, dimension_from_score
from manidiff.diffusion.gaussian import Gaussian
from manidiff.diffusion.langevin import choose_thickness, uniform_on_manifold
from manidiff.diffusion.likelihood import (
    divergence_probes,
    log_density,
    noise_levels,
)
from manidiff.diffusion.samplers import SOLVERS, normal_noise, solve
from manidiff.diffusion.schedules import CLOCKS
from manidiff.geometry.scale import nearest_neighbor_distance
from manidiff.geometry.surface_choice import SurfaceChoice

# Rows that go through a sampler or a likelihood at once. Fixed, so that results do not
# depend on how many workers share the chunks.
_SAMPLE_CHUNK = 4096
_SCORE_CHUNK = 1024
# Draws through which the surfaces of uniform sampling go.
_N_UNIFORM_STARTS = 4096
# sigma_max in standard deviations of the most variable direction.
_SIGMA_MAX_FACTOR = 5.0
# Indicator rows of two labels are sqrt(2) apart: exp(-10^4) is 0.
_LABEL_BANDWIDTH = 0.01


class ScoreDiffusion(DensityMixin, BaseEstimator, metaclass=ABCMeta):
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
        "scaling": [StrOptions({"feature", "global"}), None],
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "solver": [StrOptions(set(SOLVERS))],
        "clock": [StrOptions(set(CLOCKS))],
        "conditional": ["boolean"],
        "device": [str, torch.device],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    @fit_context(prefer_skip_nested_validation=True)
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
        X = validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
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

        self.scaling_ = Scaling.fit(X, weights, self.scaling)
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

    def score_samples(self, X, y=None):
        """Return the log-density of each row at the noise level `sigma_min_`.

        It is the log-density of what `sample` returns, convolved with normal noise of
        standard deviation `sigma_min_` in the scaled space, per unit of X. Densities
        on a manifold exist only at a noise level: compare them at equal `sigma_min`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            With `conditional=True`: the density given y. Without y, class labels are
            averaged over by their training frequencies.

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Natural logarithms, float64.
        """
        Z = self._scaled(X)
        if not self.conditional:
            log_p = self._log_density(Z, None)
        elif y is not None:
            log_p = self._log_density(Z, self.conditions_.transform(y, len(Z)))
        else:
            log_p = self._marginal_log_density(Z)
        return log_p + self.scaling_.log_jacobian

    def score(self, X, y=None):
        """Return the mean of `score_samples`: higher is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Held-out rows.
        y : array-like, default=None
            See `score_samples`; ignored unless `conditional=True`.

        Returns
        -------
        score : float
            Mean log-density. KernelDensity returns a total: divide that by n_samples.
        """
        return float(np.mean(self.score_samples(X, y)))

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
        """
        Z = self._scaled(X)
        return self.scaling_.invert(self._by_chunks(self._project, Z, y))

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
            Estimates, not rounded.

        References
        ----------
        .. [1] Kamkari et al. (2024). "A Geometric View of Data Complexity: Efficient
               Local Intrinsic Dimension Estimation with Diffusion Models".
        """
        return self._by_chunks(self._dimension, self._scaled(X), y)

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

    @abstractmethod
    def _log_prior(self, x, sigma, conditions):
        """Return the closed-form log-density (n,) at the noise level sigma."""

    @abstractmethod
    def _sigma_prior(self):
        """Return the smallest noise level at which `_log_prior` is right."""

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

    def _fit_conditions(self, X, y, weights):
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

    def _condition_bandwidth(self, conditions):
        """Return the width within which conditions (N, c) count as equal."""
        if conditions is None or self.conditions_.classes_ is not None:
            return _LABEL_BANDWIDTH
        # Silverman's exponent for targets of unit variance.
        return len(conditions) ** (-1 / (4 + conditions.shape[1]))

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

    def _encode_all(self, y, n_samples):
        if not self.conditional:
            return None
        return self.conditions_.transform(y, n_samples)

    def _sampled_conditions(self, y, n_samples, rng):
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

    def _scaled(self, X):
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self.scaling_.apply(X)

    def _tensor(self, array):
        if array is None:
            return None
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

    def _sample_uniform(self, n_samples, y, rng):
        if y is not None:
            raise ValueError(
                "y is given, but target='uniform' draws from the manifold of all "
                "labels or targets. Leave y out, or use target='data'."
            )
        start = self.sample(_N_UNIFORM_STARTS, random_state=draw_seed(rng))
        rows = np.unique(self.scaling_.apply(start), axis=0)
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
        start = torch.from_numpy(start)
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

    def _probes(self):
        axes = self.gaussian_.axes.numpy()
        return self._tensor(divergence_probes(axes, self._probe_seed))

    def _given_conditions(self, y, n_samples):
        if self.conditional and y is None:
            raise ValueError(
                "y is missing: a conditional estimator needs the labels or targets of "
                "the rows here. Pass y."
            )
        return self._encode_all(y, n_samples)

    def _by_chunks(self, compute, Z, y):
        """Join what ``compute(x, conditions)`` gives for bounded chunks of rows."""
        conditions = self._given_conditions(y, len(Z))
        parts = []
        with torch.no_grad():
            for rows in chunk_slices(len(Z), _SCORE_CHUNK):
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

    def _log_density(self, Z, conditions):
        parts = [
            self._log_density_chunk(
                self._tensor(Z[rows]),
                self._tensor(None if conditions is None else conditions[rows]),
            )
            for rows in chunk_slices(len(Z), _SCORE_CHUNK)
        ]
        return np.concatenate(parts)

    def _log_density_chunk(self, x, conditions):
        sigma_prior = self._sigma_prior()
        with torch.no_grad():
            if sigma_prior <= self.sigma_min_:
                log_p = self._log_prior(x, self.sigma_min_, conditions)
            else:
                log_p = log_density(
                    self._bound_denoiser(conditions, differentiable=True),
                    x,
                    sigmas=noise_levels(self.sigma_min_, self.sigma_c_, sigma_prior),
                    log_prior=lambda end: self._log_prior(end, sigma_prior, conditions),
                    probes=self._probes(),
                )
        return log_p.cpu().numpy()

    def _marginal_log_density(self, Z):
        encoder = self.conditions_
        if encoder.classes_ is None:
            raise ValueError(
                "y is missing: with continuous targets, conditional densities need "
                "the targets of the rows. Pass y to score or score_samples."
            )
        joint = [
            np.log(probability) + self._log_density(Z, np.tile(row, (len(Z), 1)))
            for row, probability in zip(
                encoder.encoded_, encoder.probabilities_, strict=True
            )
        ]
        return np.logaddexp.reduce(joint, axis=0)
