"""The classes that files may hold, and what the attributes of each may be.

The only list of them: a class, or an attribute, that is not here is neither written nor
read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from manidiff._training import Net
from manidiff._utils.conditions import ConditionEncoder
from manidiff._utils.scaling import Scaling
from manidiff.diffusion.gaussian import Gaussian
from manidiff.geometry.moving_least_squares import MovingLeastSquares
from manidiff.nets import CrossFitted
from manidiff.persistence.errors import require
from manidiff.persistence.fields import (
    Check,
    Sizes,
    absent_or,
    array,
    ascending,
    at_most,
    device_name,
    instance,
    names,
    none_or,
    number,
    one_of,
    records,
    right_angled,
    shares,
    size,
    sizes_of,
    tensor,
    whole,
)
from manidiff.persistence.networks import arguments_of

# Squares of larger values overflow; `Scaling` lets none into the scaled space.
LARGEST = 1e150
_LENGTH = number(0, LARGEST, above=True)
_AT_LEAST_0 = number(0)
_IN_SCALED_SPACE: dict[str, Any] = {"low": -LARGEST, "high": LARGEST}
# Rounding makes entries of unit vectors as large.
_OF_UNIT_VECTORS: dict[str, Any] = {"low": -1 - 1e-6, "high": 1 + 1e-6}


@dataclass(frozen=True)
class Saved:
    """How the objects of a class are held: by the attributes that it is made from.

    Attributes
    ----------
    cls : type
        The class; its name stands in the file.
    fields : dict of checks
        Of its attributes.
    take : callable
        From an object to its attributes.
    make : callable
        From the attributes, checked, to an object.
    """

    cls: type
    fields: Mapping[str, Check]
    take: Callable[[Any], dict[str, Any]]
    make: Callable[[dict[str, Any]], Any]


def _with_attributes(cls: Any) -> Callable[[dict[str, Any]], Any]:
    def make(state: dict[str, Any]) -> Any:
        made = cls.__new__(cls)
        # Frozen dataclasses allow no assignment.
        vars(made).update(state)
        return made

    return make


def _take_surface(surface: MovingLeastSquares) -> dict[str, Any]:
    return {
        "rows": surface.rows,
        "dim": surface.dim,
        "degree": surface.degree,
        "n_neighbors": surface.n_neighbors,
        "approximate": surface._search._cells is not None,
    }


def _make_conditions(state: dict[str, Any]) -> ConditionEncoder:
    moments = {"mean_", "spread_"} & state.keys()
    require(
        len(moments) == (2 if state["classes_"] is None else 0),
        "labels have no mean, and targets have one",
    )
    return _with_attributes(ConditionEncoder)(state)


def _cuts(value: Any, where: str, sizes: Sizes) -> None:
    """Check the rounds in which a compact order was cut."""
    require(isinstance(value, np.ndarray), f"{where} is no array")
    require(value.dtype == np.int16, f"{where} is of {value.dtype}")
    require(value.ndim == 1, f"{where} has {value.ndim} axes")
    sizes.agree("rows", len(value), where)
    require(value[0] == 0 and (value >= 0).all(), f"{where} are no rounds")


def _condensing_levels(value: Any, where: str, sizes: Sizes) -> None:
    """Check noise levels with the rounds that serve from there on."""
    array("condensing levels", "levels and rounds", low=0)(value, where, sizes)
    sizes.agree("levels and rounds", 2, where)


def _trained(value: Any, where: str, sizes: Sizes) -> None:
    """Check that the weights of a network are numbers."""
    instance(Net)(value, where, sizes)
    for name, weight in value.module_.named_parameters():
        require(weight.isfinite().all(), f"{where}: the weight {name} is not finite")
    # What else a module keeps may be infinite, as masks are.
    for name, buffer in value.module_.named_buffers():
        require(not buffer.isnan().any(), f"{where}: {name} is no number")
    if isinstance(value.module_, CrossFitted):
        _check_places(value.module_, where, sizes)
    arguments = arguments_of(value.module_)
    if arguments is not None:
        sizes.agree("rank", arguments["n_features"], where)
        sizes.agree("conditions", arguments["n_conditions"], where)
        sizes.agree("features and bias", arguments["width"] + 1, where)


def _check_places(pair: CrossFitted, where: str, sizes: Sizes) -> None:
    """Check what a pair of networks knows of where its rows lay."""
    tensor("groups", "rank")(pair.centers.double(), f"{where}: centers", sizes)
    tensor("groups")(pair.log_sizes.double(), f"{where}: log_sizes", sizes)
    tensor("rank", low=0, above=True)(
        pair.variances.double(), f"{where}: variances", sizes
    )
    tensor(low=0)(pair.width.double(), f"{where}: width", sizes)


def _plain(cls: type, **fields: Check) -> Saved:
    """Return how a class is held whose attributes are all data."""
    return Saved(cls, fields, lambda one: dict(vars(one)), _with_attributes(cls))


SAVED = [
    _plain(
        Scaling,
        center=array("columns"),
        scale=array("columns", low=0, above=True),
    ),
    _plain(
        Gaussian,
        mean=tensor("columns", **_IN_SCALED_SPACE),
        axes=right_angled("columns", "rank"),
        variances=tensor("rank", low=0, above=True),
    ),
    Saved(
        ConditionEncoder,
        {
            "classes_": none_or(ascending("conditions")),
            "mean_": absent_or(array("conditions")),
            "spread_": absent_or(array("conditions", low=0, above=True)),
            "encoded_": array("distinct conditions", "conditions"),
            "probabilities_": shares("distinct conditions"),
            "n_conditions_": size("conditions"),
        },
        lambda conditions: dict(vars(conditions)),
        _make_conditions,
    ),
    Saved(
        MovingLeastSquares,
        {
            "rows": tensor("rows of the surface", "columns", **_IN_SCALED_SPACE),
            "dim": at_most("columns"),
            "degree": whole(1, 3),
            "n_neighbors": at_most("rows of the surface"),
            "approximate": one_of(True, False),
        },
        _take_surface,
        # The tree of the rows is grown again.
        lambda state: MovingLeastSquares(state.pop("rows").numpy(), **state),
    ),
]

_SHARED = {
    "_is_fitted": one_of(True),
    "_probe_seed": whole(0, np.iinfo(np.int32).max),
    "conditions_": absent_or(instance(ConditionEncoder)),
    "device_": device_name,
    "feature_names_in_": absent_or(names("columns")),
    "gaussian_": instance(Gaussian),
    "history_": records(),
    "n_features_in_": size("columns"),
    "nn_distance_": _LENGTH,
    "scaling_": instance(Scaling),
    "sigma_c_": _AT_LEAST_0,
    "sigma_max_": _LENGTH,
    "sigma_min_": _LENGTH,
}
_SURFACE = {
    "surface_": none_or(instance(MovingLeastSquares)),
    "surface_residual_": _AT_LEAST_0,
}
_FINAL_STEPS = ("none", "tweedie", "richardson", "least_squares", "local_polynomial")
_ROW_CONDITIONS = none_or(array("rows", "conditions"))

# By the names of the estimators, which stand to the right of this layer.
ESTIMATOR_FIELDS: Mapping[str, Mapping[str, Check]] = {
    "CoarseScoreDiffusion": {
        **_SHARED,
        **_SURFACE,
        "_last_layer": absent_or(none_or(tensor("features and bias", "rank"))),
        "_network_shape": sizes_of("rank", "conditions"),
        "_noise_variances": none_or(tensor("rank", low=0)),
        # Training that goes on counts from there.
        "history_": records(epoch=whole(1), n_iter=whole(1)),
        "max_iter_": absent_or(whole(1)),
        "final_step_": one_of(*_FINAL_STEPS),
        "net_": _trained,
        "training_law_": one_of("empirical", "local", "cross_fitted"),
    },
    "EmpiricalScoreDiffusion": {
        **_SHARED,
        "_condensing_levels": absent_or(none_or(_condensing_levels)),
        "_cuts": absent_or(none_or(_cuts)),
        "_measured_tol": absent_or(_AT_LEAST_0),
        "_bandwidth": absent_or(none_or(_LENGTH)),
        "_row_conditions": _ROW_CONDITIONS,
        "_shifts": array("shifts", "columns", **_IN_SCALED_SPACE),
        "rows_": array("rows", "columns", **_IN_SCALED_SPACE),
        # Of parts of the rows that weigh nothing there is no mean.
        "weights_": shares("rows", above=True),
    },
    "LocalPolynomialScoreDiffusion": {
        **_SHARED,
        **_SURFACE,
        "_bandwidth": absent_or(none_or(_LENGTH)),
        "_row_conditions": _ROW_CONDITIONS,
        "axes_": tensor("rows", "axes", "columns", **_OF_UNIT_VECTORS),
        "final_step_": one_of("none", "local_polynomial"),
        "intrinsic_dim_": at_most("columns"),
        "means_": tensor("rows", "columns", **_IN_SCALED_SPACE),
        "rest_": tensor("rows", low=0),
        "variances_": tensor("rows", "axes", low=0),
        "weights_": shares("rows", above=True),
    },
}
