"""The estimator that needs no training: local Gaussians, then local polynomials."""

import warnings
from numbers import Integral

import numpy as np
import torch

from manidiff._base import ScoreDiffusion
from manidiff._local_law import LocalLawMixin
from manidiff._utils.compat import Interval, StrOptions
from manidiff._utils.random import draw_seed
from manidiff.diffusion.dimension import dimension_of_rows
from manidiff.diffusion.gaussian_mixture import LowRankMixture
from manidiff.diffusion.generalization import generalization_scale
from manidiff.diffusion.projectors import PROJECTORS, FrozenBelow, OntoSurface
from manidiff.diffusion.row_prior import RowPrior
from manidiff.geometry.intrinsic_dimension import (
    LIBRARY_ESTIMATORS,
    library_dimension,
)
from manidiff.geometry.surface_choice import SurfaceChoice


class LocalPolynomialScoreDiffusion(LocalLawMixin, ScoreDiffusion):
    """Diffusion with a coarse score in closed form; nothing is trained.

    Each row becomes a Gaussian of the shape of its neighbourhood, which has a
    closed-form score at every noise level. Where the rows lie on a smooth manifold,
    what is drawn is projected onto it by moving least squares [1]_. It keeps the
    training rows.

    Parameters
    ----------
    coarseness : float or "auto", default="auto"
        Standard deviation sigma_c of the noise along the data, in median
        nearest-neighbour distances, >= 0: at 0 the rows are returned. "auto" is .9
        times the spread of neighbouring rows along the manifold: 40 of them on a curve,
        64 on a surface, 106 in three dimensions, so many that a row makes 1 / 26 of the
        density at its place, and leaving it out raises its denoising error by about
        5 % or less; at most a tenth of the rows. Where there is no manifold to project
        onto, it is .75 times the spread of 30 rows.
    degree : {"auto", 1, 2, 3}, default="auto"
        Degree of the polynomial surfaces.
    n_neighbors : int or "auto", default="auto"
        Number of rows that a surface is fitted to, >= 2.
    intrinsic_dim : int or {"auto", "two_nn", "mle", "local_pca"}, default="auto"
        Dimension of the surfaces, >= 1. "auto" chooses it, as it does the degree and
        the number of neighbours, by leaving rows out; where no surface fits, it is read
        off the score. The other three are estimators of scikit-dimension (extra
        `dimension`), rounded; a warning says so where the score finds another one.
    noise : {"local", "isotropic"}, default="local"
        Shape of the noise: that of each row's neighbourhood, or the same in every
        direction. "auto" coarseness of the second is the smallest level at which
        leaving a row out raises its denoising error by no more than 5 %.
    final_step : {"auto", "none", "local_polynomial"}, default="auto"
        Whether draws are projected. "auto" does so where rows lie within a fifth of
        their spacing of the surfaces through the other rows.
    approximate_neighbors : bool, default=False
        Whether to seek neighbours with an approximate index (faiss, extra `ann`): for
        10^5 rows and more in more than about fifteen columns, where trees fail.
    sigma_min : float or "auto", default="auto"
        Noise level of `score_samples` in the scaled space. "auto" is a quarter of the
        nearest-neighbour distance; it does not depend on `coarseness`.
    sigma_max : float or "auto", default="auto"
        Largest noise level in the scaled space. "auto" is five standard deviations of
        the most variable direction, and at least twice sigma_c.
    scaling : {"auto", "feature", "global"} or None, default="auto"
        Divide each column by its standard deviation (by more where its tails are
        heavy), all columns by one number, or nothing. "auto" is "feature", but "global"
        where the rows lie on a smooth manifold that bends less in its own proportions.
    conditional : bool, default=False
        Whether y conditions the score.
    device : str or torch.device, default="auto"
        "auto" takes CUDA where there is one. Neighbours are sought on the CPU.
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
    surface_ : MovingLeastSquares or None
        What draws are projected onto; None where they are not.
    surface_residual_ : float
        Median distance of a row to the surface through the others, over that to its
        nearest neighbour.
    final_step_ : {"none", "local_polynomial"}
        Whether draws are projected.
    intrinsic_dim_ : int
        Dimension of the manifold.
    means_, axes_, variances_, rest_ : Tensor
        The Gaussian components: means, axes, variances along them and in the rest.
    weights_ : ndarray of shape (n_rows,)
        Their probabilities.
    scaling_ : Scaling
        Its `center` and `scale`, arrays of shape (n_features,).
    gaussian_ : Gaussian
        Moments of the scaled rows.
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

    References
    ----------
    .. [1] Sober, Levin (2019). "Manifold Approximation by Moving Least-Squares
           Projection (MMLS)", Constructive Approximation.

    Examples
    --------
    >>> from manidiff import LocalPolynomialScoreDiffusion
    >>> from manidiff.datasets import Torus
    >>> X = Torus().sample(1000, random_state=0)
    >>> model = LocalPolynomialScoreDiffusion(random_state=0).fit(X)
    >>> model.intrinsic_dim_
    2
    >>> drawn = model.sample(500, random_state=0)
    >>> bool(Torus().distance(drawn).mean() < 0.01)
    True
    """

    _parameter_constraints: dict = {
        **{
            name: allowed
            for name, allowed in ScoreDiffusion._parameter_constraints.items()
            if name not in ("n_steps", "solver", "clock")
        },
        "degree": [StrOptions({"auto"}), Interval(Integral, 1, 3, closed="both")],
        "n_neighbors": [
            StrOptions({"auto"}),
            Interval(Integral, 2, None, closed="left"),
        ],
        "intrinsic_dim": [
            StrOptions({"auto", *LIBRARY_ESTIMATORS}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "noise": [StrOptions({"local", "isotropic"})],
        "final_step": [StrOptions({"auto", "none", "local_polynomial"})],
        "approximate_neighbors": ["boolean"],
    }

    def __init__(
        self,
        *,
        coarseness="auto",
        degree="auto",
        n_neighbors="auto",
        intrinsic_dim="auto",
        noise="local",
        final_step="auto",
        approximate_neighbors=False,
        sigma_min="auto",
        sigma_max="auto",
        scaling="auto",
        conditional=False,
        device="auto",
        random_state=None,
        verbose=0,
    ):
        self.coarseness = coarseness
        self.degree = degree
        self.n_neighbors = n_neighbors
        self.intrinsic_dim = intrinsic_dim
        self.noise = noise
        self.final_step = final_step
        self.approximate_neighbors = approximate_neighbors
        self.sigma_min = sigma_min
        self.sigma_max = sigma_max
        self.scaling = scaling
        self.conditional = conditional
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _fit(self, rows, weights, conditions, rng):
        dim = self._asked_dimension(rows, weights, rng)
        surfaces = SurfaceChoice(
            rows,
            rng,
            dim=dim,
            degree=_plain(self.degree),
            n_neighbors=_plain(self.n_neighbors),
            approximate=self.approximate_neighbors,
        )
        self.surface_residual_ = surfaces.residual
        self.final_step_ = self._decide_final_step(surfaces, dim)
        on_surface = self.final_step_ == "local_polynomial"
        self.surface_ = surfaces.surface if on_surface else None
        if dim == "auto" and on_surface:
            dim = surfaces.dim
        elif dim == "auto":
            dim = self._own_dimension(rows, weights, rng)
        self.intrinsic_dim_ = dim
        self.history_ = []
        rows, weights, conditions = self._bounded(rows, weights, conditions, rng)
        self.weights_, self._row_conditions = weights, conditions
        if self.noise == "isotropic":
            self._set_isotropic_law(rows, weights, rng)
        else:
            self._set_local_law(rows, weights, conditions, rng)
        self._fit_bandwidth(rows, conditions, rng)

    def _decide_final_step(self, surfaces, dim):
        if self.final_step == "auto":
            return "local_polynomial" if surfaces.is_clean else "none"
        if self.final_step == "local_polynomial" and surfaces.surface is None:
            if dim == surfaces.rows.shape[1]:
                # All of the space is the surface.
                return "none"
            raise ValueError(
                "final_step='local_polynomial' needs more rows of X, or fewer "
                f"neighbours, than n_neighbors={self.n_neighbors!r} for "
                f"{len(surfaces.rows)} distinct rows. Use final_step='auto'."
            )
        return self.final_step

    def _asked_dimension(self, rows, weights, rng):
        """Return `intrinsic_dim`, with the name of a library's estimator resolved."""
        if self.intrinsic_dim not in LIBRARY_ESTIMATORS:
            dim = _plain(self.intrinsic_dim)
            if dim != "auto" and dim > rows.shape[1]:
                raise ValueError(
                    f"intrinsic_dim={dim} is more than the {rows.shape[1]} columns of "
                    "X. Use intrinsic_dim='auto', or a smaller number."
                )
            return dim
        estimate = library_dimension(rows, self.intrinsic_dim)
        dim = int(np.clip(round(estimate), 1, self.gaussian_.rank))
        own = self._own_dimension(rows, weights, rng)
        if abs(dim - own) > max(1, own / 2):
            warnings.warn(
                f"intrinsic_dim={self.intrinsic_dim!r} estimates {estimate:.1f}, but "
                f"the score of the rows says {own}. Noise, curvature or few rows "
                "mislead one of them; try intrinsic_dim='auto'.",
                UserWarning,
                stacklevel=2,
            )
        return dim

    def _own_dimension(self, rows, weights, rng):
        """Return the dimension that the score of the rows themselves tells."""
        points, shares = torch.from_numpy(rows), torch.from_numpy(weights)
        generator = torch.Generator().manual_seed(draw_seed(rng))
        level = generalization_scale(points, shares, self.nn_distance_, generator)
        found = dimension_of_rows(points, shares, level, generator)
        return int(np.clip(round(found), 1, self.gaussian_.rank))

    def _prior(self):
        return RowPrior(
            self._tensor(self.weights_),
            self._tensor(self._row_conditions),
            bandwidth=self._condition_bandwidth(self._row_conditions),
        )

    def _mixture(self):
        return LowRankMixture(
            self._tensor(self.means_),
            self._tensor(self.axes_),
            self._tensor(self.variances_),
            self._tensor(self.rest_),
            self._prior(),
        )

    def _bound_denoiser(self, conditions, *, differentiable):
        mixture = self._mixture()

        def denoise(x, sigma):
            return mixture(x, sigma, conditions)

        if self.surface_ is None or self.sigma_c_ == 0:
            return denoise
        projector = OntoSurface(self.surface_.project)
        return FrozenBelow(denoise, self.sigma_c_, projector)

    def _sigma_range(self):
        # The law is drawn from at once: no step of a sampler is needed.
        return self.sigma_c_, self.sigma_c_

    def _start(self, normal, conditions, rng):
        index = self._prior().draw(len(normal), conditions, rng)
        # The first columns are the most evenly spread ones. Axes beyond the rank of the
        # data have no variance.
        n_axes = self.variances_.shape[1]
        along = normal.new_zeros(len(normal), n_axes)
        along[:, : normal.shape[1]] = normal[:, :n_axes]
        along *= self._tensor(self.variances_)[index].sqrt()
        x = self._tensor(self.means_)[index]
        x = x + torch.einsum("nq,nqd->nd", along, self._tensor(self.axes_)[index])
        if self.noise == "isotropic":
            x = x + self.sigma_c_ * normal @ self._tensor(self.gaussian_.axes).T
        return x

    def _finish(self, x, denoiser):
        return x if self.surface_ is None else self.surface_.project(x)

    def _project(self, x, conditions):
        if self.surface_ is not None:
            return self.surface_.project(x)
        return super()._project(x, conditions)

    def _frozen(self, conditions):
        denoiser = self._bound_denoiser(conditions, differentiable=True)
        level = max(self.sigma_c_, self.sigma_min_)
        return FrozenBelow(denoiser, level, PROJECTORS["tweedie"])

    def _dimension_level(self):
        if self.surface_ is None or self.sigma_c_ < self.nn_distance_:
            return self.nn_distance_
        # The score knows the surface at any level. Its curvature adds to the dimension
        # at large ones, the distance of rows to it at small ones.
        return self.nn_distance_ / 2

    def _log_prior(self, x, sigma, conditions):
        level = torch.full_like(x[:, 0], sigma)
        mixture = self._mixture()
        # From sigma_c on the score is that of the mixture too.
        if self.surface_ is None or sigma >= self.sigma_c_:
            return mixture.log_density(x, level, conditions)
        # Theorem 3.1 of arXiv 2509.24912 read backwards: the density on the manifold
        # at the projection, and normal noise of level sigma off it.
        dim = self.intrinsic_dim_
        projected = self.surface_.project(x)
        off = ((x - projected) ** 2).sum(1)
        n_off = x.shape[1] - dim
        along = mixture.log_density(projected, level, conditions, dim=dim)
        return along - (off / sigma**2 + n_off * np.log(2 * np.pi * sigma**2)) / 2

    def _sigma_prior(self):
        return 0.0


def _plain(value):
    """Return a number, which may be one of numpy, as an int, and a text as it is."""
    return value if isinstance(value, str) else int(value)
