"""The circle and the spheres."""

import numpy as np

from manidiff.datasets._base import (
    Manifold,
    RandomState,
    is_count,
    is_positive,
    make,
)


class Sphere(Manifold):
    """The sphere of a radius around the origin of R^(intrinsic_dim + 1).

    The intrinsic coordinates are the point divided by the radius.

    Parameters
    ----------
    intrinsic_dim : int, default=2
        Dimension of the sphere, >= 1.
    radius : float, default=1.0
        Radius, > 0.
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`; "irregular" has kinks along meridians of the first two axes.

    Examples
    --------
    >>> from manidiff.datasets import Sphere
    >>> Sphere().distance([[0.0, 0.0, 3.0]])
    array([2.])
    """

    def __init__(
        self, intrinsic_dim: int = 2, radius: float = 1.0, law: str = "uniform"
    ) -> None:
        super().__init__(law)
        if not is_count(intrinsic_dim):
            raise ValueError(
                f"intrinsic_dim={intrinsic_dim!r} must be an int of at least 1."
            )
        if not is_positive(radius):
            raise ValueError(f"radius={radius!r} must be a finite number above 0.")
        self.intrinsic_dim = intrinsic_dim
        self.n_features = intrinsic_dim + 1
        self.radius = radius

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map unit vectors (n, n_features) to points."""
        return self.radius * np.asarray(coordinates)

    def geodesic(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Return the distance (n,) along the sphere between rows of X and Y."""
        X, Y = self._project(self._check(X)), self._project(self._check(Y, "Y"))
        # The half chord is accurate for near points, where the cosine is not.
        chord = np.linalg.norm(X - Y, axis=1) / (2 * self.radius)
        return 2 * self.radius * np.arcsin(np.minimum(chord, 1.0))

    def _angle(self, coordinates: np.ndarray) -> np.ndarray:
        return np.arctan2(coordinates[:, 1], coordinates[:, 0])

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        return _unit(rng.normal(size=(n_samples, self.n_features)))

    def _project(self, X: np.ndarray) -> np.ndarray:
        return self.radius * _unit(X)


class Circle(Sphere):
    """The circle of a radius around the origin of the plane.

    Parameters
    ----------
    radius : float, default=1.0
        Radius, > 0.
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`.

    Examples
    --------
    >>> from manidiff.datasets import Circle
    >>> circle = Circle()
    >>> circle.project([[0.0, 2.0]])
    array([[0., 1.]])
    >>> circle.geodesic([[0.0, 1.0]], [[1.0, 0.0]])
    array([1.57079633])
    """

    def __init__(self, radius: float = 1.0, law: str = "uniform") -> None:
        super().__init__(intrinsic_dim=1, radius=radius, law=law)


def make_circle(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the unit circle.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law along the circle.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 2)
        The points.
    t : ndarray of shape (n_samples, 2)
        The points before the noise.
    """
    return make(Circle(law=law), n_samples, noise, random_state)


def make_sphere(
    n_samples: int = 100,
    *,
    intrinsic_dim: int = 2,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the unit sphere in R^(intrinsic_dim + 1).

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    intrinsic_dim : int, default=2
        Dimension of the sphere.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the sphere.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, intrinsic_dim + 1)
        The points.
    t : ndarray of shape (n_samples, intrinsic_dim + 1)
        The points before the noise.
    """
    return make(Sphere(intrinsic_dim, law=law), n_samples, noise, random_state)


def _unit(X: np.ndarray) -> np.ndarray:
    """Divide rows by their length; the origin goes to the first axis."""
    # Scaled first, so that tiny and huge rows keep their direction.
    largest = np.abs(X).max(axis=1, keepdims=True)
    at_origin = largest[:, 0] == 0
    X = X / np.where(largest > 0, largest, 1.0)
    X[at_origin, 0] = 1.0
    return X / np.linalg.norm(X, axis=1, keepdims=True)
