"""States of generators of random numbers, which numpy takes without a look.

One that points outside the numbers it draws from reads other memory, or none.
"""

import math
from typing import Any

import numpy as np

from manidiff.persistence.errors import require

_N_KEYS = 624


def take_random_state(generator: np.random.RandomState) -> Any:
    """Return the state of a Mersenne twister."""
    # In the new form, as the old one warns of other generators.
    kind = generator.get_state(legacy=False)["bit_generator"]
    require(kind == "MT19937", f"states of {kind} cannot be saved")
    return generator.get_state()


def give_random_state(state: Any) -> np.random.RandomState:
    """Return the generator that `take_random_state` was given."""
    kind, keys, position, has_normal, normal = state
    require(kind == "MT19937", f"random states of {kind!r} are unknown")
    require(
        isinstance(keys, np.ndarray)
        and keys.dtype == np.uint32
        and keys.shape == (_N_KEYS,),
        f"a random state has no {_N_KEYS} keys of uint32",
    )
    require(
        type(position) is int and 0 <= position <= _N_KEYS,
        f"the position of a random state is {position!r}, not 0 to {_N_KEYS}",
    )
    require(
        type(has_normal) is int and has_normal in (0, 1),
        f"the count of normal numbers in a random state is {has_normal!r}, not 0 or 1",
    )
    require(
        type(normal) is float and math.isfinite(normal),
        f"the normal number of a random state is {normal!r}, not finite",
    )
    found = np.random.RandomState()
    found.set_state(state)
    return found
