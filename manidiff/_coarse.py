"""The main estimator: a network that learns a coarse score and keeps no row."""

import copy
from numbers import Integral, Real
from os import PathLike

import numpy as np

from manidiff._agreement import require_same_fit
from manidiff._base import ScoreDiffusion
from manidiff._cross_fitting import CrossFittingMixin
from manidiff._freezing import FINEST, FreezingMixin
from manidiff._network import NetworkMixin
from manidiff._processes import count
from manidiff._streaming import StreamingMixin, is_long
from manidiff._training import net_on_cpu, train
from manidiff._utils.compat import Interval, StrOptions
from manidiff._utils.random import draw_seed, forked_torch_seed
from manidiff._watching import WatchedFitMixin
from manidiff.geometry.surface_choice import SurfaceChoice
from manidiff.persistence import open_checkpoint


class CoarseScoreDiffusion(
    NetworkMixin,
    CrossFittingMixin,
    StreamingMixin,
    FreezingMixin,
    WatchedFitMixin,
    ScoreDiffusion,
):
    """Diffusion with a score that a network learns only down to a coarse noise level.

    Above the noise level sigma_c the network learns the score of the data; below, it is
    frozen to a projection. So the geometry of the data enters at every scale and its
    density only down to sigma_c: generated rows are new and lie where data lies. The
    fitted network keeps no training row and the cost of sampling does not depend on
    their number.

    Parameters
    ----------
    coarseness : float or "auto", default="auto"
        Noise level sigma_c in median nearest-neighbour distances, >= 0. 0 is an
        ordinary diffusion model, trained on the rows down to `sigma_min`. "auto" is
        decided by the data: where the rows lie on a smooth manifold, the level from
        which draws land closest to the surfaces through the rows; elsewhere 0.1, with
        the coarseness in `training_law`.
    sigma_min : float or "auto", default="auto"
        Noise level of `score_samples` in the scaled space. "auto" is a quarter of the
        nearest-neighbour distance; it does not depend on `coarseness`.
    sigma_max : float or "auto", default="auto"
        Largest noise level in the scaled space. "auto" is five standard deviations of
        the most variable direction, and at least twice sigma_c.
    training_law : {"auto", "empirical", "local", "cross_fitted"}, default="auto"
        What the network is trained on: the rows, or draws of the local-Gaussian law
        around them, which it cannot copy however long it trains. Where the rows lie on
        a smooth manifold, the draws are points of the polynomial surfaces through them.
        "auto" takes "empirical" for `coarseness=0`, and for more than 75 000 rows, or
        16 384 on a manifold, which training meets too seldom to copy; else "local".
        "cross_fitted" deals the rows of a table to two networks, each taught the local
        law of its half and asked where the rows of the other half lie [3]_: whoever
        holds the estimator can then hardly tell training rows from others. It keeps
        the means of up to 1024 groups of three rows and more, and draws take two to
        three times the time. On a manifold it is "local".
    final_step : {"auto", "none", "tweedie", "richardson", "local_polynomial"}, \
            default="auto"
        Projector below sigma_c: the denoiser, the combination of two noise levels that
        cancels curvature, or moving least squares through the training rows, **which
        the estimator then keeps**; "none" stops at sigma_c. "auto" takes the better of
        the first two by the data; on a manifold that the rows show more exactly than
        the network has learned it, the last layer fitted anew by least squares to
        projections onto the surfaces through the rows; and where rows do not lie on a
        manifold, it gives back the data's own noise.
    module : nn.Module, or callable that returns one, default=None
        Network called with the keywords inputs (n, r), noise (n,) and, if conditional,
        condition (n, c), returning (n, r), where r is the rank of the scaled data. A
        callable is called with r and c; an instance is copied. None is a residual
        multilayer perceptron. Only one with a method ``last_hidden``, of the same
        keywords, for what a last linear layer is given, has that layer fitted anew.
    width, depth : int, default=192 and 4
        Width of its layers and number of its residual blocks.
    max_iter : int, default="auto"
        Number of gradient steps. "auto" is 3000, whatever the number of rows; where
        the law is "local" and there is no manifold, ten for every three rows and no
        fewer than 1000 if that is less: few rows are soon learned, and then by heart.
    batch_size : int, default=256
        Noised draws in a step.
    learning_rate : float, default=3e-3
        Largest learning rate; it warms up over 100 steps and falls along a cosine.
    optimizer : torch optimizer class, default=None
        None is AdamW.
    callbacks : list of callables or skorch callbacks, default=None
        A callable gets, after every epoch of 100 steps (or as many as its attribute
        `every` says), the estimator as if training had ended there, with the record of
        the epoch as ``history_[-1]``; when it returns True, training ends. See
        `manidiff.model_selection.HeldOutMonitor`. Callbacks of scikit-learn (1.9 and
        later) are set with `set_callbacks`.
    early_stopping : bool, default=False
        Whether to hold rows out and stop when their loss no longer improves.
    validation_fraction : float, default=0.1
        Share of the training rows held out with `early_stopping=True`.
    n_iter_no_change : int, default=5
        Epochs of 100 steps without improvement before stopping.
    checkpoint : str or path-like, default=None
        File in which training is kept after every epoch of 100 steps. `fit` again, with
        the same data and parameters, goes on from it after an interruption, and gives
        on a CPU what it would have given without; a file of another fit is refused. It
        is removed when `fit` ends. Needs `random_state`.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit instead of afresh.
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
        1 shows a progress bar with the loss and the time left.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The net that owns the trained network (`net_.module_`).
    sigma_c_, sigma_min_, sigma_max_ : float
        Noise levels in the scaled space.
    nn_distance_ : float
        Median distance of a row to its nearest other row, in the scaled space.
    scaling_ : Scaling
        Its `center` and `scale`, arrays of shape (n_features,).
    gaussian_ : Gaussian
        Moments of the scaled rows.
    surface_residual_ : float
        How far rows lie from surfaces through their neighbours, in nearest-neighbour
        distances; below 0.2 the rows are taken to lie on a manifold.
    training_law_, final_step_ : str
        What was decided; `final_step_` is "least_squares" for the last layer fitted
        anew.
    max_iter_ : int
        Number of gradient steps that were to be taken; after `fit` only.
    surface_ : MovingLeastSquares or None
        With `final_step="local_polynomial"`, the surfaces through the training rows.
    history_ : list of dict
        One entry an epoch of 100 steps: epoch, n_iter, train_loss, valid_loss with
        early stopping, seconds.
    device_ : str
        The device in use.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    EmpiricalScoreDiffusion : The closed-form score of the rows.

    References
    ----------
    .. [1] Shen, Hsieh, He (2026). arXiv:2603.23792.
    .. [2] Karras et al. (2022). "Elucidating the Design Space of Diffusion-Based
           Generative Models". arXiv:2206.00364.
    .. [3] Tang et al. (2022). "Mitigating Membership Inference Attacks by
           Self-Distillation Through a Novel Ensemble Architecture". arXiv:2110.08324.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff import CoarseScoreDiffusion
    >>> angle = np.random.default_rng(0).uniform(0, 2 * np.pi, size=200)
    >>> X = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> model = CoarseScoreDiffusion(max_iter=50, width=32, random_state=0).fit(X)
    >>> model.sample(5, random_state=0).shape
    (5, 2)
    """

    _parameter_constraints: dict = {
        **ScoreDiffusion._parameter_constraints,
        "training_law": [StrOptions({"auto", "empirical", "local", "cross_fitted"})],
        "final_step": [
            StrOptions({"auto", "none", "tweedie", "richardson", "local_polynomial"})
        ],
        "module": [callable, None],
        "width": [Interval(Integral, 1, None, closed="left")],
        "depth": [Interval(Integral, 0, None, closed="left")],
        "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [callable, None],
        "callbacks": [list, tuple, None],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "checkpoint": [str, PathLike, None],
        "warm_start": ["boolean"],
    }

    def __init__(
        self,
        *,
        coarseness="auto",
        sigma_min="auto",
        sigma_max="auto",
        training_law="auto",
        final_step="auto",
        module=None,
        width=192,
        depth=4,
        max_iter="auto",
        batch_size=256,
        learning_rate=3e-3,
        optimizer=None,
        callbacks=None,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        checkpoint=None,
        warm_start=False,
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
        self.training_law = training_law
        self.final_step = final_step
        self.module = module
        self.width = width
        self.depth = depth
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.callbacks = callbacks
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.scaling = scaling
        self.n_steps = n_steps
        self.solver = solver
        self.clock = clock
        self.conditional = conditional
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def __getstate__(self):
        state = super().__getstate__()
        if state.get("device_", "cpu") != "cpu" and "net_" in state:
            # A machine without that device must be able to load the copy.
            state = {**state, "net_": net_on_cpu(state["net_"])}
        return state

    def fit(self, X, y=None, sample_weight=None):
        """Learn the score of the rows of X.

        Processes that `torch.distributed` has joined train one network together.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows: array, DataFrame, memmap or CPU tensor; at least two of them
            different. Of more than 2^26 values (512 MiB in double precision) none is
            copied: anything that gives rows by slices and by ascending integer arrays
            is then read as training needs it, and memory holds one part at a time,
            2^16 random rows that stand for all where neighbourhoods are looked at, and
            some numbers a row. Equal rows stay apart.
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
        if is_long(X):
            return self._fit_long(X, y, sample_weight)
        return super().fit(X, y, sample_weight)

    def _fit(self, rows, weights, conditions, rng):
        self._learn(rows, weights, conditions, rng)

    def _set_finest_level(self):
        self._set_sigma_c(lambda: FINEST * self.nn_distance_)

    def _learn(self, rows, weights, conditions, rng, *, long_draws=None):
        """Train on rows, or on draws of more rows of which these are a part."""
        surfaces = SurfaceChoice(rows, rng)
        self.surface_residual_ = surfaces.residual
        self.surface_ = self._kept_surface(surfaces)
        self._set_finest_level()
        self._check_precision()
        self.training_law_ = self._decide_training_law(surfaces)
        if long_draws is not None and self.training_law == "auto":
            self.training_law_ = "empirical"
        self.max_iter_ = self._decide_max_iter(surfaces)
        device = self._usable_device()
        learned = {"X": rows, "sample_weight": weights, "y": conditions}
        require_same_fit(self, learned, rng)
        if count() > 1:
            # Their file holds the chance of each.
            learned["processes"] = np.array(count())
        checkpoint = open_checkpoint(self, learned, rng)

        def finish(estimator):
            chance = copy.deepcopy(rng)
            estimator._freeze(rows, weights, conditions, surfaces, chance)

        def training_rows():
            return self.scaling_.invert(rows)

        with forked_torch_seed(draw_seed(rng), device):
            network = self._make_network(conditions).to(device)
            train_rows, held_out_rows = self._split(len(rows), rng)
            if long_draws is None or self.training_law_ != "empirical":
                draws = self._draws(
                    network, rows, weights, conditions, train_rows, surfaces, rng
                )
            else:
                draws = long_draws(network, held_out_rows)
            held_out = self._held_out_draws(
                network, rows, weights, conditions, held_out_rows
            )
            on_epoch = self._watch(finish, training_rows)
            self.net_, self.history_ = train(
                network,
                draws,
                held_out,
                max_iter=self.max_iter_,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                optimizer=self.optimizer,
                callbacks=self._skorch_callbacks(),
                on_epoch=on_epoch,
                patience=self.n_iter_no_change,
                verbose=self.verbose,
                device=device,
                checkpoint=checkpoint,
            )
        is_cut = self._freeze_until_interrupted(
            rows, weights, conditions, surfaces, rng
        )
        if checkpoint is not None:
            checkpoint.is_needed |= is_cut
            checkpoint.close()
        self._end_watch(training_rows)

    def _sigma_range(self):
        return self.sigma_max_, self._sigma_floor()

    def _dimension_level(self):
        # Below the spacing of the rows a network need not resolve their density.
        return max(self._sigma_floor(), self.nn_distance_)

    def _start(self, normal, conditions, rng):
        gaussian = self.gaussian_.to(normal.device, normal.dtype)
        return gaussian.start(normal, self.sigma_max_)

    def _log_prior(self, x, sigma, conditions):
        return self.gaussian_.to(x.device, x.dtype).log_density(x, sigma)

    def _sigma_prior(self):
        return self.sigma_max_
