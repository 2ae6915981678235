"""The rotations of space, as 3 x 3 matrices."""

import numpy as np

from manidiff.datasets._base import Manifold, RandomState, make
from manidiff.datasets._spheres import Sphere


class RotationGroup(Manifold):
    """SO(3) in R^9: the rotation matrices, row by row.

    The intrinsic coordinates are unit quaternions (w, x, y, z); q and -q are the same
    rotation. Uniform is the law that no rotation changes.

    Parameters
    ----------
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`; "irregular" depends on the angle of the rotation.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.datasets import RotationGroup
    >>> RotationGroup().distance(2 * np.eye(3).reshape(1, 9)).round(6)
    array([1.732051])
    """

    intrinsic_dim = 3
    n_features = 9

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map unit quaternions (n, 4) to points."""
        w, x, y, z = np.asarray(coordinates).T
        entries = [
            *(1 - 2 * (y**2 + z**2), 2 * (x * y - z * w), 2 * (x * z + y * w)),
            *(2 * (x * y + z * w), 1 - 2 * (x**2 + z**2), 2 * (y * z - x * w)),
            *(2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x**2 + y**2)),
        ]
        return np.column_stack(entries)

    def geodesic(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Return the distance (n,) along SO(3): sqrt(2) times the angle between."""
        X, Y = self._project(self._check(X)), self._project(self._check(Y, "Y"))
        # |X - Y| = 2 sqrt(2) sin(angle / 2), accurate for near rotations too.
        chord = np.linalg.norm(X - Y, axis=1) / (2 * np.sqrt(2))
        return 2 * np.sqrt(2) * np.arcsin(np.minimum(chord, 1.0))

    def _angle(self, coordinates: np.ndarray) -> np.ndarray:
        return 2 * np.arccos(np.minimum(np.abs(coordinates[:, 0]), 1.0))

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        return Sphere(3)._uniform_coordinates(n_samples, rng)

    def _project(self, X: np.ndarray) -> np.ndarray:
        left, _, right = np.linalg.svd(X.reshape(-1, 3, 3))
        # Without reflections: the axis of the smallest singular value turns around.
        left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
        return (left @ right).reshape(-1, 9)


def make_rotations(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw rotation matrices as rows of nine entries.

    Parameters
    ----------
    n_samples : int, default=100
        Number of matrices.
    noise : float, default=0.0
        Standard deviation of normal noise added to their entries.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the group.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 9)
        The matrices, row by row.
    t : ndarray of shape (n_samples, 4)
        Their unit quaternions.
    """
    return make(RotationGroup(law=law), n_samples, noise, random_state)
