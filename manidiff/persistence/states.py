"""Attributes of an estimator as data, for what pickles it and cannot pickle all."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from manidiff._training import Net
from manidiff.nets import ResidualMLP
from manidiff.persistence.classes import SAVED
from manidiff.persistence.values import Decoder, Encoder

_KEY = "_as_data"
_CLASSES = (Tensor, *(saved.cls for saved in SAVED))


def state_as_data(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes with tensors, and objects of the package, as plain data.

    Networks of other classes than the package's stay objects.
    """
    encoded = {name: value for name, value in state.items() if _is_encoded(value)}
    encoder = Encoder()
    nodes = encoder.encode_attributes(encoded, "")
    others = {name: value for name, value in state.items() if name not in encoded}
    return {**others, _KEY: {"nodes": nodes, "arrays": encoder.arrays}}


def state_from_data(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes that `state_as_data` was given, or those given here."""
    others = dict(state)
    data = others.pop(_KEY, {"nodes": {}, "arrays": {}})
    return {**others, **Decoder(data["arrays"]).decode_attributes(data["nodes"])}


def _is_encoded(value: Any) -> bool:
    if isinstance(value, Net):
        module: nn.Module = value.module_
        return type(module) is ResidualMLP
    return isinstance(value, _CLASSES)
