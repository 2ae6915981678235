"""The estimator whose score is the closed form of its training rows."""

from numbers import Integral, Real

import numpy as np
import torch

from manidiff._base import ScoreDiffusion
from manidiff._utils.compat import Interval, StrOptions
from manidiff._utils.random import draw_seed
from manidiff.diffusion.compact_order import compact_order
from manidiff.diffusion.condensed_mixture import CondensedDenoiser, condensing_levels
from manidiff.diffusion.denoisers import EmpiricalDenoiser, SmoothedDenoiser
from manidiff.diffusion.generalization import generalization_scale
from manidiff.diffusion.projectors import PROJECTORS, FrozenBelow
from manidiff.diffusion.row_prior import RowPrior

# Sampling ends here, in nearest-neighbour distances: the posterior is one row.
_SIGMA_END = 0.01
# Of more rows, sampling leaves out those that cannot matter.
_MANY_ROWS = 20_000


class EmpiricalScoreDiffusion(ScoreDiffusion):
    """Diffusion with the exact score of the training rows; nothing is trained.

    With the defaults it returns training rows: the memorising baseline that every
    diffusion model approaches once its score is exact. `coarseness` and `smoothing`
    make it generate. Its log-density at noise level `sigma_min_` is that of a Gaussian
    kernel density. It keeps the training rows.

    Parameters
    ----------
    coarseness : float or "auto", default=0
        Noise level sigma_c below which the score is frozen to a projection, in median
        nearest-neighbour distances, >= 0. "auto" takes the smallest level at which
        leaving a row out raises its denoising error by no more than 5 %.
    sigma_min : float or "auto", default="auto"
        Noise level of `score_samples` in the scaled space. "auto" is a quarter of the
        nearest-neighbour distance; it does not depend on `coarseness`.
    sigma_max : float or "auto", default="auto"
        Largest noise level in the scaled space. "auto" is five standard deviations of
        the most variable direction, and at least twice sigma_c.
    smoothing : float, default=0.0
        Length over which the denoiser is averaged, in nearest-neighbour distances [1]_.
        Outputs are then barycentres of training rows.
    n_smoothing : int, default=16
        Number of shifts averaged over, in antithetic pairs: an even number.
    final_step : {"none", "tweedie", "richardson"}, default="richardson"
        Last step of `sample`, and projector below sigma_c: none (the points keep the
        noise of the last level), the denoiser, or the combination of two noise levels
        that cancels the curvature of the manifold.
    tol : float, default=1e-2
        Error that `sample` may make in a denoised row, in standard deviations of the
        noise, when there are more than 20 000 distinct rows and no conditions, >= 0.
        Rows too far to matter are then left out, to a bound of half of it; at large
        noise levels means of near rows stand for them, where that is measured to cost
        less than the other half. 0 sums over all rows. Of a fitted estimator it may be
        changed too; below what it was in `fit` no means are used.
    scaling : {"auto", "feature", "global"} or None, default="auto"
        Divide each column by its standard deviation (by more where its tails are
        heavy), all columns by one number, or nothing. "auto" is "feature", but "global"
        where the rows lie on a smooth manifold that bends less in its own proportions.
    n_steps : int, default=20
        Steps of the sampler.
    solver : {"heun", "euler", "ddpm", "sde", "hybrid"}, default="heun"
        How the noise is removed.
    clock : {"ve", "vp"}, default="ve"
        Variance-exploding or variance-preserving coordinates of the solver.
    conditional : bool, default=False
        Whether y conditions the score.
    device : str or torch.device, default="auto"
        "auto" takes CUDA where there is one.
    random_state : int, RandomState instance or None, default=None
        Seeds what `fit` draws. `sample` has its own.
    verbose : int, default=0
        Present on every estimator; nothing is trained here.

    Attributes
    ----------
    sigma_c_, sigma_min_, sigma_max_ : float
        Noise levels in the scaled space.
    nn_distance_ : float
        Median distance of a row to its nearest other row, in the scaled space.
    scaling_ : Scaling
        Its `center` and `scale`, arrays of shape (n_features,).
    gaussian_ : Gaussian
        Moments of the scaled rows.
    rows_, weights_ : ndarray of shape (n_rows, n_features) and (n_rows,)
        The distinct scaled rows and their probabilities.
    history_ : list of dict
        Empty: nothing is trained.
    device_ : str
        The device in use.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    CoarseScoreDiffusion : A network that keeps no row.
    sklearn.neighbors.KernelDensity : The same density, summed and unscaled.

    References
    ----------
    .. [1] Scarvelis, Borde, Solomon (2025). "Closed-Form Diffusion Models", TMLR.
           arXiv:2310.12395.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff import EmpiricalScoreDiffusion
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> copies = EmpiricalScoreDiffusion().fit(X)
    >>> drawn = copies.sample(5, random_state=0)
    >>> float(np.abs(drawn[:, None] - X).sum(-1).min(1).max()) < 1e-6
    True
    >>> coarse = EmpiricalScoreDiffusion(coarseness="auto").fit(X)
    >>> coarse.sample(5, random_state=0).shape
    (5, 2)
    """

    _parameter_constraints: dict = {
        **ScoreDiffusion._parameter_constraints,
        "smoothing": [Interval(Real, 0, None, closed="left")],
        "n_smoothing": [Interval(Integral, 2, None, closed="left")],
        "final_step": [StrOptions({"none", "tweedie", "richardson"})],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    # Files of earlier versions do not tell.
    _measured_tol = 0.0

    def __init__(
        self,
        *,
        coarseness=0,
        sigma_min="auto",
        sigma_max="auto",
        smoothing=0.0,
        n_smoothing=16,
        final_step="richardson",
        tol=1e-2,
        scaling="auto",
        n_steps=20,
        solver="heun",
        clock="ve",
        conditional=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.coarseness = coarseness
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.smoothing = smoothing
        self.n_smoothing = n_smoothing
        self.final_step = final_step
        self.tol = tol
        self.scaling = scaling
        self.n_steps = n_steps
        self.solver = solver
        self.clock = clock
        self.conditional = conditional
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, rows, weights, conditions, rng):
        if self.n_smoothing % 2:
            raise ValueError(
                f"n_smoothing={self.n_smoothing} must be even: the shifts come in "
                f"antithetic pairs. Use n_smoothing={self.n_smoothing + 1}."
            )
        self._cuts = self._condensing_levels = None
        self._measured_tol = 0.0
        if self.tol > 0 and conditions is None and len(rows) > _MANY_ROWS:
            rows, weights = self._ordered(rows, weights, rng)
        self.rows_ = rows
        self.weights_ = weights
        self._set_sigma_c(lambda: self._generalization_scale(draw_seed(rng)))
        self._row_conditions = conditions
        half = rng.standard_normal((self.n_smoothing // 2, rows.shape[1]))
        self._shifts = self.smoothing * self.nn_distance_ * np.vstack([half, -half])
        self._fit_bandwidth(rows, conditions, rng)
        self.history_ = []

    def _ordered(self, rows, weights, rng):
        """Return the rows and weights in an order in which few need be looked at."""
        order, self._cuts = compact_order(rows, rng)
        self._measured_tol = float(self.tol)
        rows, weights = rows[order], weights[order]
        self._condensing_levels = condensing_levels(
            torch.from_numpy(rows),
            torch.from_numpy(weights),
            self._cuts,
            sigma_range=(self.sigma_max_, self.nn_distance_),
            tol=self.tol,
            generator=torch.Generator().manual_seed(draw_seed(rng)),
        )
        return rows, weights

    def _sampling_denoiser(self):
        # Older files know no cuts.
        if self.tol == 0 or getattr(self, "_cuts", None) is None:
            return self._exact(fused=True)
        levels = self._condensing_levels
        # What was measured holds for that tol and larger ones.
        if self.tol < self._measured_tol:
            levels = levels[:0]
        return CondensedDenoiser(
            self._tensor(self.rows_),
            self._tensor(self.weights_),
            self._cuts,
            levels,
            tol=self.tol,
        )

    def _exact(self, *, fused):
        return EmpiricalDenoiser(
            self._tensor(self.rows_),
            self._tensor(self.weights_),
            self._tensor(self._row_conditions),
            bandwidth=self._condition_bandwidth(self._row_conditions),
            fused=fused,
        )

    def _bound_denoiser(self, conditions, *, differentiable):
        own = self._exact(fused=False) if differentiable else self._sampling_denoiser()
        if self.smoothing > 0:
            own = SmoothedDenoiser(own, self._tensor(self._shifts))

        def denoise(x, sigma):
            return own(x, sigma, conditions)

        return denoise if self.sigma_c_ == 0 else self._freeze(denoise, self.sigma_c_)

    def _freeze(self, denoiser, level):
        projector = "tweedie" if self.final_step == "none" else self.final_step
        return FrozenBelow(denoiser, level, PROJECTORS[projector])

    def _frozen(self, conditions):
        denoiser = self._bound_denoiser(conditions, differentiable=True)
        # Without coarseness the learned manifold is the rows themselves.
        if self.sigma_c_ == 0:
            return self._freeze(denoiser, self._sigma_range()[1])
        return denoiser

    def _dimension_level(self):
        return max(self.sigma_c_, self._generalization_scale(self._probe_seed))

    def _generalization_scale(self, seed):
        return generalization_scale(
            self._tensor(self.rows_).cpu(),
            self._tensor(self.weights_).cpu(),
            self.nn_distance_,
            torch.Generator().manual_seed(seed),
        )

    def _sigma_range(self):
        sigma_end = max(self.sigma_c_, _SIGMA_END * self.nn_distance_)
        # The law of the noised rows can be drawn from at once: no step is needed
        # down to sigma_c. Copies are still made by the sampler, step by step.
        if self.sigma_c_ > 0 and self.smoothing == 0:
            return sigma_end, sigma_end
        return self.sigma_max_, sigma_end

    def _start(self, normal, conditions, rng):
        index = self._prior().draw(len(normal), conditions, rng)
        noise = self._tensor(rng.standard_normal((len(normal), self.rows_.shape[1])))
        return self._tensor(self.rows_)[index] + self._sigma_range()[0] * noise

    def _finish(self, x, denoiser):
        if self.final_step == "none":
            return x
        if self.sigma_c_ > 0:
            return denoiser.finish(x)
        sigma_end = self._sigma_range()[1]
        return PROJECTORS[self.final_step](
            denoiser, x, torch.full_like(x[:, 0], sigma_end)
        )

    def _prior(self):
        return RowPrior(
            self._tensor(self.weights_),
            self._tensor(self._row_conditions),
            bandwidth=self._condition_bandwidth(self._row_conditions),
        )

    def _log_prior(self, x, sigma, conditions):
        level = torch.full_like(x[:, 0], sigma)
        return self._exact(fused=False).log_density(x, level, conditions)

    def _sigma_prior(self):
        if self.smoothing > 0:
            return self.sigma_max_
        return self.sigma_c_
