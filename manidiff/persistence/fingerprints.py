"""What a fit is made of, in words short enough to be kept, sent and compared."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from manidiff.persistence.values import Encoder, encode_parameters

# Parameters with which training is the same: how it is watched, and what stands in a
# fingerprint in a form of its own.
_NOT_COMPARED = {"callbacks", "checkpoint", "device", "random_state", "verbose"}


def fingerprint(
    estimator: Any,
    arrays: Mapping[str, np.ndarray | None],
    rng: np.random.Generator,
) -> dict[str, str]:
    """Return what tells a fit from another one: parameters, arrays, device, chance.

    Parameters
    ----------
    estimator : estimator
        Its parameters count. Of code counts what can be compared: the name of a
        function or class, what a `functools.partial` is made of, the weights and plain
        attributes of a network.
    arrays : dict of arrays
        What it is trained on.
    rng : numpy.random.Generator
        What the rest of the fit will draw from.
    """
    parameters = {
        name: json.dumps(_described(name, value))
        for name, value in estimator.get_params(deep=False).items()
        if name not in _NOT_COMPARED
    }
    return {
        **parameters,
        **{name: _digest(array) for name, array in arrays.items()},
        "device": estimator.device_,
        "random_state": repr(rng.bit_generator.state),
    }


def digest_of_weights(weights: Mapping[str, Any]) -> str:
    """Return a digest of what the `state_dict` of a network holds."""
    digest = hashlib.sha256()
    for name, weight in weights.items():
        digest.update(name.encode())
        if isinstance(weight, torch.Tensor):
            # As bytes, which every dtype has.
            flat = weight.detach().cpu().contiguous().flatten().view(torch.uint8)
            digest.update(_digest(flat.numpy()).encode())
    return digest.hexdigest()


def _described(name: str, value: Any) -> Any:
    """Return what JSON can hold and no other parameter shares."""
    if isinstance(value, partial):
        parts = [value.func, *value.args, *sorted(value.keywords.items())]
        return {"partial": [_described(name, one) for one in parts]}
    if isinstance(value, tuple):
        return {"tuple": [_described(name, one) for one in value]}
    encoder = Encoder()
    node = encode_parameters({name: value}, encoder)[name]
    if isinstance(value, nn.Module):
        return [node, digest_of_weights(value.state_dict()), _settings(value)]
    digests = [_digest(array) for array in encoder.arrays.values()]
    return [node, *digests] if digests else node


def _settings(network: nn.Module) -> dict[str, Any]:
    """Return the plain attributes of a network and its parts, such as rates."""
    return {
        f"{place}.{name}": value
        for place, part in network.named_modules()
        for name, value in vars(part).items()
        # Training sets it in any case.
        if isinstance(value, bool | int | float | str) and name != "training"
    }


def _digest(array: np.ndarray | None) -> str:
    if array is None:
        return "none"
    array = np.ascontiguousarray(array)
    shape = f"{array.dtype} {array.shape} ".encode()
    return hashlib.sha256(shape + array.tobytes()).hexdigest()
