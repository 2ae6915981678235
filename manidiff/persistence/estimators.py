"""Fitted estimators as files, and back."""

import copy
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from typing import Any

from torch import nn

from manidiff.persistence.agreements import check_agreements
from manidiff.persistence.classes import ESTIMATOR_FIELDS, LARGEST
from manidiff.persistence.container import pack, unpack
from manidiff.persistence.errors import FileFormatError, MalformedError, require
from manidiff.persistence.fields import Sizes, check_fields
from manidiff.persistence.files import read_whole, write_atomically
from manidiff.persistence.values import Decoder, Encoder, encode_parameters

_KIND = "estimator"
# What watches fits is code, its contexts are over when a fit is, and what scikit-learn
# is to hand on to methods concerns what stands around the estimator.
_NOT_KEPT = ("_skl_callbacks", "_callback_fit_ctx", "_metadata_request")
_NETWORK = "net_"
_REMEDY = "Take it from a backup, or save the estimator again."


def write_estimator(estimator: Any, path: str | PathLike[str]) -> None:
    """Write a fitted estimator as the file at path, whole or not at all.

    Raises
    ------
    ValueError
        If the estimator holds what files cannot hold.
    """
    encoder = Encoder()
    try:
        content = _encode(estimator, encoder)
        parts = list(pack(_KIND, content, encoder.arrays))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{type(estimator).__name__} cannot be saved: {error}. Fit it again, take "
            "out what is not data, or keep it with joblib, whose files run code."
        ) from error
    write_atomically(path, parts)


def read_estimator(
    path: str | PathLike[str],
    classes: Mapping[str, type],
    parameters: Mapping[str, Any],
) -> Any:
    """Return the estimator that the file at path holds.

    Parameters
    ----------
    path : str or path-like
        The file.
    classes : dict of classes
        The estimators that files may hold, by their names.
    parameters : dict
        Values of the parameters that are code.

    Raises
    ------
    FileFormatError
        If the file is not one of manidiff, or not as it was written.
    ValueError
        If a parameter that is code is missing, or one is given that is not.
    ImportError
        If an optional package is missing that the estimator was fitted with.
    """
    content, stored = unpack(path, read_whole(path), _KIND)
    decoder = Decoder(stored)
    with _blamed_on(path):
        code = _code_of(content)
    _check_given(path, code, parameters)
    given = {name: parameters.get(name) for name in code}
    with _blamed_on(path):
        estimator = _decode_parameters(content, decoder, classes, given)
        state = _decode_data(content, decoder, estimator.conditional)
    # Only now, as its size is what the data says. Its errors are not the file's.
    decoder.network = _made(given.get("module"), state)
    with _blamed_on(path):
        state = _decode_network(content, decoder, state)
    # Falls back to the CPU where the device is missing.
    estimator.__setstate__({**vars(estimator), **state})
    return estimator


def _encode(estimator: Any, encoder: Encoder) -> dict[str, Any]:
    cls = type(estimator)
    require(
        cls.__name__ in ESTIMATOR_FIELDS and cls.__module__.startswith("manidiff."),
        f"{cls.__module__}.{cls.__qualname__} is not a class that files may hold",
    )
    estimator._validate_params()
    parameters = estimator.get_params(deep=False)
    state = {
        name: value
        for name, value in vars(estimator).items()
        if name not in parameters and name not in _NOT_KEPT
    }
    _check_names(state, cls.__name__)
    _check_data(state, cls.__name__, estimator.conditional, encoder.sizes)
    _check_network(state, cls.__name__, encoder.sizes)
    return {
        "class": cls.__name__,
        "parameters": encode_parameters(parameters, encoder),
        "state": encoder.encode_attributes(state, ""),
    }


def _check_names(state: Mapping[str, Any], name: str) -> None:
    unknown = sorted(state.keys() - ESTIMATOR_FIELDS[name].keys())
    require(not unknown, f"{unknown[:5]} are no attributes that fit sets")


