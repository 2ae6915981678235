"""Rows of numbers completed by a fitted estimator."""

import numpy as np
import torch

from manidiff._base import ScoreDiffusion
from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff.tabular._mixture import GivenMixture
from manidiff.tabular._replacement import draw_by_replacement


def complete(estimator, rows, noise, rng):
    """Return rows with their unknown numbers drawn given the known ones.

    Parameters
    ----------
    estimator : ScoreDiffusion
        A fitted estimator.
    rows : ndarray of shape (n, D)
        Rows; NaN where a number is unknown.
    noise : ndarray of shape (D,)
        Standard deviations of the noise under which numbers are known.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    rows : ndarray of shape (n, D)
        Complete rows, in which known numbers are unchanged.

    Raises
    ------
    TypeError
        If the estimator has no score.
    """
    if not isinstance(estimator, ScoreDiffusion):
        raise TypeError(
            f"{estimator!r} has no score at every noise level, so it can draw neither "
            "with conditions nor for missing values. Use an estimator of manidiff."
        )
    scaling = estimator.scaling_
    given = scaling.apply(rows)
    if _is_mixture(estimator):
        drawn = _complete_by_mixture(estimator, given, noise / scaling.scale, rng)
    else:
        drawn = draw_by_replacement(
            lambda x, sigma: scaling.apply(estimator.denoise(scaling.invert(x), sigma)),
            given,
            estimator.sigma_max_,
            max(estimator.sigma_c_, estimator.sigma_min_),
            rng,
        )
    return np.where(np.isnan(rows), scaling.invert(drawn), rows)


def _is_mixture(estimator):
    """Return whether the estimator draws from a Gaussian mixture as it is."""
    is_local = isinstance(estimator, LocalPolynomialScoreDiffusion)
    return is_local and estimator.surface_ is None and not estimator.conditional


def _complete_by_mixture(estimator, given, noise, rng):
    mixture = (
        estimator.means_,
        estimator.axes_,
        estimator.variances_,
        estimator.rest_,
        torch.from_numpy(estimator.weights_),
    )
    drawn = np.empty_like(given)
    patterns, index = np.unique(~np.isnan(given), axis=0, return_inverse=True)
    for i, known in enumerate(patterns):
        rows = np.flatnonzero(index.ravel() == i)
        law = GivenMixture(mixture, known, noise, rng)
        drawn[rows] = law.draw(given[np.ix_(rows, known)], rng)
    return drawn
