"""A manifold one can draw from, project onto and measure distances to."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state

LAWS = ("uniform", "irregular")

RandomState = int | np.random.RandomState | None


class Manifold(ABC):
    """A compact manifold in R^n_features with its exact nearest-point projection.

    Parameters
    ----------
    law : {"uniform", "irregular"}, default="uniform"
        Law of `sample`: uniform with respect to volume, or with the density
        ``0.2 + |sin(3 a / 2)|`` times the uniform one, where a is an intrinsic angle,
        the first coordinate unless said otherwise: positive, but with kinks where the
        sine changes sign.

    Attributes
    ----------
    intrinsic_dim : int
        Dimension of the manifold.
    n_features : int
        Dimension of the space around it.
    """

    intrinsic_dim: int
    n_features: int

    def __init__(self, law: str = "uniform") -> None:
        if law not in LAWS:
            raise ValueError(f"law={law!r} must be one of {LAWS}.")
        self.law = law

    def sample(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw points by the law of this object.

        Parameters
        ----------
        n_samples : int, default=1
            Number of points, >= 1.
        random_state : int, RandomState instance or None, default=None
            An int repeats, None draws anew.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Points on the manifold.
        """
        return self.embed(self.sample_coordinates(n_samples, random_state))

    def sample_uniform(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw points uniformly with respect to volume; parameters as in `sample`."""
        _check_n_samples(n_samples)
        rng = check_random_state(random_state)
        return self.embed(self._uniform_coordinates(n_samples, rng))

    def sample_coordinates(
        self, n_samples: int = 1, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw intrinsic coordinates (n_samples, n_coordinates) by the law."""
        _check_n_samples(n_samples)
        rng = check_random_state(random_state)
        if self.law == "uniform":
            return self._uniform_coordinates(n_samples, rng)
        return thin(
            self._uniform_coordinates,
            lambda t: (0.2 + np.abs(np.sin(1.5 * self._angle(t)))) / 1.2,
            n_samples,
            rng,
        )

    def project(self, X: np.ndarray) -> np.ndarray:
        """Return the nearest point of the manifold; one of them where there are more.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Points.

        Returns
        -------
        P : ndarray of shape (n_samples, n_features)
            Their projections.
        """
        return self._project(self._check(X))

    def distance(self, X: np.ndarray) -> np.ndarray:
        """Return the distance (n_samples,) of each point to the manifold."""
        X = self._check(X)
        return np.linalg.norm(X - self._project(X), axis=1)

    @abstractmethod
    def embed(self, coordinates: np.ndarray) -> np.ndarray:
        """Map intrinsic coordinates (n, n_coordinates) to points (n, n_features)."""

    @abstractmethod
    def _uniform_coordinates(
        self, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        """Draw coordinates whose points are uniform with respect to volume."""

    @abstractmethod
    def _project(self, X: np.ndarray) -> np.ndarray:
        """Project checked points."""

    def _angle(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the angle on which the irregular law depends."""
        return coordinates[:, 0]

    def _check(self, X: np.ndarray, name: str = "X") -> np.ndarray:
        X = check_array(X, dtype=np.float64, input_name=name)
        if X.shape[1] != self.n_features:
            raise ValueError(
                f"{name} has {X.shape[1]} features, but {type(self).__name__} lies in "
                f"R^{self.n_features}."
            )
        return X


def make(
    manifold: Manifold, n_samples: int, noise: float, random_state: RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return points with normal noise, and their intrinsic coordinates."""
    if not is_positive(noise) and noise != 0:
        raise ValueError(f"noise={noise!r} must be a finite number of at least 0.")
    rng = check_random_state(random_state)
    coordinates = manifold.sample_coordinates(n_samples, rng)
    X = manifold.embed(coordinates)
    return X + noise * rng.normal(size=X.shape), coordinates


def is_count(value: Any) -> bool:
    """Return whether a value is an int of at least 1."""
    is_int = isinstance(value, Integral) and not isinstance(value, bool)
    return is_int and value >= 1


def is_positive(value: Any) -> bool:
    """Return whether a value is a finite number above 0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and 0 < value < np.inf


def _check_n_samples(n_samples: int) -> None:
    if not is_count(n_samples):
        raise ValueError(f"n_samples={n_samples!r} must be an int of at least 1.")


def thin(
    draw: Callable[[int, np.random.RandomState], np.ndarray],
    accept: Callable[[np.ndarray], np.ndarray],
    n_samples: int,
    rng: np.random.RandomState,
) -> np.ndarray:
    """Draw by rejection: candidates of `draw`, kept with the probability `accept`."""
    kept = draw(0, rng)
    while len(kept) < n_samples:
        candidates = draw(2 * n_samples + 16, rng)
        chosen = rng.uniform(size=len(candidates)) < accept(candidates)
        kept = np.vstack([kept, candidates[chosen]])
    return kept[:n_samples]
