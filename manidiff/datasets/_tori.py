"""The torus in space, the flat torus curved into many dimensions, the Klein bottle."""

import numpy as np

from manidiff.datasets._base import (
    Manifold,
    RandomState,
    is_count,
    is_positive,
    make,
    thin,
)
from manidiff.datasets._search import nearest_parameter

_AMPLITUDES = np.array([1.0, 0.5, 0.25])
_FREQUENCIES = np.array([1.0, 2.0, 3.0])


class Torus(Manifold):
    """The torus of revolution about the third axis of space.

    The intrinsic coordinates are the angle about the axis and that around the tube.

    Parameters
    ----------
    major_radius : float, default=1.0
        Distance from the axis to the middle of the tube.
    minor_radius : float, default=0.3
        Radius of the tube, between 0 and major_radius.
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`.

    Examples
    --------
    >>> from manidiff.datasets import Torus
    >>> torus = Torus(major_radius=1.0, minor_radius=0.25)
    >>> torus.distance([[1.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
    array([0.25, 0.75])
    """

    intrinsic_dim = 2
    n_features = 3

    def __init__(
        self,
        major_radius: float = 1.0,
        minor_radius: float = 0.3,
        law: str = "uniform",
    ) -> None:
        super().__init__(law)
        _check_radii(major_radius, minor_radius)
        self.major_radius = major_radius
        self.minor_radius = minor_radius

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map two angles (n, 2) to points."""
        about, around = np.asarray(coordinates).T
        ring = self.major_radius + self.minor_radius * np.cos(around)
        height = self.minor_radius * np.sin(around)
        return np.column_stack([ring * np.cos(about), ring * np.sin(about), height])

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        # The area of a patch is proportional to its distance from the axis.
        ratio = self.minor_radius / self.major_radius
        return thin(
            _angles,
            lambda t: (1 + ratio * np.cos(t[:, 1])) / (1 + ratio),
            n_samples,
            rng,
        )

    def _project(self, X: np.ndarray) -> np.ndarray:
        about = np.arctan2(X[:, 1], X[:, 0])
        from_ring = np.hypot(X[:, 0], X[:, 1]) - self.major_radius
        return self.embed(np.column_stack([about, np.arctan2(X[:, 2], from_ring)]))


class CurvedFlatTorus(Manifold):
    """A flat torus of any dimension, curved without stretching into many dimensions.

    Each angle goes to the sines and cosines of its first three multiples, with
    amplitudes in the ratio 4 : 2 : 1 and unit speed, so distances along the torus are
    those of the angles. A fixed orthonormal map takes them into R^n_features.

    Parameters
    ----------
    intrinsic_dim : int, default=2
        Number of angles, >= 1.
    n_features : int, default=50
        Dimension of the space around it, at least 6 * intrinsic_dim.
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`.

    Examples
    --------
    >>> from manidiff.datasets import CurvedFlatTorus
    >>> torus = CurvedFlatTorus()
    >>> X = torus.embed([[0.0, 0.0], [0.0, 1.0]])
    >>> X.shape
    (2, 50)
    >>> torus.geodesic(X[:1], X[1:]).round(6)
    array([1.])
    """

    def __init__(
        self, intrinsic_dim: int = 2, n_features: int = 50, law: str = "uniform"
    ) -> None:
        super().__init__(law)
        if not is_count(intrinsic_dim):
            raise ValueError(
                f"intrinsic_dim={intrinsic_dim!r} must be an int of at least 1."
            )
        n_harmonic = 2 * len(_FREQUENCIES) * intrinsic_dim
        if not is_count(n_features) or n_features < n_harmonic:
            raise ValueError(
                f"n_features={n_features!r} must be an int of at least {n_harmonic}, "
                "6 * intrinsic_dim."
            )
        self.intrinsic_dim = intrinsic_dim
        self.n_features = n_features
        gaussian = np.random.RandomState(0).normal(size=(n_features, n_harmonic))
        self._axes = np.linalg.qr(gaussian)[0]

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map angles (n, intrinsic_dim) to points."""
        harmonics = _harmonics(np.asarray(coordinates))
        return harmonics.reshape(len(harmonics), -1) @ self._axes.T

    def geodesic(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """Return the distance (n,) along the torus between rows of X and Y."""
        start, end = self._check(X), self._check(Y, "Y")
        difference = self._nearest(start) - self._nearest(end)
        turned = np.abs((difference + np.pi) % (2 * np.pi) - np.pi)
        return np.linalg.norm(turned, axis=1)

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        return rng.uniform(0, 2 * np.pi, size=(n_samples, self.intrinsic_dim))

    def _project(self, X: np.ndarray) -> np.ndarray:
        return self.embed(self._nearest(X))

    def _nearest(self, X: np.ndarray) -> np.ndarray:
        # The curves of the angles span orthogonal subspaces: one search for each.
        parts = (X @ self._axes).reshape(len(X), self.intrinsic_dim, -1)
        nearest = [
            nearest_parameter(_from_curve, part, 0.0, 2 * np.pi, 128, closed=True)
            for part in parts.transpose(1, 0, 2)
        ]
        return np.column_stack(nearest)


class KleinBottle(Manifold):
    """The Klein bottle without self-intersections, in R^4.

    A tube whose second direction turns by half a turn on the way around: the intrinsic
    coordinates are the angle about the axis and that around the tube.

    Parameters
    ----------
    major_radius : float, default=1.0
        Distance from the axis to the middle of the tube.
    minor_radius : float, default=0.4
        Radius of the tube, between 0 and major_radius.
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`.

    Examples
    --------
    >>> from manidiff.datasets import KleinBottle
    >>> KleinBottle().sample(3, random_state=0).shape
    (3, 4)
    """

    intrinsic_dim = 2
    n_features = 4

    def __init__(
        self,
        major_radius: float = 1.0,
        minor_radius: float = 0.4,
        law: str = "uniform",
    ) -> None:
        super().__init__(law)
        _check_radii(major_radius, minor_radius)
        self.major_radius = major_radius
        self.minor_radius = minor_radius

    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map two angles (n, 2) to points."""
        about, around = np.asarray(coordinates).T
        ring = self.major_radius + self.minor_radius * np.cos(around)
        side = self.minor_radius * np.sin(around)
        return np.column_stack(
            [
                ring * np.cos(about),
                ring * np.sin(about),
                side * np.cos(about / 2),
                side * np.sin(about / 2),
            ]
        )

    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        def area(t: np.ndarray) -> np.ndarray:
            ring = self.major_radius + self.minor_radius * np.cos(t[:, 1])
            side = self.minor_radius * np.sin(t[:, 1]) / 2
            # Bounded by the sum of the largest values of its two terms.
            largest = np.hypot(
                self.major_radius + self.minor_radius, self.minor_radius / 2
            )
            return np.hypot(ring, side) / largest

        return thin(_angles, area, n_samples, rng)

    def _project(self, X: np.ndarray) -> np.ndarray:
        about = nearest_parameter(
            self._from_circle, X, 0.0, 2 * np.pi, 256, closed=True
        )
        along, side = self._frame(X, about[:, None])
        around = np.arctan2(side, along - self.major_radius)[:, 0]
        return self.embed(np.column_stack([about, around]))

    def _from_circle(self, X: np.ndarray, about: np.ndarray) -> np.ndarray:
        """Squared distances (n, m) to the circles of the tube at angles (n, m)."""
        along, side = self._frame(X, about)
        from_middle = np.hypot(along - self.major_radius, side)
        off_plane = (X**2).sum(1)[:, None] - along**2 - side**2
        return (from_middle - self.minor_radius) ** 2 + off_plane

    def _frame(self, X: np.ndarray, about: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Coordinates of X in the plane of the tube's circle at an angle."""
        x, y, z, w = (column[:, None] for column in X.T)
        along = x * np.cos(about) + y * np.sin(about)
        side = z * np.cos(about / 2) + w * np.sin(about / 2)
        return along, side


def make_torus(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the torus with radii 1 and 0.3 in space.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the torus.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 3)
        The points.
    t : ndarray of shape (n_samples, 2)
        Their two angles.
    """
    return make(Torus(law=law), n_samples, noise, random_state)


def make_curved_flat_torus(
    n_samples: int = 100,
    *,
    intrinsic_dim: int = 2,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the curved flat torus in R^50.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    intrinsic_dim : int, default=2
        Number of angles.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the torus.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 50)
        The points.
    t : ndarray of shape (n_samples, intrinsic_dim)
        Their angles.
    """
    manifold = CurvedFlatTorus(intrinsic_dim, law=law)
    return make(manifold, n_samples, noise, random_state)


def make_klein_bottle(
    n_samples: int = 100,
    *,
    noise: float = 0.0,
    law: str = "uniform",
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw points of the Klein bottle in R^4.

    Parameters
    ----------
    n_samples : int, default=100
        Number of points.
    noise : float, default=0.0
        Standard deviation of normal noise added to them.
    law : {"uniform", "irregular"}, default="uniform"
        Law on the bottle.
    random_state : int, RandomState instance or None, default=None
        An int repeats.

    Returns
    -------
    X : ndarray of shape (n_samples, 4)
        The points.
    t : ndarray of shape (n_samples, 2)
        Their two angles.
    """
    return make(KleinBottle(law=law), n_samples, noise, random_state)


def _check_radii(major_radius: float, minor_radius: float) -> None:
    radii = {"major_radius": major_radius, "minor_radius": minor_radius}
    for name, radius in radii.items():
        if not is_positive(radius):
            raise ValueError(f"{name}={radius!r} must be a finite number above 0.")
    if minor_radius >= major_radius:
        raise ValueError(
            f"minor_radius={minor_radius!r} must be below "
            f"major_radius={major_radius!r}."
        )


def _angles(n: int, rng: np.random.RandomState) -> np.ndarray:
    return rng.uniform(0, 2 * np.pi, size=(n, 2))


def _harmonics(angles: np.ndarray) -> np.ndarray:
    """Map angles of any shape to six coordinates each, along a new last axis."""
    speed = np.sqrt(np.sum((_FREQUENCIES * _AMPLITUDES) ** 2))
    phases = angles[..., None] * _FREQUENCIES
    amplitudes = _AMPLITUDES / speed
    return np.concatenate(
        [amplitudes * np.cos(phases), amplitudes * np.sin(phases)], -1
    )


def _from_curve(X: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Squared distances (n, m) from points (n, 6) to the curve at angles (n, m)."""
    return ((X[:, None] - _harmonics(angles)) ** 2).sum(-1)
