"""Seeds and draws that never touch a global generator."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from scipy.special import ndtri
from scipy.stats import qmc
from sklearn.utils import check_random_state

# Rows of a Sobol' sequence alternate between halves of the cube, so a fixed stride
# through them would be a biased draw. Shuffling within short blocks removes that and
# keeps every long run of rows balanced.
_SHUFFLE_BLOCK = 64
# The direction numbers that scipy ships end here.
_MAX_SOBOL_DIM = qmc.Sobol.MAXDIM


def make_rng(
    random_state: int | np.random.RandomState | None,
) -> np.random.Generator:
    """Return a private numpy generator for a scikit-learn `random_state`.

    Parameters
    ----------
    random_state : int, RandomState instance or None
        An int repeats, None draws anew, a RandomState is advanced by one draw.

    Returns
    -------
    rng : numpy.random.Generator
        A generator that nobody else holds.
    """
    if random_state is None:
        return np.random.default_rng()
    return np.random.default_rng(draw_seed(check_random_state(random_state)))


def draw_seed(rng: np.random.Generator | np.random.RandomState) -> int:
    """Draw a seed that torch, numpy and scipy all accept."""
    draw = rng.integers if isinstance(rng, np.random.Generator) else rng.randint
    return int(draw(np.iinfo(np.int32).max))


@contextmanager
def forked_torch_seed(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch inside the block and give the global generators back unchanged."""
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(seed)
        yield


def balanced_normal(
    n_samples: int, n_features: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw standard normal rows that cover the law more evenly than chance.

    Each row is exactly standard normal; together the rows form a scrambled Sobol'
    sequence (Owen 1998), shuffled within short blocks. Averages over the rows, and
    what a smooth map makes of them, have a smaller error than over independent rows.
    Beyond the dimensions that scipy tabulates the further columns are independent.

    Parameters
    ----------
    n_samples, n_features : int
        Shape of the result; the first columns are the most evenly covered.
    rng : numpy.random.Generator
        Source of the scrambling.

    Returns
    -------
    Z : ndarray of shape (n_samples, n_features)
        Standard normal rows, float64.
    """
    n_sobol = min(n_features, _MAX_SOBOL_DIM)
    if n_samples == 0 or n_sobol == 0:
        return rng.standard_normal((n_samples, n_features))
    # A power of two keeps the sequence balanced; the surplus rows are dropped.
    n_bits = max(int(np.ceil(np.log2(n_samples))), 0)
    cube = qmc.Sobol(n_sobol, rng=rng).random_base2(n_bits)
    for start in range(0, len(cube), _SHUFFLE_BLOCK):
        rng.shuffle(cube[start : start + _SHUFFLE_BLOCK], axis=0)
    # The scrambled points are multiples of 2^-30 and may hit 0.
    normal = ndtri(np.clip(cube[:n_samples], 2.0**-31, 1 - 2.0**-31))
    rest = rng.standard_normal((n_samples, n_features - n_sobol))
    return np.hstack([normal, rest])
