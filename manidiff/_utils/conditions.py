"""From the labels or targets y to the vectors that condition a score."""

from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d

# What labels may be: what JSON has words for, so that they can be saved.
_LABEL_TYPES = (str, bool, int, float)


class ConditionEncoder:
    """Encodes y as rows of numbers and draws y by its training frequencies.

    Float y, one column or several, are continuous targets and are standardised; any
    other y are class labels, text or numbers, and become indicator rows.

    Attributes
    ----------
    classes_ : ndarray or None
        The labels; None for continuous targets.
    encoded_ : ndarray of shape (n, n_conditions_)
        The distinct rows that draws are made from.
    probabilities_ : ndarray of shape (n,)
        Their training frequencies.
    n_conditions_ : int
        Width of an encoded row.
    """

    def fit(self, y: Any, weights: np.ndarray) -> "ConditionEncoder":
        """Learn the labels, or the moments of the targets, of the training rows."""
        y = np.asarray(y)
        if y.dtype.kind == "f":
            y = check_array(y.reshape(len(y), -1), dtype=np.float64, input_name="y")
            self.classes_ = None
            self.mean_ = np.average(y, axis=0, weights=weights)
            spread = np.sqrt(np.average((y - self.mean_) ** 2, axis=0, weights=weights))
            self.spread_ = np.where(spread > 0, spread, 1.0)
            encoded = (y - self.mean_) / self.spread_
        else:
            self.classes_, codes = _labels(column_or_1d(y, warn=True))
            encoded = np.eye(len(self.classes_))[codes]
        self.encoded_, index = np.unique(encoded, axis=0, return_inverse=True)
        self.probabilities_ = np.bincount(index.ravel(), weights) / np.sum(weights)
        self.n_conditions_ = encoded.shape[1]
        return self

    def transform(self, y: Any, n_samples: int) -> np.ndarray:
        """Return the rows (n_samples, n_conditions_) that encode y.

        A single value serves every row.

        Raises
        ------
        ValueError
            If y has another length or width, a label that was not in the training
            data, or a value that is not finite.
        """
        if self.classes_ is None:
            return self._transform_targets(y, n_samples)
        y = np.asarray(y)
        y = np.full(n_samples, y) if y.ndim == 0 else column_or_1d(y)
        _check_length(y, n_samples)
        unknown = sorted(set(y.tolist()) - set(self.classes_.tolist()), key=str)
        if unknown:
            raise ValueError(
                f"y holds labels that were not in the training data: {unknown[:5]}. "
                f"Known labels: {self.classes_.tolist()[:20]}."
            )
        return np.eye(len(self.classes_))[np.searchsorted(self.classes_, y)]

    def draw(self, n_samples: int, rng: np.random.Generator) -> np.ndarray:
        """Draw encoded rows by their training frequencies."""
        chosen = rng.choice(len(self.encoded_), n_samples, p=self.probabilities_)
        return self.encoded_[chosen]

    def _transform_targets(self, y: Any, n_samples: int) -> np.ndarray:
        try:
            y = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "y must hold numbers: the estimator was fitted with continuous targets."
            ) from error
        if y.ndim == 0 or (y.ndim == 1 and self.n_conditions_ > 1):
            y = np.tile(y.reshape(1, -1), (n_samples, 1))
        y = check_array(y.reshape(len(y), -1), input_name="y")
        _check_length(y, n_samples)
        if y.shape[1] != self.n_conditions_:
            raise ValueError(
                f"y has {y.shape[1]} columns, but the estimator was fitted with "
                f"{self.n_conditions_}."
            )
        return (y - self.mean_) / self.spread_


def _labels(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels in their order, and the place of each of y among them."""
    if y.dtype.kind not in "biuU":
        # Not by tolist, which makes integers of dates in nanoseconds.
        plain = [_plain(one) for one in y]
        y = np.empty(len(plain), dtype=object)
        y[:] = plain
    try:
        labels, codes = np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(
            "y holds labels of types that have no common order, such as text "
            "and missing values. Give every row a label of one type."
        ) from error
    for label in labels.tolist():
        # Missing values are not equal to themselves.
        if not isinstance(label, _LABEL_TYPES) or label != label:
            raise ValueError(
                f"y holds the label {label!r} of type {type(label).__name__}. Labels "
                "are text, integers or bools: pass y.astype(str), or an array of codes."
            )
    return labels, codes


def _plain(label: Any) -> Any:
    """Return a label without the clothes of numpy, if it is text or a number."""
    is_plain = isinstance(label, (np.str_, np.bool_, np.integer, np.floating))
    # Spans of time are integers to numpy.
    return label.item() if is_plain and not isinstance(label, np.timedelta64) else label


def _check_length(y: np.ndarray, n_samples: int) -> None:
    if len(y) != n_samples:
        raise ValueError(
            f"y has {len(y)} values, but there are {n_samples} rows. Pass one value "
            "for all rows, or one value for each."
        )
