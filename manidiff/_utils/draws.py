"""Seeded draws from any object with a method `sample`."""

from collections.abc import Callable
from copy import copy
from inspect import Parameter, signature
from typing import Any

import numpy as np


def accepts(function: Callable, name: str) -> bool:
    """Return whether a function takes an argument of that name."""
    parameters = signature(function).parameters
    if name in parameters:
        return True
    return any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())


def check_can_sample(estimator: Any) -> None:
    """Raise if there is nothing to draw with."""
    if not callable(getattr(estimator, "sample", None)):
        raise TypeError(
            f"{estimator!r} has no method sample(n_samples), so it cannot be measured "
            "by what it draws. Pass an estimator that has one."
        )


def draw_rows(estimator: Any, n_samples: int, seed: int) -> np.ndarray:
    """Return n_samples rows of a fitted estimator, the same for the same int seed."""
    check_can_sample(estimator)
    if accepts(estimator.sample, "random_state"):
        drawn = estimator.sample(n_samples, random_state=seed)
    else:
        drawn = _with_random_state(estimator, seed).sample(n_samples)
    # GaussianMixture returns the components beside the rows.
    return drawn[0] if isinstance(drawn, tuple) else drawn


def _with_random_state(estimator: Any, seed: int) -> Any:
    """Return the estimator with another `random_state`, or itself if it has none."""
    if "random_state" not in getattr(estimator, "get_params", dict)():
        return estimator
    # What was fitted is shared with the copy, the parameters are not.
    return copy(estimator).set_params(random_state=seed)
