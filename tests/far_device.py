"""A device that is not there, on which tensors of the CPU pretend to be.

As on a GPU, an operation on a tensor there and one on the CPU fails, unless the latter
is a single number; and numpy cannot read what is there. The name of the device is one
that torch knows and that needs no driver.
"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

DEVICE = "lazy"
_MOVES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
# Tensors may be indexed by tensors on the CPU.
_INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_")


class FarTensor(torch.Tensor):
    """Wraps a tensor of the CPU."""

    @staticmethod
    def __new__(cls, near):
        self = torch.Tensor._make_wrapper_subclass(
            cls,
            near.shape,
            strides=near.stride(),
            storage_offset=near.storage_offset(),
            dtype=near.dtype,
            device=torch.device(DEVICE, 0),
        )
        self.near = near
        return self

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


class FarDevice(TorchDispatchMode):
    """Makes the device usable inside a ``with`` block."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return _run(operation, args, kwargs or {})


def _run(operation, args, kwargs):
    tensors = []

    def bring(value):
        if isinstance(value, torch.Tensor):
            tensors.append(value)
        return value.near if isinstance(value, FarTensor) else value

    near_args, near_kwargs = tree_map(bring, (args, kwargs))
    far = [tensor for tensor in tensors if isinstance(tensor, FarTensor)]
    _check_together(operation, tensors, far)
    goes_far = bool(far)
    if kwargs.get("device") is not None:
        goes_far = torch.device(kwargs["device"]).type == DEVICE
        near_kwargs["device"] = "cpu"
    found = operation(*near_args, **near_kwargs)
    # Operations in place return their first argument.
    known = {id(tensor.near): tensor for tensor in far}

    def send(value):
        if not isinstance(value, torch.Tensor) or not goes_far:
            return value
        return known[id(value)] if id(value) in known else FarTensor(value)

    return tree_map(send, found)


def _check_together(operation, tensors, far):
    name = operation.__name__.split(".")[0]
    if not far or operation in _MOVES or name in _INDEXING:
        return
    apart = [t for t in tensors if not isinstance(t, FarTensor) and t.dim() > 0]
    if apart:
        shapes = [tuple(tensor.shape) for tensor in apart]
        raise RuntimeError(f"{name} meets tensors on the CPU, of shapes {shapes}.")
