"""Values as what JSON can hold plus named arrays, and back.

Plain values stand for themselves; whatever JSON has no word for is an object with a
`kind`. Objects of the package are held by their class and attributes.
"""

import math
import os
from functools import singledispatchmethod
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import nn

from manidiff._training import Net
from manidiff.persistence import arrays
from manidiff.persistence.classes import SAVED
from manidiff.persistence.errors import MalformedError, require
from manidiff.persistence.fields import Sizes, check_fields
from manidiff.persistence.generators import give_random_state, take_random_state
from manidiff.persistence.networks import give_network, take_network

_SAVED_BY_CLASS = {saved.cls: saved for saved in SAVED}
_SAVED_BY_NAME = {saved.cls.__name__: saved for saved in SAVED}
_SPECIAL_FLOATS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


class Encoder:
    """Turns values into what JSON can hold, and collects their arrays.

    Attributes
    ----------
    arrays : dict of ndarrays
        C-contiguous, by the dotted path of the attribute that holds each.
    sizes : Sizes
        What the attributes say of rows, columns and so on.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.sizes = Sizes()

    @singledispatchmethod
    def encode(self, value: Any, where: str) -> Any:
        """Return what JSON can hold in place of the value of the attribute `where`.

        Raises
        ------
        MalformedError
            If files cannot hold it.
        """
        saved = _SAVED_BY_CLASS.get(type(value))
        if saved is None:
            raise MalformedError(
                f"{where} holds {type(value).__module__}.{type(value).__qualname__}, "
                "which is neither data nor a class that files may hold"
            )
        state = saved.take(value)
        check_fields(saved.fields, state, where, self.sizes)
        return {
            "kind": "object",
            "class": saved.cls.__name__,
            "state": self.encode_attributes(state, where),
        }

    def encode_attributes(self, state: dict[str, Any], where: str) -> dict[str, Any]:
        """Return attributes, each encoded."""
        return {
            name: self.encode(value, f"{where}.{name}".lstrip("."))
            for name, value in state.items()
        }

    @encode.register
    def _(self, value: bool | int | str | None, where: str) -> Any:
        return value

    @encode.register
    def _(self, value: float, where: str) -> Any:
        if math.isfinite(value):
            return value
        return {"kind": "float", "value": str(value)}

    @encode.register
    def _(self, value: list, where: str) -> Any:
        return self._items(value, where)

    @encode.register
    def _(self, value: tuple, where: str) -> Any:
        return {"kind": "tuple", "items": self._items(value, where)}

    @encode.register
    def _(self, value: dict, where: str) -> Any:
        items = [
            [self.encode(key, where), self.encode(one, f"{where}.{key}")]
            for key, one in value.items()
        ]
        return {"kind": "dict", "items": items}

    @encode.register
    def _(self, value: np.ndarray, where: str) -> Any:
        if not arrays.is_plain(value):
            return {"kind": "labels", **arrays.take_labels(value)}
        stored, note = arrays.take_array(value)
        return {"kind": "array", "name": self._store(stored, where), **note}

    @encode.register
    def _(self, value: np.generic, where: str) -> Any:
        require(
            arrays.is_plain(np.asarray(value)),
            f"{where} is a number of {value.dtype}, which files cannot hold",
        )
        number = self.encode(value.item(), where)
        return {"kind": "scalar", "dtype": value.dtype.name, "value": number}

    @encode.register
    def _(self, value: torch.Tensor, where: str) -> Any:
        stored, note = arrays.take_tensor(value)
        return {"kind": "tensor", "name": self._store(stored, where), **note}

    @encode.register
    def _(self, value: torch.device, where: str) -> Any:
        return {"kind": "device", "value": str(value)}

    @encode.register
    def _(self, value: np.random.RandomState, where: str) -> Any:
        state = self.encode(take_random_state(value), where)
        return {"kind": "random_state", "state": state}

    @encode.register
    def _(self, value: PathLike, where: str) -> Any:
        # As text, which serves as a path everywhere.
        return self.encode(os.fspath(value), where)

    @encode.register
    def _(self, value: Net, where: str) -> Any:
        return {"kind": "network", **self.encode_attributes(take_network(value), where)}

    def _items(self, values: Any, where: str) -> list[Any]:
        return [self.encode(one, f"{where}.{i}") for i, one in enumerate(values)]

    def _store(self, array: np.ndarray, where: str) -> str:
        require(where not in self.arrays, f"two arrays are named {where}")
        self.arrays[where] = array
        return where


def encode_parameters(parameters: dict[str, Any], encoder: Encoder) -> dict[str, Any]:
    """Return the parameters of an estimator, those that are code by their name only."""
    return {
        name: _encode_parameter(name, value, encoder)
        for name, value in parameters.items()
    }


def _encode_parameter(name: str, value: Any, encoder: Encoder) -> Any:
    before = dict(encoder.arrays)
    try:
        return encoder.encode(value, name)
    except MalformedError:
        encoder.arrays = before
        return {"kind": "code", "name": _name_of(value)}


def _name_of(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_name_of, value))}]"
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


class Decoder:
    """Turns what an `Encoder` returned back into the values.

    Parameters
    ----------
    stored : dict of ndarrays
        The arrays of the encoder.

    Attributes
    ----------
    network : nn.Module or None
        Gets the weights; None for the network of the package.
    sizes : Sizes
        What the attributes say of rows, columns and so on.
    """

    def __init__(self, stored: dict[str, np.ndarray]) -> None:
        self.network: nn.Module | None = None
        self.sizes = Sizes()
        self._stored = dict(stored)

    def decode(self, node: Any) -> Any:
        """Return the value that was encoded.

        Raises
        ------
        Exception
            Of any class, if nothing was encoded like that.
        """
        if node is None or isinstance(node, (bool, int, float, str)):
            return node
        if isinstance(node, list):
            return [self.decode(one) for one in node]
        require(
            node["kind"] in _DECODERS, f"values of kind {node['kind']!r} are unknown"
        )
        return _DECODERS[node["kind"]](self, node)

    def decode_attributes(self, nodes: Any) -> dict[str, Any]:
        """Return attributes, each decoded."""
        require(isinstance(nodes, dict), "attributes are no object of JSON")
        return {name: self.decode(node) for name, node in nodes.items()}

    def check_nothing_is_left(self) -> None:
        """Raise unless every array was asked for."""
        require(not self._stored, f"arrays belong to nothing: {[*self._stored][:5]}")

    def _float(self, node: Any) -> float:
        return _SPECIAL_FLOATS[node["value"]]

    def _tuple(self, node: Any) -> tuple[Any, ...]:
        return tuple(self.decode(node["items"]))

    def _dict(self, node: Any) -> dict[Any, Any]:
        found = {self.decode(key): self.decode(one) for key, one in node["items"]}
        require(len(found) == len(node["items"]), "a dict repeats a key")
        return found

    def _array(self, node: Any) -> np.ndarray:
        return arrays.give_array(self._stored.pop(node["name"]), node)

    def _tensor(self, node: Any) -> torch.Tensor:
        return arrays.give_tensor(self._stored.pop(node["name"]), node)

    def _labels(self, node: Any) -> np.ndarray:
        return arrays.give_labels(node)

    def _scalar(self, node: Any) -> np.generic:
        dtype = node["dtype"]
        require(dtype in arrays.DTYPES, f"numbers of {dtype!r} are unknown")
        number = np.array(self.decode(node["value"]), dtype=dtype)
        require(number.ndim == 0, "a number is no number")
        return number.dtype.type(number)

    def _device(self, node: Any) -> torch.device:
        return torch.device(node["value"])

    def _random_state(self, node: Any) -> np.random.RandomState:
        return give_random_state(self.decode(node["state"]))

    def _network(self, node: Any) -> Net:
        state = {name: self.decode(node[name]) for name in ("arguments", "weights")}
        return give_network(state, self.network)

    def _object(self, node: Any) -> Any:
        name = node["class"]
        require(name in _SAVED_BY_NAME, f"the class {name!r} is unknown")
        saved = _SAVED_BY_NAME[name]
        state = self.decode_attributes(node["state"])
        check_fields(saved.fields, state, name, self.sizes)
        require(state.keys() <= saved.fields.keys(), f"{name} has unknown attributes")
        return saved.make(state)


_DECODERS = {
    "array": Decoder._array,
    "device": Decoder._device,
    "dict": Decoder._dict,
    "float": Decoder._float,
    "labels": Decoder._labels,
    "network": Decoder._network,
    "object": Decoder._object,
    "random_state": Decoder._random_state,
    "scalar": Decoder._scalar,
    "tensor": Decoder._tensor,
    "tuple": Decoder._tuple,
}
