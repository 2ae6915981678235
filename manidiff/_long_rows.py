"""Rows that memory need not hold: their moments and spacing, and some at a time.

Anything serves that has a shape and a dtype and gives rows by slices and by ascending
integer arrays: an array, a `numpy.memmap`, arrays of zarr, h5py or dask.
"""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors

from manidiff._utils.chunking import chunk_slices
from manidiff._utils.scaling import Scaling
from manidiff.diffusion.gaussian import Gaussian

# Entries that are read at once: 32 MiB.
_READ = 2**22
# Rows whose nearest neighbours are sought among all: the median is right to about 3 %.
_N_SPACINGS = 1_000
# Neighbours looked at first: all of them are copies of few rows.
_N_NEAREST = 4
_NORMAL_FOURTH_ROOT = 3.0**0.25


def read_rows(X, rows):
    """Return rows of X, a slice or ascending indices, as a finite float64 array."""
    values = np.asarray(X[rows], dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("Input X contains NaN or infinity. Remove those rows first.")
    return values


def parts_of(X):
    """Yield slices of X that are read at once."""
    return chunk_slices(X.shape[0], max(_READ // X.shape[1], 1))


@dataclass(frozen=True)
class Moments:
    """Moments of weighted rows: mean, covariance, fourth central moments."""

    mean: np.ndarray
    covariance: np.ndarray
    fourth: np.ndarray

    @classmethod
    def of(cls, X, weights):
        """Return the moments of the rows of X with weights that sum to 1."""
        mean = sum(weights[part] @ read_rows(X, part) for part in parts_of(X))
        covariance, fourth = np.zeros((len(mean), len(mean))), np.zeros(len(mean))
        for part in parts_of(X):
            centered = read_rows(X, part) - mean
            covariance += (weights[part, None] * centered).T @ centered
            fourth += weights[part] @ centered**4
        return cls(mean, covariance, fourth)

    def scaling(self, kind):
        """Return the scaling of a kind, by the rule of `Scaling.fit`."""
        variances = np.diag(self.covariance)
        # What rounding alone leaves of a constant column is not variation.
        varies = variances > (1e-13 * np.abs(self.mean)) ** 2
        if not varies.any():
            raise ValueError(
                "X has only equal rows; at least 2 distinct rows are needed."
            )
        if kind is None:
            return Scaling(self.mean, np.ones_like(self.mean))
        if kind == "global":
            return Scaling(self.mean, np.full_like(self.mean, variances.mean() ** 0.5))
        scale = np.maximum(variances**0.5, self.fourth**0.25 / _NORMAL_FOURTH_ROOT)
        return Scaling(self.mean, np.where(varies, scale, 1.0))

    def gaussian(self, scaling):
        """Return the Gaussian with these moments in the scaled space."""
        covariance = self.covariance / np.outer(scaling.scale, scaling.scale)
        return Gaussian.from_covariance(np.zeros_like(self.mean), covariance)


def spacing(X, scaling, asked):
    """Return the median distance of scaled rows asked to their nearest others in X.

    Of equal rows one is asked, and none is another, however many there are.
    """
    firsts = np.unique(asked, axis=0, return_index=True)[1]
    asked = asked[np.sort(firsts)][:_N_SPACINGS]
    nearest = np.full(len(asked), np.inf)
    for part in parts_of(X):
        rows = scaling.apply(read_rows(X, part))
        others = _distances_to_others(asked, rows)
        if np.isinf(others).any():
            # Copies hide the others; sorting all parts would double the time.
            others = _distances_to_others(asked, np.unique(rows, axis=0))
        nearest = np.minimum(nearest, others)
    return float(np.median(nearest[np.isfinite(nearest)]))


def _distances_to_others(asked, rows):
    """Return distances to the nearest rows that differ; inf where none was found."""
    search = NearestNeighbors(n_neighbors=min(_N_NEAREST, len(rows))).fit(rows)
    found = rows[search.kneighbors(asked, return_distance=False)]
    distances = np.linalg.norm(found - asked[:, None], axis=2)
    return np.where(distances > 0, distances, np.inf).min(axis=1)


class ScaledRows:
    """Rows read when they are asked for: as a tensor is indexed, scaled, in float32."""

    def __init__(self, X, scaling, device):
        self.X = X
        self.scaling = scaling
        self.device = device

    def __len__(self):
        return self.X.shape[0]

    def __getitem__(self, index):
        ascending, places = np.unique(index.cpu().numpy(), return_inverse=True)
        rows = self.scaling.apply(read_rows(self.X, ascending))[places.ravel()]
        return torch.from_numpy(rows).to(self.device, torch.float32)
