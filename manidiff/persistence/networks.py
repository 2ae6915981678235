"""Trained networks as their weights, and back."""

import copy
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from manidiff._training import Net, net_around
from manidiff.nets import CrossFitted, ResidualMLP
from manidiff.persistence.errors import MalformedError, require

# What a pair of networks has beside their weights.
_IN_PAIRS = {"centers", "log_sizes", "width", "variances"}


def take_network(net: Net) -> dict[str, Any]:
    """Return the weights of a net, and the arguments of a `ResidualMLP`.

    Of a pair of networks, `CrossFitted`, they are those of the first, as of the other.
    """
    network = net.module_
    weights = dict(network.state_dict())
    for name, weight in weights.items():
        if not isinstance(weight, Tensor):
            raise MalformedError(
                f"the extra state {name!r} of {type(network).__name__} is no tensor"
            )
    return {"arguments": arguments_of(network), "weights": weights}


def give_network(state: Mapping[str, Any], network: nn.Module | None) -> Net:
    """Return the net that `take_network` was given.

    Parameters
    ----------
    state : dict
        What it returned.
    network : nn.Module or None
        What gets the weights, or each half of a pair does; None for a `ResidualMLP`.
    """
    weights = state["weights"]
    require(
        isinstance(weights, dict)
        and all(isinstance(weight, Tensor) for weight in weights.values()),
        "its weights are no tensors",
    )
    # One that is made without memory has nothing to copy the weights into.
    is_bare = network is None
    if network is None:
        network = _residual_mlp(state["arguments"], weights)
    if _IN_PAIRS <= weights.keys():
        network = _paired(network, weights)
    _check_alike(network.state_dict(), weights)
    network.load_state_dict(weights, assign=is_bare)
    return net_around(network.eval())


def arguments_of(network: Any) -> dict[str, int] | None:
    """Return what a `ResidualMLP`, or each of a pair, is made with; else None."""
    if type(network) is CrossFitted:
        return arguments_of(network.networks[0])
    if type(network) is not ResidualMLP:
        return None
    n_told: Any = network.embed[0].in_features
    arguments = {
        "n_features": network.enter.in_features,
        "n_conditions": n_told - 2 * len(network.noise.frequencies),
        "width": network.enter.out_features,
        "depth": len(network.blocks),
    }
    # A layer keeps the number it was made with, which may be one of numpy.
    return {name: int(one) for name, one in arguments.items()}


def _residual_mlp(arguments: Any, weights: Mapping[str, Tensor]) -> nn.Module:
    require(
        isinstance(arguments, dict) and all(map(_is_count, arguments.values())),
        "the arguments of its network are no integers",
    )
    arguments = {name: int(one) for name, one in arguments.items()}
    # Each block has weights, so this bounds what a false depth can cost.
    require(
        arguments["depth"] <= len(weights), "its network is deeper than its weights"
    )
    with torch.device("meta"):
        return ResidualMLP(**arguments)


def _paired(network: nn.Module, weights: Mapping[str, Tensor]) -> CrossFitted:
    """Return a pair of networks and of places, to be given its weights."""
    n_groups, rank = weights["centers"].shape
    like = weights["variances"]
    require(0 < n_groups and n_groups % 2 == 0, "its groups are not two halves")
    pair = CrossFitted(network, copy.deepcopy(network), torch.ones_like(like))
    pair.place(like.new_zeros(n_groups, rank), like.new_ones(n_groups), 1.0)
    return pair


def _is_count(value: Any) -> bool:
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return is_integer and value >= 0


def _check_alike(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    require(
        list(expected) == list(weights),
        "its weights have other names than those of the network: "
        f"{sorted(set(expected) ^ set(weights))[:5]}",
    )
    for name, weight in weights.items():
        like = expected[name]
        require(
            weight.shape == like.shape and weight.dtype == like.dtype,
            f"the weight {name!r} is {weight.dtype} {tuple(weight.shape)} where the "
            f"network has {like.dtype} {tuple(like.shape)}",
        )
