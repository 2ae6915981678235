"""Draws from a diffusion model given some coordinates, by replacing them as it goes."""

from itertools import pairwise

import numpy as np

# Levels of noise, and how often each step is taken. The cost of a draw is their
# product in evaluations of the denoiser.
_N_LEVELS = 40
_N_REPEATS = 5


def draw_by_replacement(denoise, given, sigma_start, sigma_end, rng):
    """Draw points whose given coordinates have given values.

    At each level of noise the given coordinates are replaced by their values with noise
    of that level, and one step of the sampler is taken; noise is added again and the
    step repeated, so that the other coordinates come to agree with them (RePaint,
    Lugmayr et al. 2022). The law of what is drawn is approximate.

    Parameters
    ----------
    denoise : callable
        ``(x (n, D), sigma) -> (n, D)``.
    given : ndarray of shape (n, D)
        The values; NaN where a coordinate is to be drawn.
    sigma_start, sigma_end : float
        The levels at which the sampler starts and ends.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    x : ndarray of shape (n, D)
        Drawn points.
    """
    known = ~np.isnan(given)
    values = np.where(known, given, 0.0)

    def noise():
        return rng.standard_normal(given.shape)

    levels = np.geomspace(sigma_start, sigma_end, _N_LEVELS)
    x = sigma_start * noise()
    for sigma, sigma_next in pairwise(levels):
        kept = (sigma_next / sigma) ** 2
        added = np.sqrt(sigma**2 - sigma_next**2)
        for repeat in range(_N_REPEATS):
            if repeat > 0:
                x = x + added * noise()
            x = np.where(known, values + sigma * noise(), x)
            denoised = denoise(x, sigma)
            x = denoised + kept * (x - denoised)
            x += sigma_next * np.sqrt(1 - kept) * noise()
    x = np.where(known, values + sigma_end * noise(), x)
    return np.where(known, values, denoise(x, sigma_end))
