"""Steps of a pipeline, undone from right to left.

Each function takes steps as pairs of a name and a transformer: those before the last
one, unless it says otherwise.
"""

import numpy as np
from sklearn.pipeline import Pipeline

from manidiff.inverse._codes import to_codes
from manidiff.inverse._invertible import is_invertible, transformers
from manidiff.inverse._transformer import InvertibleTransformer
from manidiff.inverse._volume import log_volume_factor

_NO_DENSITY = (
    "X has no density, as the inverse of the steps {}. Score the last step, on rows "
    "that the others have transformed, or what is drawn, with "
    "manidiff.model_selection.get_sample_scorer('energy_distance')."
)


def not_invertible(steps, *, if_selector=None):
    """Return the steps that cannot be undone, of those that can be fitted.

    `if_selector` as `is_invertible` takes it.
    """
    return [
        (name, step)
        for name, step in transformers(steps)
        if hasattr(step, "fit") and not is_invertible(step, if_selector=if_selector)
    ]


def with_learned_inverses(steps):
    """Return all steps of a pipeline, with an `InvertibleTransformer` where needed.

    Where none is, that is the very list that was given, as `clone` expects. So it is
    where the steps are no pairs, which scikit-learn refuses no sooner than in `fit`.
    """
    try:
        # Whether a selector is fitted must not count: a clone has the same steps.
        found = not_invertible(steps[:-1], if_selector=False)
        names = {name for name, _ in found}
    except (TypeError, ValueError):
        return steps
    wrapped = [
        (name, InvertibleTransformer(step) if name in names else step)
        for name, step in steps[:-1]
    ]
    return [*wrapped, steps[-1]] if names else steps


def check_invertible(steps, *, if_selector=None):
    """Raise a TypeError that names the first step that cannot be undone.

    `if_selector` as `is_invertible` takes it.
    """
    for name, step in transformers(steps):
        if isinstance(step, type):
            kind = step.__name__
            raise TypeError(f"Step {name!r} is a class. Pass an instance: {kind}().")
    for name, step in not_invertible(steps, if_selector=if_selector):
        kind = type(step).__name__
        if is_invertible(step, if_selector=True):
            raise TypeError(
                f"Step {name!r} ({kind}) cannot be inverted: it drops columns of its "
                "input, and its inverse_transform fills them with zeros. Pass "
                "invert='auto' to the pipeline, which learns an inverse, or drop the "
                "columns before the pipeline is fitted."
            )
        raise TypeError(
            f"Step {name!r} ({kind}) cannot be inverted: it has no working "
            "inverse_transform, so what is drawn cannot be taken back through it. Pass "
            f"InvertibleTransformer({kind}(...)) instead, which learns an inverse, or "
            "invert='auto' to the pipeline, or take the step out and fit the pipeline "
            "to what it returns."
        )


def undo(steps, Z):
    """Take rows back through the inverses of all steps.

    What is drawn is brought to the nearest codes of a step that has integer ones.
    """
    for name, step in reversed(transformers(steps)):
        try:
            if isinstance(step, Pipeline):
                Z = undo(step.steps, Z)
            else:
                Z = step.inverse_transform(to_codes(step, Z))
        except Exception as error:
            error.add_note(f"Raised while inverting the step {name!r}.")
            raise
    return Z


def log_factor_of_undoing(steps, Z):
    """Return by how much `undo` stretches volume at rows Z, as a logarithm (n,).

    A ValueError says so where rows have no density.
    """
    try:
        factor = log_volume_factor(
            lambda rows: np.asarray(undo(steps, rows), dtype=np.float64),
            np.asarray(Z, dtype=np.float64),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(_NO_DENSITY.format("does not give numbers")) from error
    if not np.isfinite(factor).all():
        raise ValueError(_NO_DENSITY.format("is flat around some rows"))
    return factor
