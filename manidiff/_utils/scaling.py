"""The scaled space in which noise levels are measured."""

from dataclasses import dataclass

import numpy as np

# Without scaling the squares of the values must fit into single precision.
_UNSCALED_RANGE = (1e-12, 1e12)
_NORMAL_FOURTH_ROOT = 3.0**0.25
# Squares of larger values overflow.
_LARGEST = 1e150


@dataclass(frozen=True)
class Scaling:
    """The affine map z = (x - center) / scale.

    Attributes
    ----------
    center : ndarray of shape (D,)
        Mean of the data.
    scale : ndarray of shape (D,)
        Positive divisors.
    """

    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def fit(cls, X: np.ndarray, weights: np.ndarray, kind: str | None) -> "Scaling":
        """Return the scaling of a kind for weighted rows.

        Parameters
        ----------
        X : ndarray of shape (N, D)
            Rows.
        weights : ndarray of shape (N,)
            Weights that sum to 1.
        kind : {"feature", "global", None}
            A scale for each column: its standard deviation, or where it is larger
            the fourth root of its fourth central moment over that of a standard normal
            variable, so that a column that is constant but for rare values does not
            become the widest of all; the root mean variance; 1.

        Raises
        ------
        ValueError
            If the rows are all equal, or too large or small to be represented.
        """
        center = weights @ X
        centered = X - center
        largest = np.abs(centered).max()
        if not np.isfinite(largest) or largest > _LARGEST:
            raise ValueError(
                f"X spans values up to {np.abs(X).max():.3g}, whose squares overflow. "
                "Rescale X first."
            )
        # What rounding alone leaves of a constant column is not variation.
        noise = 1e-13 * np.abs(X).max(axis=0)
        deviation = np.where(np.ptp(X, axis=0) > noise, np.abs(centered).max(0), 0.0)
        if not deviation.any():
            raise ValueError(
                f"X has {len(X)} samples, but all rows are equal (1 distinct row); "
                "at least 2 distinct rows are needed."
            )
        # Divided by the largest first, squares of tiny values do not underflow.
        unit = np.where(deviation > 0, deviation, 1.0)
        deviation = deviation * np.sqrt(weights @ (centered / unit) ** 2)
        if kind == "feature":
            fourth = unit * (weights @ (centered / unit) ** 4) ** 0.25
            scale = np.maximum(deviation, fourth / _NORMAL_FOURTH_ROOT)
            return cls(center, np.where(deviation > 0, scale, 1.0))
        if kind == "global":
            root_mean = largest * np.sqrt(np.mean((deviation / largest) ** 2))
            return cls(center, np.full(X.shape[1], root_mean))
        low, high = _UNSCALED_RANGE
        if not low < largest < high:
            raise ValueError(
                f"scaling=None, but X varies by {largest:.3g}, beyond what single "
                "precision holds. Use scaling='feature' or scaling='global'."
            )
        return cls(center, np.ones(X.shape[1]))

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Map rows to the scaled space, or raise if they are too far away for it."""
        Z = (X - self.center) / self.scale
        largest = np.abs(Z).max()
        if largest > _LARGEST:
            raise ValueError(
                f"X holds values up to {np.abs(X).max():.3g}, which are {largest:.3g} "
                "scales away from the training data: their squares overflow."
            )
        return Z

    def invert(self, Z: np.ndarray) -> np.ndarray:
        """Map rows of the scaled space back."""
        return Z * self.scale + self.center

    @property
    def log_jacobian(self) -> float:
        """Log-density of x minus log-density of z."""
        return -float(np.log(self.scale).sum())
