"""Which candidate of a search to keep: the most faithful that does not copy."""

from functools import partial
from numbers import Real

import numpy as np

_NOVELTY = "excess_memorization"


def refit_novel(max_excess_memorization=0.02, *, fidelity="energy_distance"):
    """Make a rule for `GridSearchCV(refit=...)`: the best that does not copy.

    Of the candidates whose mean excess memorisation over the folds is within the limit
    it takes the one with the greatest mean score of fidelity. A mean that exceeds the
    limit is not excused by its standard error.

    Parameters
    ----------
    max_excess_memorization : float, default=0.02
        Limit for the excess of copies over chance, at most 1 (see
        `manidiff.metrics.excess_memorization`): .02 lets 2 of 100 draws more be nearer
        to one training row than chance explains. Chance itself is known from the
        held-out rows only: with few of them, raise the limit or the number of folds
        where a candidate that does not copy is left out.
    fidelity : str, default="energy_distance"
        Key of the score to maximise, in the `scoring` of the search.

    Returns
    -------
    refit : callable
        Takes `cv_results_` and returns the index of the best candidate. The search
        needs a dict as `scoring`, with the keys `fidelity` and "excess_memorization"
        (``get_sample_scorer("excess_memorization", X)``).

    Raises
    ------
    ValueError
        If the limit is not a number of at most 1. From the rule: if a score is missing,
        or every candidate copies. A model that copies is never refitted; to look at the
        scores all the same, run the search with ``refit=False`` and call
        ``refit_novel()(search.cv_results_)`` after.

    Examples
    --------
    >>> from manidiff.model_selection import refit_novel
    >>> refit = refit_novel()
    >>> refit(
    ...     {
    ...         "params": [{"coarseness": 0}, {"coarseness": 1}, {"coarseness": 4}],
    ...         "split0_test_energy_distance": [-0.1, -0.2, -0.3],
    ...         "split1_test_energy_distance": [-0.1, -0.2, -0.3],
    ...         "split0_test_excess_memorization": [-0.9, -0.01, 0.0],
    ...         "split1_test_excess_memorization": [-0.8, 0.02, 0.01],
    ...     }
    ... )
    1
    """
    limit = max_excess_memorization
    if not isinstance(limit, Real) or isinstance(limit, bool) or not limit <= 1:
        raise ValueError(
            f"max_excess_memorization={limit!r} must be a number of at most 1, for "
            "example 0.02."
        )
    return partial(_best_novel, limit=limit, fidelity=fidelity)


def _best_novel(cv_results, *, limit, fidelity):
    # The scorer turns the sign: greater is better.
    excess = -_folds(cv_results, _NOVELTY)
    mean = excess.mean(axis=1)
    scores = _folds(cv_results, fidelity).mean(axis=1)
    # A fit that failed has no scores.
    candidates = np.flatnonzero((mean <= limit) & ~np.isnan(scores))
    if len(candidates) == 0:
        error = excess.std(axis=1) / np.sqrt(max(excess.shape[1] - 1, 1))
        raise ValueError(_nothing_novel(cv_results["params"], mean, error, limit))
    return int(candidates[np.argmax(scores[candidates])])


def _folds(cv_results, name):
    """Return the scores (n_candidates, n_folds) of one name."""
    folds = []
    while (key := f"split{len(folds)}_test_{name}") in cv_results:
        folds.append(np.asarray(cv_results[key], dtype=np.float64))
    if not folds:
        raise ValueError(
            f"The search has no score {name!r}. Pass scoring={{{name!r}: "
            f"get_sample_scorer({name!r}, X), ...}} to it."
        )
    return np.column_stack(folds)


def _nothing_novel(params, mean, error, limit):
    if np.isnan(mean).all():
        return "No candidate has scores: all fits or scorers failed."
    least = int(np.nanargmin(mean))
    return (
        f"All {len(params)} candidates copy: the least excess memorisation is "
        f"{mean[least]:.3g} ± {error[least]:.2g}, of {params[least]}, above "
        f"max_excess_memorization={limit}. Add coarser candidates (a larger "
        "coarseness, smoothing or bandwidth), or raise max_excess_memorization."
    )
