"""Scorers for searches, made from metrics of generated rows."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils import check_array

from manidiff import metrics
from manidiff._utils.draws import draw_rows
from manidiff._utils.validation import check_n_samples
from manidiff.model_selection._evaluation import (
    evaluate,
    name_of,
    one_seed,
    other_rows,
)

# Named metrics, and whether more is better.
_GREATER_IS_BETTER = {
    "authenticity": True,
    "coverage": True,
    "energy_distance": False,
    "energy_ratio": False,
    "excess_memorization": False,
    "feature_likelihood_divergence": False,
    "maximum_mean_discrepancy": False,
    "memorization_ratio": False,
    "precision": True,
    "recall": True,
    "sliced_wasserstein_distance": False,
    "two_sample_auc": False,
}
# Metrics that the training rows do not enter.
_WITHOUT_TRAINING_ROWS = {
    metrics.coverage,
    metrics.density,
    metrics.energy_distance,
    metrics.maximum_mean_discrepancy,
    metrics.precision,
    metrics.recall,
    metrics.sliced_wasserstein_distance,
    metrics.two_sample_auc,
}


@dataclass(frozen=True)
class SampleScorer:
    """What `make_sample_scorer` returns: a callable ``(estimator, X, y=None)``."""

    metric: Any
    X: Any = field(repr=False)
    n_samples: int | None
    greater_is_better: bool
    seed: int
    metric_params: dict

    def __call__(self, estimator, X, y=None):
        """Return the score of a fitted estimator on held-out rows X."""
        heldout = check_array(X, dtype=np.float64, input_name="X")
        n_samples = len(heldout) if self.n_samples is None else self.n_samples
        drawn = draw_rows(estimator, n_samples, self.seed)
        # A metric without training rows wants a table there all the same.
        train = drawn[:1] if self.X is None else other_rows(self.X, heldout)
        value = evaluate(
            self.metric, (drawn, train, heldout), self.seed, self.metric_params
        )
        return value if self.greater_is_better else -value


def make_sample_scorer(
    metric,
    X=None,
    *,
    n_samples=1000,
    greater_is_better=True,
    random_state=0,
    **metric_params,
):
    """Make a scorer for `GridSearchCV` or `cross_validate` from a metric of samples.

    The scorer draws rows from each fitted candidate and compares them with the rows of
    the fold that was held out. All candidates and folds get the same seed, so they are
    compared on equal draws.

    Parameters
    ----------
    metric : callable
        ``metric(X_gen, X_train, X_heldout, **metric_params)``, returning one number:
        such as those of `manidiff.metrics`. If it takes `random_state`, it gets the
        seed of the scorer.
    X : array-like of shape (n_rows, n_features), default=None
        All rows of the search, the very ones that `fit` of the search is given. A
        scorer is told the held-out rows alone; the others are the training rows. Not
        needed for metrics of `manidiff.metrics` that the training rows do not enter.
    n_samples : int or None, default=1000
        Rows to draw, >= 1. None draws as many as are held out.
    greater_is_better : bool, default=True
        If False the sign is turned, as in `sklearn.metrics.make_scorer`: a search
        takes the largest score.
    random_state : int, RandomState instance or None, default=0
        Gives the one seed of the scorer. None takes another for each scorer made.
    **metric_params : dict
        More keyword arguments of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, which returns a float. The estimator needs a
        method `sample`; what `KernelDensity` and `GaussianMixture` have will do.

    Raises
    ------
    ValueError
        If X is missing for a metric that may need it, or n_samples is not positive.
        From the scorer: if X does not hold the held-out rows, or holds no others.

    Notes
    -----
    Rows that a splitter puts neither into the training nor into the test fold count as
    training rows. `KFold` and `ShuffleSplit` leave none over, unless `train_size` says
    so; `TimeSeriesSplit` and successive halving do. On training folds
    (``return_train_score=True``) the scores mean nothing. A fitted search keeps its
    scorers, and they keep X: save ``search.best_estimator_`` alone.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KernelDensity
    >>> from manidiff import metrics
    >>> from manidiff.model_selection import make_sample_scorer
    >>> X = np.random.RandomState(0).normal(size=(200, 2))
    >>> scorer = make_sample_scorer(metrics.energy_distance, greater_is_better=False)
    >>> grid = {"bandwidth": [0.1, 0.3, 3.0]}
    >>> search = GridSearchCV(KernelDensity(), grid, scoring=scorer).fit(X)
    >>> search.cv_results_["rank_test_score"][2]
    np.int32(3)
    """
    if X is not None:
        X = check_array(X, dtype=np.float64, input_name="X")
    elif metric not in _WITHOUT_TRAINING_ROWS:
        raise ValueError(
            f"X is missing: {name_of(metric)} may compare with the training rows, "
            "which a scorer is not told. Pass the rows of the search, "
            "make_sample_scorer(metric, X)."
        )
    if n_samples is not None:
        n_samples = check_n_samples(n_samples)
    return SampleScorer(
        metric=metric,
        X=X,
        n_samples=n_samples,
        greater_is_better=greater_is_better,
        seed=one_seed(random_state),
        metric_params=metric_params,
    )


def get_sample_scorer(name, X=None, *, n_samples=1000, random_state=0, **metric_params):
    """Return the scorer of a named metric.

    Greater is better for all of them: the sign of distances and of measures of copying
    is turned, so their scores are at most about 0.

    Parameters
    ----------
    name : str
        One of `get_sample_scorer_names`.
    X : array-like of shape (n_rows, n_features), default=None
        All rows of the search, see `make_sample_scorer`. Needed for "authenticity",
        "energy_ratio", "excess_memorization", "feature_likelihood_divergence" and
        "memorization_ratio".
    n_samples : int or None, default=1000
        Rows to draw, >= 1. None draws as many as are held out.
    random_state : int, RandomState instance or None, default=0
        Gives the one seed of the scorer.
    **metric_params : dict
        More keyword arguments of the metric.

    Returns
    -------
    scorer : callable
        See `make_sample_scorer`.

    Raises
    ------
    ValueError
        If the name is unknown, or as `make_sample_scorer`.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from manidiff import LocalPolynomialScoreDiffusion
    >>> from manidiff.datasets import make_torus
    >>> from manidiff.model_selection import get_sample_scorer, refit_novel
    >>> X, _ = make_torus(300, random_state=0)
    >>> search = GridSearchCV(
    ...     LocalPolynomialScoreDiffusion(random_state=0),
    ...     {"coarseness": [0, 2]},
    ...     scoring={
    ...         name: get_sample_scorer(name, X)
    ...         for name in ("energy_distance", "excess_memorization")
    ...     },
    ...     refit=refit_novel(),
    ...     cv=3,
    ... ).fit(X)
    >>> search.best_params_
    {'coarseness': 2}
    """
    metric, greater_is_better = named_metric(name)
    return make_sample_scorer(
        metric,
        X,
        n_samples=n_samples,
        greater_is_better=greater_is_better,
        random_state=random_state,
        **metric_params,
    )


def get_sample_scorer_names():
    """Return the names that `get_sample_scorer` knows, sorted.

    Returns
    -------
    names : list of str
        Each is a function of `manidiff.metrics`.
    """
    return sorted(_GREATER_IS_BETTER)


def named_metric(name):
    """Return the metric of a name, and whether more is better."""
    if name not in _GREATER_IS_BETTER:
        raise ValueError(
            f"{name!r} is not the name of a sample metric. Use one of "
            f"{get_sample_scorer_names()}, or pass a function."
        )
    return getattr(metrics, name), _GREATER_IS_BETTER[name]
