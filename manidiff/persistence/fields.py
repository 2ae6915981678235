"""What attributes may hold: types, ranges, and shapes that agree with each other.

A check is called with a value, the name of its attribute and the sizes found so far;
it raises `MalformedError`, or returns. The same checks guard writing and reading, so
what was written can be read, and what was tampered with is no estimator.
"""

import re
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
import torch

from manidiff.persistence.errors import require

# Of everything else there is at least one.
_MAY_BE_0 = {"axes", "condensing levels", "conditions"}
# Libraries take no larger integers.
_MAX_INT = 2**63 - 1
# What rounding leaves of shares that sum to 1, and of axes at right angles.
_ROUNDING = 1e-6


class Sizes:
    """Sizes with names, such as "columns", each the same all over a file."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def agree(self, name: str, size: int, where: str) -> None:
        """Note the size with a name, or check that it is the one noted before."""
        known = self._known.setdefault(name, size)
        require(known == size, f"{where} has the size {size} where others have {known}")
        require(size > 0 or name in _MAY_BE_0, f"{where} holds no {name}")

    def bound(self, name: str, size: int, where: str) -> None:
        """Check that a size is at most the one with a name, noted before."""
        known = self._known[name]
        require(size <= known, f"{where} is {size}, but there are {known} {name}")


Check = Callable[[Any, str, Sizes], None]


def check_fields(
    fields: Mapping[str, Check], state: Mapping[str, Any], where: str, sizes: Sizes
) -> None:
    """Check the attributes of an object: that all are there, and what each holds."""
    for name, check in fields.items():
        place = f"{where}.{name}".lstrip(".")
        if name in state:
            check(state[name], place, sizes)
        else:
            require(getattr(check, "may_be_absent", False), f"{place} is missing")


def absent_or(check: Check) -> Check:
    """Return the check of an attribute that need not be there."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        check(value, where, sizes)

    checked.may_be_absent = True  # type: ignore[attr-defined]
    return checked


def none_or(check: Check) -> Check:
    """Return the check of an attribute that may be None."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        if value is not None:
            check(value, where, sizes)

    return checked


def one_of(*values: Any) -> Check:
    """Return the check of an attribute that is one of a few values."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        allowed = any(type(value) is type(one) and value == one for one in values)
        require(allowed, f"{where} is not one of {values}")

    return checked


def instance(*types: type) -> Check:
    """Return the check of an attribute by its class."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        allowed = " or ".join(one.__name__ for one in types)
        require(isinstance(value, types), f"{where} is no {allowed}")

    return checked


def number(low: float, high: float = np.inf, *, above: bool = False) -> Check:
    """Return the check of a float in a closed range, or one open below."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        # Integers are not limited as floats are.
        require(isinstance(value, float), f"{where} is no float")
        enough = value > low if above else value >= low
        require(enough and value <= high, f"{where} is {value!r}")

    return checked


def whole(low: int, high: int = _MAX_INT) -> Check:
    """Return the check of an integer in a closed range."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        is_int = isinstance(value, Integral) and not isinstance(value, bool)
        require(is_int, f"{where} is no integer")
        require(low <= value <= high, f"{where} is {value!r}")

    return checked


def size(name: str) -> Check:
    """Return the check of an integer that is the size with a name."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        whole(0)(value, where, sizes)
        sizes.agree(name, int(value), where)

    return checked


def at_most(name: str) -> Check:
    """Return the check of a positive integer that the size with a name bounds."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        whole(1)(value, where, sizes)
        sizes.bound(name, int(value), where)

    return checked


def sizes_of(*symbols: str) -> Check:
    """Return the check of a tuple of sizes."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        is_fit = isinstance(value, tuple) and len(value) == len(symbols)
        require(is_fit, f"{where} is no tuple of {len(symbols)}")
        for name, one in zip(symbols, value, strict=True):
            size(name)(one, where, sizes)

    return checked


def array(
    *shape: str, low: float = -np.inf, high: float = np.inf, above: bool = False
) -> Check:
    """Return the check of a float64 array of named sizes, finite and within a range.

    The range is closed, or open below.
    """

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        require(isinstance(value, np.ndarray), f"{where} is no array")
        require(value.dtype == np.float64, f"{where} is of {value.dtype}")
        _check_shape(value, shape, where, sizes)
        require(np.isfinite(value).all(), f"{where} is not finite")
        require((value >= low).all(), f"{where} has entries below {low}")
        require(not above or (value > low).all(), f"{where} has entries of {low}")
        require((value <= high).all(), f"{where} has entries above {high}")

    return checked


def tensor(*shape: str, **limits: Any) -> Check:
    """Return the check of a float64 tensor, as `array` does of an array."""
    as_array = array(*shape, **limits)

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        require(isinstance(value, torch.Tensor), f"{where} is no tensor")
        require(value.dtype == torch.float64, f"{where} is of {value.dtype}")
        as_array(value.detach().cpu().numpy(), where, sizes)

    return checked


def shares(length: str, *, above: bool = False) -> Check:
    """Return the check of an array (length,) of shares >= 0, or > 0, of sum 1."""
    within = array(length, low=0, above=above)

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        within(value, where, sizes)
        require(abs(value.sum() - 1) < _ROUNDING, f"{where} does not sum to 1")

    return checked


def right_angled(*shape: str) -> Check:
    """Return the check of a tensor of columns of length 1 at right angles."""
    unit = tensor(*shape)

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        unit(value, where, sizes)
        off = value.mT @ value - torch.eye(value.shape[1], dtype=value.dtype).to(value)
        require(off.abs().max() < _ROUNDING, f"{where} are no axes at right angles")

    return checked


def names(length: str) -> Check:
    """Return the check of an array (length,) of text."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        require(isinstance(value, np.ndarray), f"{where} is no array")
        _check_shape(value, (length,), where, sizes)
        is_text = all(isinstance(name, str) for name in value.tolist())
        require(is_text, f"{where} is not all text")

    return checked


def ascending(length: str) -> Check:
    """Return the check of an array (length,) of different labels in their order."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        require(isinstance(value, np.ndarray), f"{where} is no array")
        _check_shape(value, (length,), where, sizes)
        in_order = bool((value[:-1] < value[1:]).all())
        require(in_order, f"{where} is not in order")

    return checked


def records(**fields: Check) -> Check:
    """Return the check of a list of dicts, each with some entries among others."""

    def checked(value: Any, where: str, sizes: Sizes) -> None:
        is_fit = isinstance(value, list) and all(isinstance(one, dict) for one in value)
        require(is_fit, f"{where} is no list of dicts")
        for i, record in enumerate(value):
            check_fields(fields, record, f"{where}.{i}", sizes)

    return checked


def device_name(value: Any, where: str, sizes: Sizes) -> None:
    """Check the name of a device that can hold numbers."""
    is_fit = isinstance(value, str) and re.fullmatch(
        r"(cpu|cuda|mps|xpu)(:\d+)?", value
    )
    require(is_fit, f"{where} names no device")


def _check_shape(
    value: np.ndarray, shape: tuple[str, ...], where: str, sizes: Sizes
) -> None:
    require(value.ndim == len(shape), f"{where} has {value.ndim} axes")
    for name, length in zip(shape, value.shape, strict=True):
        sizes.agree(name, length, where)
