"""scikit-learn's Pipeline, and draws through it."""

from copy import copy
from inspect import signature

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from manidiff._utils.compat import StrOptions
from manidiff._utils.validation import check_n_samples
from manidiff.inverse import InvertibleTransformer, is_invertible
from manidiff.inverse._volume import log_volume_factor

_NO_DENSITY = (
    "X has no density, as the inverse of the steps {}. Score the last step, on rows "
    "that the others have transformed, or what is drawn, with "
    "manidiff.model_selection.get_sample_scorer('energy_distance')."
)


def _last_step_has(method):
    def check(pipeline):
        # Where there is no such method, its own AttributeError says so best.
        getattr(pipeline.steps[-1][1], method)
        return True

    return check


class SamplingPipeline(Pipeline):
    """scikit-learn's `Pipeline` with `sample`, and densities in the units of X.

    `sample` draws from the last step and undoes the others from right to left. All
    else is as in :class:`sklearn.pipeline.Pipeline`, except that `score_samples` and
    `score` of a last step that can be drawn from are log-densities of X.

    Parameters
    ----------
    steps : list of (str, estimator)
        Names and steps. All but the last are transformers that can be inverted, or
        "passthrough". The last one has `sample`: an estimator of manidiff,
        `KernelDensity`, `GaussianMixture` or another.
    invert : "auto" or None, default=None
        "auto" wraps the steps that cannot be inverted in
        :class:`~manidiff.inverse.InvertibleTransformer`, as soon as the pipeline has
        them. A parameter of such a step then has the name
        ``step__transformer__parameter``.
    transform_input, memory, verbose
        As in :class:`sklearn.pipeline.Pipeline`.

    Attributes
    ----------
    named_steps : Bunch
        The steps by name.
    n_features_in_ : int
        Number of columns of X, where the first step knows it.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    make_sampling_pipeline : Names the steps itself.
    manidiff.inverse.InvertibleTransformer : Learns the inverse of a step.

    Examples
    --------
    >>> from sklearn.manifold import Isomap
    >>> from sklearn.preprocessing import StandardScaler
    >>> from manidiff import LocalPolynomialScoreDiffusion
    >>> from manidiff.datasets import SwissRoll
    >>> from manidiff.pipeline import SamplingPipeline
    >>> X = SwissRoll().sample(500, random_state=0)
    >>> pipeline = SamplingPipeline(
    ...     [
    ...         ("scale", StandardScaler()),
    ...         ("isomap", Isomap(n_neighbors=10)),
    ...         ("law", LocalPolynomialScoreDiffusion(random_state=0)),
    ...     ],
    ...     invert="auto",
    ... ).fit(X)
    >>> pipeline.sample(3, random_state=0).shape
    (3, 3)
    """

    _parameter_constraints: dict = {
        **Pipeline._parameter_constraints,
        "invert": [StrOptions({"auto"}), None],
    }

    def __init__(
        self, steps, *, invert=None, transform_input=None, memory=None, verbose=False
    ):
        super().__init__(
            steps, transform_input=transform_input, memory=memory, verbose=verbose
        )
        self.invert = invert
        self._wrap_steps()

    def set_params(self, **kwargs):
        """Set parameters of the pipeline and of its steps.

        Parameters
        ----------
        **kwargs : dict
            Parameters; those of a step as ``step__parameter``.

        Returns
        -------
        self : object
            The pipeline.
        """
        super().set_params(**kwargs)
        self._wrap_steps()
        return self

    def fit(self, X, y=None, **params):
        """Fit all steps.

        Parameters
        ----------
        X : array-like
            Training rows, as the first step takes them.
        y : array-like, default=None
            Passed on to the steps.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`.

        Returns
        -------
        self : object
            The fitted pipeline.

        Raises
        ------
        TypeError
            If the last step can be drawn from and another one cannot be inverted.
        """
        if hasattr(self, "sample"):
            self._check_invertible()
        return super().fit(X, y, **params)

    @available_if(_last_step_has("sample"))
    def sample(
        self, n_samples=1, *, y=None, target="data", random_state=None, n_jobs=None
    ):
        """Draw new rows: from the last step, then through the inverses of the others.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows, >= 1.
        y : scalar or array-like, default=None
            Labels or targets to draw for.
        target : {"data", "uniform"}, default="data"
            "uniform" is uniform in the space of the last step.
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call, an int repeats; also where the last step
            itself takes it as a parameter, as `GaussianMixture` does.
        n_jobs : int, default=None
            Workers that share the rows.

        Returns
        -------
        X : array-like of shape (n_samples, n_features)
            Drawn rows, as the inverse of the first step returns them.

        Raises
        ------
        TypeError
            If a step cannot be inverted, or the last step does not take y, target or
            n_jobs.
        ValueError
            If n_samples is not a positive int.
        """
        check_is_fitted(self)
        self._check_invertible()
        options = {"y": y, "n_jobs": n_jobs}
        options["target"] = None if target == "data" else target
        drawn = _draw(
            self.steps[-1],
            check_n_samples(n_samples),
            random_state,
            {name: value for name, value in options.items() if value is not None},
        )
        return self._undo(drawn)

    @available_if(_last_step_has("score_samples"))
    def score_samples(self, X, y=None):
        """Return the score of the last step; a log-density is one per unit of X.

        For a last step that can be drawn from it is the log-density of what `sample`
        returns, at the noise level of the last step: its own log-density of the
        transformed rows, less the logarithm of the factor by which the inverses of the
        other steps stretch volume there. That factor, the determinant of a Jacobian, is
        measured by finite differences. Where the steps keep fewer dimensions than X
        has, the density is one per unit of volume on the surface that `sample` draws
        from, at the point that X is mapped to, and how far X is from it does not count.

        Parameters
        ----------
        X : array-like
            Rows.
        y : array-like, default=None
            Passed on to the last step.

        Returns
        -------
        score : ndarray of shape (n_samples,)
            Log-densities, or whatever the last step returns.

        Raises
        ------
        ValueError
            If the inverse is flat, or not a number, so that X has no density.
        """
        if not self._is_generative():
            return super().score_samples(X)
        check_is_fitted(self)
        self._check_invertible()
        Z = X
        for _, step in self._transformers():
            Z = step.transform(Z)
        given = {} if y is None else {"y": y}
        log_density = self.steps[-1][1].score_samples(Z, **given)
        if not self._transformers():
            return log_density
        return log_density - self._log_volume_factor(np.asarray(Z, dtype=np.float64))

    def score(self, X, y=None, sample_weight=None, **params):
        """Return the score of the last step; of a log-density, its mean.

        Parameters
        ----------
        X : array-like
            Held-out rows.
        y : array-like, default=None
            Passed on to the last step, if it takes it.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.
        **params : dict
            As in :class:`sklearn.pipeline.Pipeline`; none for log-densities.

        Returns
        -------
        score : float
            For a last step that can be drawn from, the mean of `score_samples`, also
            where the `score` of that step is a total, as that of `KernelDensity` is.
        """
        if not self._is_generative():
            return super().score(X, y, sample_weight, **params)
        if params:
            raise TypeError(f"score of a log-density takes no {sorted(params)}.")
        if not _accepts(self.steps[-1][1].score_samples, "y"):
            y = None
        return float(np.average(self.score_samples(X, y), weights=sample_weight))

    def _wrap_steps(self):
        if self.invert != "auto":
            return
        undoable = [_is_undoable(step) for _, step in self.steps[:-1]]
        # `clone` expects to find the very list that it passes.
        if not all(undoable):
            self.steps = [
                (name, step if kept else InvertibleTransformer(step))
                for (name, step), kept in zip(
                    self.steps, [*undoable, True], strict=True
                )
            ]

    def _check_invertible(self):
        for name, step in self.steps[:-1]:
            if not _is_undoable(step):
                kind = type(step).__name__
                raise TypeError(
                    f"Step {name!r} ({kind}) cannot be inverted: it has no working "
                    "inverse_transform, so what is drawn cannot be taken back through "
                    f"it. Pass InvertibleTransformer({kind}(...)) instead, which "
                    "learns an inverse, or invert='auto' to the pipeline, or take the "
                    "step out and fit the pipeline to what it returns."
                )

    def _is_generative(self):
        last = self.steps[-1][1]
        return hasattr(last, "sample") and hasattr(last, "score_samples")

    def _transformers(self):
        return [
            (name, step) for name, step in self.steps[:-1] if not _is_identity(step)
        ]

    def _undo(self, Z):
        for name, step in reversed(self._transformers()):
            try:
                Z = step.inverse_transform(Z)
            except Exception as error:
                error.add_note(f"Raised while inverting the step {name!r}.")
                raise
        return Z

    def _log_volume_factor(self, Z):
        try:
            factor = log_volume_factor(self._undo_to_numbers, Z)
        except (TypeError, ValueError) as error:
            raise ValueError(_NO_DENSITY.format("does not give numbers")) from error
        if not np.isfinite(factor).all():
            raise ValueError(_NO_DENSITY.format("is flat around some rows"))
        return factor

    def _undo_to_numbers(self, Z):
        return np.asarray(self._undo(Z), dtype=np.float64)


