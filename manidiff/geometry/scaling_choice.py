"""In which proportions rows are learned: their own, or equal ones in each column.

A manifold bends least in its own proportions: a torus that is stretched until its
height equals its width bends much more in its tube, and polynomials follow it worse.
"""

import numpy as np

from manidiff._utils.scaling import Scaling
from manidiff.geometry.surface_choice import SurfaceChoice

# Columns of about one spread keep about their proportions under either scaling.
_SAME = 1.5
_MAX_ROWS = 4096


def choose_scaling(X: np.ndarray, weights: np.ndarray) -> str:
    """Return the kind of scaling in which rows lie closest to smooth surfaces.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Rows.
    weights : ndarray of shape (N,)
        Weights that sum to 1.

    Returns
    -------
    kind : {"feature", "global"}
        "global" where the rows lie on a smooth manifold of one dimension under either
        scaling, and closer to it, in spacings, when all columns are divided by one
        number. Else "feature": of columns in different units one number would hide the
        small ones, and what varies in them would pass for noise.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.datasets import Torus
    >>> from manidiff.geometry.scaling_choice import choose_scaling
    >>> weights = np.full(600, 1 / 600)
    >>> choose_scaling(Torus().sample(600, random_state=0), weights)
    'global'
    >>> choose_scaling(np.random.default_rng(0).normal(size=(600, 3)), weights)
    'feature'
    """
    by_feature = Scaling.fit(X, weights, "feature")
    scale = by_feature.scale[np.ptp(X, axis=0) > 0]
    if scale.max() <= _SAME * scale.min():
        return "feature"
    # A fixed seed: the same rows always give the same choice.
    rng = np.random.default_rng(0)
    some = np.unique(X[rng.permutation(len(X))[:_MAX_ROWS]], axis=0)
    found = []
    for scaling in (Scaling.fit(X, weights, "global"), by_feature):
        found.append(SurfaceChoice(scaling.apply(some), rng, refine=False))
        if not found[-1].is_clean or found[-1].dim != found[0].dim:
            return "feature"
    return "global" if found[0].residual < found[1].residual else "feature"
