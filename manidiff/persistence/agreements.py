"""Attributes that come together: of each pair both hold, or neither."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from manidiff.nets import CrossFitted
from manidiff.persistence.errors import require


@dataclass(frozen=True)
class Fact:
    """What may hold of an attribute; of a missing one as of None."""

    name: str
    holds: Callable[[Any], bool]


def _there(name: str) -> Fact:
    return Fact(name, lambda value: value is not None)


def _equal(name: str, wanted: str) -> Fact:
    return Fact(name, lambda value: bool(value == wanted))


_TOGETHER = [
    (_there("surface_"), _equal("final_step_", "local_polynomial")),
    (_there("_last_layer"), _equal("final_step_", "least_squares")),
    (_there("_cuts"), _there("_condensing_levels")),
    (_there("_row_conditions"), _there("conditions_")),
    (
        Fact("net_", lambda net: isinstance(net.module_, CrossFitted)),
        _equal("training_law_", "cross_fitted"),
    ),
]


def check_agreements(state: Mapping[str, Any], names: Container[str]) -> None:
    """Raise unless the attributes of an estimator, each checked, go together.

    Parameters
    ----------
    state : dict
        The attributes.
    names : container of str
        Those that an estimator of the class may have.
    """
    for first, second in _TOGETHER:
        if first.name in names and second.name in names:
            require(
                first.holds(state.get(first.name))
                == second.holds(state.get(second.name)),
                f"{first.name} and {second.name} do not belong together",
            )
