"""scikit-learn's Pipeline, and draws through it."""

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from manidiff._last_step import draw, is_generative, last_step_has
from manidiff._utils.compat import StrOptions, fit_context
from manidiff._utils.draws import accepts
from manidiff._utils.validation import check_n_samples
from manidiff.inverse import InvertibleTransformer
from manidiff.inverse._invertible import transformers
from manidiff.inverse._sparse import naming_sparse_steps
from manidiff.inverse._steps import (
    check_invertible,
    log_factor_of_undoing,
    undo,
    with_learned_inverses,
)


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

    @fit_context(prefer_skip_nested_validation=False)
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
            If the last step can be drawn from and another one cannot be inverted,
            drops columns, or returns sparse rows where a later one needs dense ones.
        """
        if not hasattr(self, "sample"):
            return super().fit(X, y, **params)
        # What selectors keep is known once they are fitted: `_fit` checks them.
        check_invertible(self.steps[:-1], if_selector=True)
        with naming_sparse_steps(self.steps[:-1], X):
            return super().fit(X, y, **params)

    @available_if(last_step_has("sample"))
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
        check_invertible(self.steps[:-1])
        options = {"y": y, "n_jobs": n_jobs}
        options["target"] = None if target == "data" else target
        drawn = draw(
            self.steps[-1],
            check_n_samples(n_samples),
            random_state,
            {name: value for name, value in options.items() if value is not None},
        )
        return undo(self.steps[:-1], drawn)

    @available_if(last_step_has("score_samples"))
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
        if not is_generative(self.steps[-1][1]):
            return super().score_samples(X)
        check_is_fitted(self)
        check_invertible(self.steps[:-1])
        Z = X
        for _, step in transformers(self.steps[:-1]):
            Z = step.transform(Z)
        given = {} if y is None else {"y": y}
        log_density = self.steps[-1][1].score_samples(Z, **given)
        if not transformers(self.steps[:-1]):
            return log_density
        return log_density - log_factor_of_undoing(self.steps[:-1], Z)

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

        Raises
        ------
        TypeError
            If params are given to a log-density, or a step cannot be inverted.
        ValueError
            If X has no density; see `score_samples`.
        """
        if not is_generative(self.steps[-1][1]):
            return super().score(X, y, sample_weight, **params)
        if params:
            raise TypeError(f"score of a log-density takes no {sorted(params)}.")
        if not accepts(self.steps[-1][1].score_samples, "y"):
            y = None
        return float(np.average(self.score_samples(X, y), weights=sample_weight))

    def _fit(self, *args, **kwargs):
        """Fit all steps but the last, which may take long and is not fitted in vain."""
        Xt = super()._fit(*args, **kwargs)
        if hasattr(self, "sample"):
            check_invertible(self.steps[:-1])
        return Xt

    def _wrap_steps(self):
        if isinstance(self.invert, str) and self.invert == "auto":
            self.steps = with_learned_inverses(self.steps)


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
