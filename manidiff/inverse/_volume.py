"""How an inverse map stretches volume: what a density needs to change its space."""

import numpy as np

from manidiff._utils.chunking import chunk_slices

# Step of the finite differences, in the largest coordinate of a column. Rounding of an
# affine map and the third derivative of a smooth one are both far below a percent.
_STEP = 1e-4
# An affine map predicts every column to this share of its range, and of its largest
# coordinate. The second allows for rounding alone, so that no offset hides a curve.
_TOLERANCE = 1e-6
_ROUNDING = 1e-11
# Entries of the Jacobians held at once: 128 MiB.
_MAX_ENTRIES = 2**24


def log_volume_factor(inverse_map, Z):
    """Return the logarithm of the volume that a unit of volume is mapped to.

    For a map from q to D dimensions with Jacobian J it is half the log-determinant of
    J'J: for q = D, the logarithm of the absolute determinant of J; for q < D, of the
    volume along the surface that the map parametrises. J is measured by central
    differences, once for all rows where the map turns out to be affine.

    Parameters
    ----------
    inverse_map : callable
        Takes rows (n, q) to rows (n, D).
    Z : ndarray of shape (n_samples, q)
        Where.

    Returns
    -------
    log_factor : ndarray of shape (n_samples,)
        Minus infinity where the map is flat in some direction.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.inverse._volume import log_volume_factor
    >>> log_volume_factor(lambda Z: Z * [2.0, 3.0], np.ones((1, 2))).round(6)
    array([1.791759])
    """
    steps = _STEP * np.abs(Z).max(axis=0)
    steps[steps == 0] = _STEP
    first = _jacobians(inverse_map, Z[:1], steps)
    found = inverse_map(Z)
    affine = found[0] + (Z - Z[0]) @ first[0].T
    rounding = _ROUNDING * np.abs(found).max(axis=0)
    error = np.abs(found - affine).max(axis=0)
    if (error <= _TOLERANCE * np.ptp(found, axis=0) + rounding).all():
        return np.repeat(_log_volume(first), len(Z))
    log_factor = np.empty(len(Z))
    for part in chunk_slices(len(Z), max(_MAX_ENTRIES // first.size, 1)):
        log_factor[part] = _log_volume(_jacobians(inverse_map, Z[part], steps))
    return log_factor


def _jacobians(inverse_map, Z, steps):
    """Return the Jacobians (n, D, q) at rows Z (n, q)."""
    columns = [
        (inverse_map(Z + shift) - inverse_map(Z - shift)) / (2 * step)
        for shift, step in zip(np.diag(steps), steps, strict=True)
    ]
    return np.stack(columns, axis=-1)


def _log_volume(jacobians):
    # The determinant of a flat map is 0, and its logarithm is meant to be infinite.
    with np.errstate(divide="ignore"):
        singular = np.linalg.svd(jacobians, compute_uv=False)
        return np.log(singular).sum(axis=-1)
