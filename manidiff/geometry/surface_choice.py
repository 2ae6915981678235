"""Whether rows lie on a smooth manifold, and the surfaces that follow it best.

A row is compared with the polynomial surface through the rows around it. Where the rows
sample a clean manifold, each lies much closer to the surface through the others than to
any of them; on a noisy table, or one whose dimension the number of rows cannot resolve,
about as far. Beside a column of few values, such as a category or a count, rows lie on
parallel flats whatever law they have there: a manifold must show in the other columns.
"""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from manidiff.geometry.moving_least_squares import MovingLeastSquares, n_monomials

# A surface of more dimensions has more coefficients than a neighbourhood has rows.
_MAX_DIM = 5
_MAX_ROWS = 500
# A clean manifold misses its rows by less than this share of their spacing.
_CLEAN = 0.2
# A surface that misses the rows it was made of by more than this share is none. Where a
# manifold bends much between its rows, quadratic surfaces miss some by half as much.
_MISFIT = 0.5
# Extent of a direction, in the largest one, below which rows do not vary along it.
_FLAT = 1e-6
# Neighbours of a row, of which half or more share its value of a column of few values.
_N_SHARING = 10
# Neighbours tried, over the number of monomials.
_MULTIPLES = (1.6, 2.5, 4.0, 6.0)


