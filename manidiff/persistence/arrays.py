"""Arrays and tensors as plain arrays under a name, and back, with their layout.

The order in which the axes lie in memory is kept: sums run along it, so that results
are the same to the last bit only where it is the same.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from manidiff.persistence.errors import MalformedError, require

# What safetensors and numpy both hold.
DTYPES = {
    *("bool", "int8", "int16", "int32", "int64"),
    *("uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64"),
}
# Labels and column names.
_LABEL_TYPES = (str, int, float, bool)
# An array of text is as wide as its longest item. Characters that it may have, and how
# many times those of its items: more would let a small file fill the memory.
_FREE_CHARACTERS = 2**20
_PADDING = 16


def is_plain(array: np.ndarray) -> bool:
    """Return whether an array holds numbers of a kind that files hold."""
    return array.dtype.name in DTYPES


def take_array(array: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a C-contiguous array and what is needed to give the array back."""
    order = sorted(range(array.ndim), key=lambda axis: -array.strides[axis])
    if array.flags.c_contiguous or not array.transpose(order).flags.c_contiguous:
        return np.ascontiguousarray(array).reshape(array.shape), {}
    return array.transpose(order), {"order": order}


def give_array(stored: np.ndarray, note: dict[str, Any]) -> np.ndarray:
    """Return the array that `take_array` was given."""
    order = note.get("order")
    if order is None:
        return stored
    require(sorted(order) == list(range(stored.ndim)), "the axes of an array are wrong")
    return stored.transpose(np.argsort(order))


def take_tensor(tensor: Tensor) -> tuple[np.ndarray, dict[str, Any]]:
    """Return a C-contiguous array and what is needed to give the tensor back."""
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        stored, note = take_tensor(tensor.view(torch.int16))
        return stored, {**note, "dtype": "bfloat16"}
    array = tensor.numpy()
    require(is_plain(array), f"tensors of {tensor.dtype} cannot be saved")
    return take_array(array)


def give_tensor(stored: np.ndarray, note: dict[str, Any]) -> Tensor:
    """Return the tensor that `take_tensor` was given, on the CPU."""
    if not stored.flags.writeable:
        # joblib hands its workers arrays like that; tensors are always writable.
        stored = stored.copy()
    tensor = torch.from_numpy(give_array(stored, note))
    dtype = note.get("dtype")
    if dtype is None:
        return tensor
    require(dtype == "bfloat16", f"tensors of {dtype!r} are unknown")
    return tensor.view(torch.bfloat16)


def take_labels(array: np.ndarray) -> dict[str, Any]:
    """Return text or mixed labels (any shape) as what JSON can hold."""
    items = array.ravel().tolist()
    for item in items:
        if type(item) not in _LABEL_TYPES:
            raise MalformedError(
                f"labels of type {type(item).__name__} cannot be saved"
            )
    kind = "object" if array.dtype == object else "str"
    if kind == "str":
        _check_width(items)
    return {"dtype": kind, "shape": list(array.shape), "items": items}


def give_labels(note: dict[str, Any]) -> np.ndarray:
    """Return the array that `take_labels` was given."""
    dtype, items = note["dtype"], note["items"]
    require(dtype in ("object", "str"), f"labels of {dtype!r} are unknown")
    require(
        all(type(item) in _LABEL_TYPES for item in items),
        "a label is neither text nor number",
    )
    if dtype == "str":
        require(all(isinstance(item, str) for item in items), "a label is not text")
        _check_width(items)
    return np.array(items, dtype=object if dtype == "object" else str).reshape(
        note["shape"]
    )


def _check_width(items: list[str]) -> None:
    """Raise if an array of the items is mostly padding, and large."""
    lengths = [len(item) for item in items]
    n_characters = len(items) * max(lengths, default=0)
    require(
        n_characters <= _FREE_CHARACTERS + _PADDING * sum(lengths),
        f"one of {len(items)} labels is far longer than the others",
    )
