"""The Swiss roll of scikit-learn, as a manifold with boundary."""

import numpy as np

from manidiff.datasets._base import Manifold, RandomState, make, thin
from manidiff.datasets._search import nearest_parameter

_START, _END, _WIDTH = 1.5 * np.pi, 4.5 * np.pi, 21.0


class SwissRoll(Manifold):
    """A rectangle rolled up in space, in the shape of `make_swiss_roll`.

    The intrinsic coordinates are the angle along the spiral, from 1.5 pi to 4.5 pi, and
    the position across it, from 0 to 21. Beyond its edges the nearest point is on them.

    Parameters
    ----------
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`; uniform in area, unlike scikit-learn's, which is uniform in the
        angle.

    Examples
    --------
    >>> from manidiff.datasets import SwissRoll
    >>> roll = SwissRoll()
    >>> X = roll.sample(100, random_state=0)
    >>> float(roll.distance(X).max()) < 1e-6
    True
    """

    intrinsic_dim = 2
    n_features = 3

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map angle and position (n, 2) to points."""
        angle, across = np.asarray(coordinates).T
        return np.column_stack([angle * np.cos(angle), across, angle * np.sin(angle)])

    def geodesic(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Return the distance (n,) between rows of X and Y along the roll."""
        start, end = self._check(X), self._check(Y, "Y")
        return np.linalg.norm(self._unrolled(start) - self._unrolled(end), axis=1)

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        def draw(n: int, rng: np.random.RandomState) -> np.ndarray:
            return rng.uniform([_START, 0.0], [_END, _WIDTH], size=(n, 2))

        # The speed along the spiral, over its largest value.
        return thin(
            draw, lambda t: np.hypot(1, t[:, 0]) / np.hypot(1, _END), n_samples, rng
        )

    def _project(self, X: np.ndarray) -> np.ndarray:
        return self.embed(self._nearest(X))

    def _nearest(self, X: np.ndarray) -> np.ndarray:
        angle = nearest_parameter(_from_spiral, X, _START, _END, 601, closed=False)
        return np.column_stack([angle, np.clip(X[:, 1], 0.0, _WIDTH)])

    def _unrolled(self, X: np.ndarray) -> np.ndarray:
        angle, across = self._nearest(X).T
        arc = (angle * np.hypot(1, angle) + np.arcsinh(angle)) / 2
        return np.column_stack([arc, across])


def make_swiss_roll(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the Swiss roll.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the roll.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 3)
        The points.
    t : ndarray of shape (n_samples, 2)
        Their angles and positions.
    """
    return make(SwissRoll(law=law), n_samples, noise, random_state)


def _from_spiral(X: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Squared distances (n, m) to the spiral at angles (n, m)."""
    x, z = X[:, [0]], X[:, [2]]
    return (x - angle * np.cos(angle)) ** 2 + (z - angle * np.sin(angle)) ** 2