class SurfaceChoice:
    """Polynomial surfaces through the neighbourhoods of rows, chosen by leaving out.

    Parameters
    ----------
    X : ndarray of shape (N, D)
        Rows, distinct but for those that stand under several conditions.
    rng : numpy.random.Generator
        Chooses the rows that are left out when there are more than 500.
    dim, degree, n_neighbors : int or "auto"
        As `MovingLeastSquares` takes them. "auto" takes the smallest dimension, up to 5
        and below the rank of the rows, columns of few values left out, at which the
        residual of quadratic surfaces is below 0.2, else that of smallest residual: a
        surface of more dimensions may hold the manifold and much beside it. Then the
        degree and the number of neighbours of smallest mean error, where errors beyond
        the nearest row count as that distance.
    approximate : bool, default=False
        Whether neighbours may be missed, see `NeighborSearch`.
    refine : bool, default=True
        Whether the degree and the number of neighbours are chosen too. Without, the
        surfaces are quadratic ones through as few rows as will do.

    Attributes
    ----------
    residual : float
        Median distance of a row to the surface through its neighbours, over that to
        its nearest neighbour; infinity when there is no surface.
    surface : MovingLeastSquares or None
        The surfaces; None when there are too few rows, or no dimension below D.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.geometry.surface_choice import SurfaceChoice
    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, 2 * np.pi, 300)
    >>> circle = np.column_stack([np.cos(angle), np.sin(angle)])
    >>> SurfaceChoice(circle, rng).is_clean
    True
    >>> SurfaceChoice(rng.normal(size=(300, 8)), rng).is_clean
    False
    >>> planes = np.column_stack([rng.normal(size=(300, 2)), rng.integers(2, size=300)])
    >>> SurfaceChoice(planes, rng).is_clean
    False
    """

    def __init__(
        self,
        X: np.ndarray,
        rng: np.random.Generator,
        *,
        dim: int | str = "auto",
        degree: int | str = "auto",
        n_neighbors: int | str = "auto",
        approximate: bool = False,
        refine: bool = True,
    ) -> None:
        self.rows = X
        self._approximate = approximate
        self.residual = np.inf
        self.surface: MovingLeastSquares | None = None
        n_asked = min(len(X), _MAX_ROWS)
        self._asked = rng.choice(len(X), n_asked, replace=False)
        search = NearestNeighbors(n_neighbors=min(_N_SHARING + 1, len(X))).fit(X)
        distances, near = search.kneighbors(X[self._asked])
        self._nearest = distances[:, min(1, len(X) - 1)]
        self._spread_out = _are_spread_out(X, self._asked, near[:, 1:])
        self._choose_dim(dim, degree, n_neighbors)
        if self.is_clean and refine:
            self._refine(degree, n_neighbors)

    @property
    def is_clean(self) -> bool:
        """Whether the rows lie on a smooth manifold rather than about one."""
        return self.residual < _CLEAN

    @property
    def dim(self) -> int:
        """The dimension of the surfaces; 0 when there are none."""
        return 0 if self.surface is None else self.surface.dim

    def surface_through(self, rows: np.ndarray) -> MovingLeastSquares:
        """Return surfaces of the same kind through other rows (n, D), or these."""
        assert self.surface is not None
        if len(rows) == len(self.rows):
            return self.surface
        return MovingLeastSquares(
            rows,
            dim=self.dim,
            degree=self.surface.degree,
            n_neighbors=self.surface.n_neighbors,
            approximate=self._approximate,
        )

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return how far points (n, D) lie from the surfaces through the rows there."""
        assert self.surface is not None
        projected = self.surface.project(torch.from_numpy(points))
        return np.linalg.norm(points - projected.numpy(), axis=1)

    def _choose_dim(
        self, dim: int | str, degree: int | str, n_neighbors: int | str
    ) -> None:
        asked = self.rows[self._asked]
        if isinstance(dim, int):
            # Surfaces of as many dimensions as there are columns hold everything.
            dims = range(dim, min(dim, asked.shape[1] - 1) + 1)
        else:
            # Rows fill a flat of their own rank, whatever the shape they have in it.
            spread = (asked - asked.mean(0))[:, self._spread_out]
            rank = np.linalg.matrix_rank(spread, rtol=_FLAT) if spread.size else 0
            dims = range(1, min(_MAX_DIM, rank - 1) + 1)
        for candidate in dims:
            order = degree if isinstance(degree, int) else 2
            wanted = n_neighbors
            if not isinstance(wanted, int):
                # As few as will do: of few rows more are no longer near.
                wanted = _n_neighbors(candidate, order, _MULTIPLES[0])
            # Where a surface is asked for, few rows must do.
            if isinstance(dim, int):
                wanted = min(wanted, len(self.rows) - 1)
            if self.is_clean or wanted + 1 > len(self.rows):
                break
            residual, misfit = map(np.median, self._try(candidate, order, wanted))
            if misfit > _MISFIT:
                # A row of a lattice is in the middle of others, wherever these lie.
                residual = max(residual, misfit)
            if residual < self.residual:
                self.residual = float(residual)
                self.surface = self._surface(candidate, order, wanted)

    def _refine(self, degree: int | str, n_neighbors: int | str) -> None:
        best = np.inf
        for order in [degree] if isinstance(degree, int) else [1, 2, 3]:
            wanted = [_n_neighbors(self.dim, order, factor) for factor in _MULTIPLES]
            if isinstance(n_neighbors, int):
                wanted = [n_neighbors]
            for count in wanted:
                if count + 1 > len(self.rows):
                    continue
                errors, _ = self._try(self.dim, order, count)
                error = float(np.minimum(errors, 1).mean())
                if error < best:
                    best = error
                    self.residual = float(np.median(errors))
                    self.surface = self._surface(self.dim, order, count)

    def _surface(self, dim: int, degree: int, n_neighbors: int) -> MovingLeastSquares:
        return MovingLeastSquares(
            self.rows,
            dim=dim,
            degree=degree,
            n_neighbors=n_neighbors,
            approximate=self._approximate,
        )

    def _try(
        self, dim: int, degree: int, n_neighbors: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return errors (m,) and misfits (m,), over the nearest-row distance.

        Of rows left out and of their neighbours, see `leave_one_out`.
        """
        surface = self._surface(dim, degree, n_neighbors)
        errors, misfits = surface.leave_one_out(self._asked)
        return self._over_nearest(errors), self._over_nearest(misfits)

    def _over_nearest(self, found: np.ndarray) -> np.ndarray:
        # A row that is there twice is met by its twin, which says nothing about the
        # surface: it counts as missed.
        missed = np.full_like(found, np.inf)
        return np.divide(found, self._nearest, out=missed, where=self._nearest > 0)


def _are_spread_out(X: np.ndarray, asked: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return which columns (D,) tell rows asked (m,) from those near (m, k)."""
    shares = (X[near] == X[asked][:, None]).mean(1)
    return np.median(shares, axis=0) < 0.5


def _n_neighbors(dim: int, degree: int, multiple: float) -> int:
    """Return so many times the coefficients of a surface, and two more."""
    return int(np.ceil(multiple * n_monomials(dim, degree))) + 2
