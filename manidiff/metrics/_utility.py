"""Whether what is learned from generated rows holds for true ones."""

from typing import Any, NamedTuple

from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length

from manidiff.metrics._neighbors import check_sets


class UtilityResult(NamedTuple):
    """What `train_on_synthetic` returns."""

    synthetic: float
    real: float
    ratio: float


def train_on_synthetic(
    X_gen: Any,
    X_train: Any,
    X_heldout: Any,
    *,
    y_gen: Any,
    y_train: Any,
    y_heldout: Any,
    estimator: Any,
    scoring: Any = None,
) -> UtilityResult:
    """Return the held-out score of a predictor that was fitted to generated rows.

    Beside it that of the same predictor fitted to training rows, and the ratio of the
    two. Higher is better; fresh true rows, as many as training rows, score a ratio of
    about 1, and so do copies. More rows make a better predictor: give equally many to
    measure their quality alone.

    Parameters
    ----------
    X_gen, X_train, X_heldout : array-like of shape (n_rows, n_features)
        Generated, training and held-out rows.
    y_gen, y_train, y_heldout : array-like of shape (n_rows,)
        What is to be predicted of them. `y_gen` is what the generated rows were drawn
        for, or a column split from them.
    estimator : scikit-learn classifier or regressor
        The predictor. It is cloned, not fitted.
    scoring : str, callable or None, default=None
        A score of scikit-learn. None takes that of the estimator: accuracy, or the
        coefficient of determination.

    Returns
    -------
    result : named tuple of floats
        `synthetic` and `real`, the held-out scores after fitting generated and training
        rows, in the range of the score; `ratio`, the first over the second, NaN unless
        `real` is above 0.

    Raises
    ------
    ValueError
        If a y has another length than its rows.

    References
    ----------
    Esteban, Hyland, Ratsch (2017), "Real-valued (Medical) Time Series Generation with
    Recurrent Conditional GANs".

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from manidiff.metrics import train_on_synthetic
    >>> train_on_synthetic(
    ...     [[0.0], [0.5]], [[0.0], [1.0]], [[0.1], [0.2], [0.7], [0.9]],
    ...     y_gen=[0, 1], y_train=[0, 1], y_heldout=[0, 0, 0, 1],
    ...     estimator=DecisionTreeClassifier(random_state=0),
    ... )
    UtilityResult(synthetic=0.75, real=0.75, ratio=1.0)
    """
    X_gen, X_train, X_heldout = check_sets(X_gen, X_train, X_heldout)
    check_consistent_length(X_gen, y_gen)
    check_consistent_length(X_train, y_train)
    check_consistent_length(X_heldout, y_heldout)
    score = check_scoring(estimator, scoring)
    synthetic, real = (
        float(score(clone(estimator).fit(X, y), X_heldout, y_heldout))
        for X, y in ((X_gen, y_gen), (X_train, y_train))
    )
    ratio = synthetic / real if real > 0 else float("nan")
    return UtilityResult(synthetic, real, ratio)