def make_sampling_pipeline(
    *steps, invert=None, transform_input=None, memory=None, verbose=False
):
    """Make a `SamplingPipeline`, named as by scikit-learn's `make_pipeline`.

    Parameters
    ----------
    *steps : estimators
        The steps. An `InvertibleTransformer` is named after what it wraps.
    invert, transform_input, memory, verbose
        As in `SamplingPipeline`.

    Returns
    -------
    pipeline : SamplingPipeline
        The pipeline, not fitted.

    Examples
    --------
    >>> from sklearn.manifold import Isomap
    >>> from sklearn.neighbors import KernelDensity
    >>> from manidiff.pipeline import make_sampling_pipeline
    >>> pipeline = make_sampling_pipeline(Isomap(), KernelDensity(), invert="auto")
    >>> pipeline.set_params(isomap__transformer__n_neighbors=8).steps[0]
    ('isomap', InvertibleTransformer(transformer=Isomap(n_neighbors=8)))
    """
    inner = [
        step.transformer if isinstance(step, InvertibleTransformer) else step
        for step in steps
    ]
    names = [name for name, _ in make_pipeline(*inner).steps]
    return SamplingPipeline(
        list(zip(names, steps, strict=True)),
        invert=invert,
        transform_input=transform_input,
        memory=memory,
        verbose=verbose,
    )


def _is_identity(step):
    return step is None or (isinstance(step, str) and step == "passthrough")


def _is_undoable(step):
    return _is_identity(step) or is_invertible(step)


def _accepts(method, name):
    """Return whether a method takes an argument of that name."""
    return name in signature(method).parameters


def _draw(last_step, n_samples, random_state, options):
    """Return rows drawn from the last step, a pair of name and estimator."""
    name, estimator = last_step
    for option, value in options.items():
        if not _accepts(estimator.sample, option):
            raise TypeError(
                f"{option}={value!r} does not go with the last step {name!r}: "
                f"{type(estimator).__name__}.sample takes no {option}. Leave it out."
            )
    if _accepts(estimator.sample, "random_state"):
        options = {**options, "random_state": random_state}
    elif "random_state" in estimator.get_params(deep=False):
        # What was fitted is shared with the copy, the parameter is not.
        estimator = copy(estimator).set_params(random_state=random_state)
    drawn = estimator.sample(n_samples, **options)
    # GaussianMixture returns the components beside the rows.
    return drawn[0] if isinstance(drawn, tuple) else drawn
