"""Polynomials fitted to the rows around a point, to predict what belongs to it.

Local polynomial regression (Fan and Gijbels 1996). Where moving least squares fits a
surface over tangent coordinates that it finds itself, the coordinates are given here:
those of an embedding, say, from which the rows that were embedded are predicted.
"""

from collections.abc import Iterator
from math import ceil

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from manidiff._utils.chunking import chunk_slices
from manidiff.geometry.moving_least_squares import _monomials, n_monomials

# Entries of the neighbourhoods held at once: 128 MiB.
_MAX_ENTRIES = 2**24
# Rows that are left out to compare settings.
_MAX_ASKED = 500
# Smallest length that is divided by.
_TINY = float(np.finfo(np.float64).tiny)
# Settings tried: neighbours over the number of monomials, and penalties. The smallest
# only keeps coincident neighbours solvable. Cubics gained nothing on noisy embeddings.
_DEGREES = (1, 2)
_MULTIPLES = (1.6, 2.5, 4.0, 6.0)
_PENALTIES = (1e-8, 1e-3, 1e-2)
# Curved surfaces of more terms need more rows than a neighbourhood should have.
_MAX_TERMS = 30


class LocalPolynomials:
    """Polynomials through the neighbourhoods of rows with known values.

    Continuous in the point: the weight of a row falls to 0 where it leaves the
    neighbourhood. No prediction is farther from the mean of the neighbours than the
    farthest of them.

    Parameters
    ----------
    coordinates : ndarray of shape (N, q)
        Coordinates of the rows.
    values : ndarray of shape (N, D)
        What is to be predicted from them.
    degree : {0, 1, 2, 3}
        Degree of the polynomials; lower where a neighbourhood has fewer rows than the
        polynomial has coefficients.
    n_neighbors : int
        Rows that a polynomial is fitted to; all there are when there are fewer.
    penalty : float
        Ridge penalty on the coefficients, where the weights of a neighbourhood sum to
        1 and its extent is 1; > 0. The larger, the closer to the mean of the
        neighbours.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.local_regression import LocalPolynomials
    >>> angle = np.linspace(0, 3, 50)[:, None]
    >>> circle = np.hstack([np.cos(angle), np.sin(angle)])
    >>> curve = LocalPolynomials(angle, circle, degree=2, n_neighbors=8, penalty=1e-8)
    >>> curve.predict(np.array([[1.5]])).round(3)
    array([[0.071, 0.997]])
    """

    def __init__(
        self,
        coordinates: np.ndarray,
        values: np.ndarray,
        *,
        degree: int,
        n_neighbors: int,
        penalty: float,
    ) -> None:
        # Arrays, as skops holds no tensor.
        self.coordinates = coordinates
        self.values = values
        self.n_neighbors = min(n_neighbors, len(coordinates))
        self.degree = degree
        dim = coordinates.shape[1]
        while self.degree > 0 and n_monomials(dim, self.degree) > self.n_neighbors:
            self.degree -= 1
        self.penalty = penalty
        self._search = NearestNeighbors().fit(coordinates)

    def predict(self, points: np.ndarray) -> np.ndarray:
        """Return the values (n, D) at points (n, q)."""
        return self._predict(points, n_skipped=0)

    def leave_one_out(self, index: np.ndarray) -> np.ndarray:
        """Return the values (m, D) of rows index (m,) predicted from the others."""
        # The nearest row is the row itself.
        return self._predict(self.coordinates[index], n_skipped=1)

    def _predict(self, points: np.ndarray, n_skipped: int) -> np.ndarray:
        n_points, dim = points.shape
        predicted = np.empty((n_points, self.values.shape[1]))
        n_columns = n_monomials(dim, self.degree) + dim + self.values.shape[1]
        chunk_size = max(_MAX_ENTRIES // (self.n_neighbors * n_columns), 1)
        # One row more, at which the weights reach 0.
        n_found = min(self.n_neighbors + n_skipped + 1, len(self.coordinates))
        rows = _tensor(self.coordinates), _tensor(self.values)
        for part in chunk_slices(n_points, chunk_size):
            distances, near = self._search.kneighbors(points[part], n_found)
            predicted[part] = self._evaluate(
                *rows,
                _tensor(points[part]),
                _tensor(distances[:, n_skipped:]),
                _tensor(near[:, n_skipped:]),
            ).numpy()
        return predicted

    def _evaluate(
        self,
        coordinates: Tensor,
        values: Tensor,
        x: Tensor,
        distances: Tensor,
        near: Tensor,
    ) -> Tensor:
        weights = _weights(distances)[:, : self.n_neighbors, None]
        weights = weights / weights.sum(1, keepdim=True)
        near = near[:, : self.n_neighbors]
        values = values[near]
        mean = (weights * values).sum(1, keepdim=True)
        t, at_point = _local_coordinates(x, coordinates[near], weights)
        basis = _monomials(t, self.degree)
        normal = basis.mT @ (weights * basis)
        normal.diagonal(dim1=1, dim2=2).add_(self.penalty)
        moments = basis.mT @ (weights * (values - mean))
        offset = _monomials(at_point, self.degree) @ torch.linalg.solve(normal, moments)
        # Where neighbours nearly align, a polynomial may run away from them all.
        reach = (values - mean).norm(dim=2, keepdim=True).amax(1, keepdim=True)
        length = offset.norm(dim=2, keepdim=True).clamp(min=_TINY)
        return (mean + offset * (reach / length).clamp(max=1)).squeeze(1)


def choose_local_polynomials(
    coordinates: np.ndarray,
    values: np.ndarray,
    *,
    degree: int | str = "auto",
    n_neighbors: int | str = "auto",
    penalty: float | str = "auto",
) -> LocalPolynomials:
    """Return the polynomials that predict rows best from the others.

    Parameters
    ----------
    coordinates, values : ndarray of shape (N, q), (N, D)
        As `LocalPolynomials` takes them.
    degree, n_neighbors, penalty : number or "auto"
        As `LocalPolynomials` takes them. What is "auto" is chosen by the mean squared
        error of predicting rows from the others, over 500 rows when there are more.

    Returns
    -------
    polynomials : LocalPolynomials
        The best of those tried.
    """
    # A fixed seed: the same rows always give the same choice.
    asked = np.random.default_rng(0).permutation(len(coordinates))[:_MAX_ASKED]
    tried = [
        LocalPolynomials(coordinates, values, **setting)
        for setting in _settings(coordinates.shape[1], degree, n_neighbors, penalty)
    ]
    if len(tried) == 1 or len(coordinates) == 1:
        return tried[0]
    errors = [((one.leave_one_out(asked) - values[asked]) ** 2).mean() for one in tried]
    return tried[int(np.argmin(errors))]


def _settings(
    dim: int, degree: int | str, n_neighbors: int | str, penalty: float | str
) -> Iterator[dict]:
    """Yield the settings to try where "auto" leaves a choice."""
    degrees = _DEGREES if isinstance(degree, str) else [degree]
    penalties = _PENALTIES if isinstance(penalty, str) else [penalty]
    for order in degrees:
        n_terms = n_monomials(dim, order)
        if isinstance(degree, str) and order > 1 and n_terms > _MAX_TERMS:
            break
        counts = [ceil(factor * n_terms) + 2 for factor in _MULTIPLES]
        for count in counts if isinstance(n_neighbors, str) else [n_neighbors]:
            for one in penalties:
                yield {"degree": order, "n_neighbors": count, "penalty": one}


def _tensor(array: np.ndarray) -> Tensor:
    # Columns of DataFrames and memory maps may be read-only, which torch refuses.
    return torch.from_numpy(np.require(array, requirements=["C", "W"]))


def _weights(distances: Tensor) -> Tensor:
    """Return weights (n, k) of rows at ascending distances, 0 at the last of them."""
    reach = distances[:, -1:]
    width = reach.where(reach > 0, torch.ones_like(reach))
    # All rows may be at one distance: then none is told apart.
    return (1 - (distances / width) ** 2).clamp(min=1e-8) ** 2


def _local_coordinates(
    x: Tensor, rows: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Return rows (n, k, q) and points (n, 1, q) from the mean of the rows.

    The farthest row is at distance 1 from it, and no point is farther: beyond the
    neighbourhood a polynomial means nothing.
    """
    center = (weights * rows).sum(1, keepdim=True)
    spread = rows - center
    extent = spread.norm(dim=2, keepdim=True).amax(1, keepdim=True)
    scale = extent.where(extent > 0, torch.ones_like(extent))
    at_point = (x[:, None] - center) / scale
    return spread / scale, at_point / at_point.norm(dim=2, keepdim=True).clamp(min=1)