def _check_data(
    state: Mapping[str, Any], name: str, conditional: bool, sizes: Sizes
) -> None:
    """Check what `fit` learned, but for the network."""
    require(
        conditional == ("conditions_" in state),
        f"conditional is {conditional!r}, which is not how it was fitted",
    )
    if not conditional:
        sizes.agree("conditions", 0, "a condition")
    check_fields(_without_network(ESTIMATOR_FIELDS[name]), state, "", sizes)
    level = state["sigma_max_"]
    require(
        max(state["sigma_min_"], state["sigma_c_"]) < level < LARGEST,
        "the noise levels are out of order",
    )


def _check_network(state: Mapping[str, Any], name: str, sizes: Sizes) -> None:
    """Check the network, if any, and that it belongs to the rest."""
    fields = ESTIMATOR_FIELDS[name]
    if _NETWORK in fields:
        check_fields({_NETWORK: fields[_NETWORK]}, state, "", sizes)
    check_agreements(state, fields)


def _without_network(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in attributes.items() if name != _NETWORK}


def _decode_parameters(
    content: Any, decoder: Decoder, classes: Mapping[str, type], given: dict[str, Any]
) -> Any:
    """Return an estimator with its parameters."""
    name = content["class"]
    require(name in classes, f"the estimator {name!r} is unknown")
    # Before anything is made of what they hold.
    _check_names(content["state"], name)
    known = {key: one for key, one in content["parameters"].items() if key not in given}
    estimator = classes[name](**decoder.decode_attributes(known), **given)
    estimator._validate_params()
    return estimator


def _decode_data(content: Any, decoder: Decoder, conditional: bool) -> dict[str, Any]:
    """Return what `fit` learned, but for the network."""
    nodes, name = content["state"], content["class"]
    state = decoder.decode_attributes(_without_network(nodes))
    _check_data(state, name, conditional, decoder.sizes)
    return state


def _decode_network(
    content: Any, decoder: Decoder, state: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all that `fit` learned, in the order of the file."""
    nodes, name = content["state"], content["class"]
    learned = {
        key: state[key] if key in state else decoder.decode(node)
        for key, node in nodes.items()
    }
    decoder.check_nothing_is_left()
    _check_network(learned, name, decoder.sizes)
    return learned


def _code_of(content: Any) -> dict[str, str]:
    """Return which parameters are code, and what they were."""
    return {
        name: str(node["name"])
        for name, node in content["parameters"].items()
        if isinstance(node, dict) and node["kind"] == "code"
    }


def _check_given(
    path: str | PathLike[str], code: dict[str, str], parameters: Mapping[str, Any]
) -> None:
    for name in parameters:
        if name not in code:
            raise ValueError(
                f"parameters has an entry {name!r}, but {str(path)!r} asks for "
                f"{sorted(code)}. Leave it out, and use set_params after loading."
            )
    missing = {name: one for name, one in code.items() if name not in parameters}
    if "module" in missing:
        raise ValueError(
            f"{str(path)!r} holds the weights of {missing['module']}, which is code, "
            "and files hold none. Pass the parameter module of the estimator that was "
            "saved: load(path, parameters={'module': ...})."
        )
    if missing:
        told = ", ".join(f"{name}={one}" for name, one in missing.items())
        warnings.warn(
            f"{str(path)!r} was saved with {told}: code, which files do not hold. None "
            "stands in its place; only a further fit would use it. Pass it in "
            "load(path, parameters={...}), or set it with set_params.",
            UserWarning,
            stacklevel=4,
        )


def _made(module: Any, state: Mapping[str, Any]) -> nn.Module | None:
    """Return the network that the parameter `module` of an estimator makes."""
    if module is None or isinstance(module, nn.Module):
        return copy.deepcopy(module)
    return module(*state["_network_shape"])


@contextmanager
def _blamed_on(path: str | PathLike[str]) -> Iterator[None]:
    """Raise a `FileFormatError` in place of whatever a false file makes fail."""
    try:
        yield
    except ImportError:
        # An optional package is missing, and the error says which.
        raise
    except Exception as error:
        raise _damaged(path, error) from error


def _damaged(path: str | PathLike[str], error: Exception) -> FileFormatError:
    problem = str(error) or type(error).__name__
    if not isinstance(error, MalformedError):
        problem = f"{type(error).__name__}: {problem}"
    return FileFormatError(path, f"what it holds is no estimator: {problem}", _REMEDY)
