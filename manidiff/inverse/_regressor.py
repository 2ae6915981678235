"""Local polynomial regression as a scikit-learn regressor."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from manidiff._utils.compat import Interval, StrOptions, fit_context
from manidiff.geometry.local_regression import choose_local_polynomials


class LocalPolynomialRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Regression on polynomials through the nearest rows.

    For each point a polynomial is fitted to the nearest training rows, the nearer the
    heavier [1]_: moving least squares [2]_. The prediction is a continuous function of
    the point. Beyond the rows it stays at the edge of the nearest neighbourhood.

    Parameters
    ----------
    degree : {"auto", 0, 1, 2, 3}, default="auto"
        Degree of the polynomials; lower where a neighbourhood has fewer rows than the
        polynomial has coefficients. "auto" tries 1 and 2.
    n_neighbors : int or "auto", default="auto"
        Rows that a polynomial is fitted to, >= 1. "auto" tries 1.6 to 6 times the
        number of coefficients.
    alpha : float or "auto", default="auto"
        Ridge penalty on the coefficients, in units in which the weights of a
        neighbourhood sum to 1 and its extent is 1; > 0. "auto" tries 1e-8, .001 and
        .01. What is "auto" is chosen by predicting up to 500 rows from the others.

    Attributes
    ----------
    degree_ : int
        The degree in use.
    n_neighbors_ : int
        The number of neighbours in use.
    alpha_ : float
        The penalty in use.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    InvertibleTransformer : Learns the inverse of an embedding with it.

    References
    ----------
    .. [1] Fan, Gijbels (1996). "Local Polynomial Modelling and Its Applications",
           Chapman & Hall.
    .. [2] Levin (1998). "The approximation power of moving least-squares",
           Mathematics of Computation 67.

    Examples
    --------
    >>> import numpy as np
    >>> from manidiff.inverse import LocalPolynomialRegressor
    >>> angle = np.linspace(0, 6, 100)[:, None]
    >>> model = LocalPolynomialRegressor().fit(angle, np.sin(angle).ravel())
    >>> bool(abs(model.predict([[1.0]]) - np.sin(1)) < 1e-4)
    True
    """

    _parameter_constraints: dict = {
        "degree": [StrOptions({"auto"}), Interval(Integral, 0, 3, closed="both")],
        "n_neighbors": [
            StrOptions({"auto"}),
            Interval(Integral, 1, None, closed="left"),
        ],
        "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
    }

    def __init__(self, *, degree="auto", n_neighbors="auto", alpha="auto"):
        self.degree = degree
        self.n_neighbors = n_neighbors
        self.alpha = alpha

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Keep the rows and choose what is "auto".

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            What to predict.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If a parameter is out of its range, X and y have different lengths, or one
            of them holds NaN or infinity.
        """
        X, y = validate_data(
            self, X, y, dtype=np.float64, multi_output=True, y_numeric=True
        )
        self._is_single = y.ndim == 1
        self._polynomials = choose_local_polynomials(
            X,
            np.asarray(y, dtype=np.float64).reshape(len(y), -1),
            degree=self.degree,
            n_neighbors=self.n_neighbors,
            penalty=self.alpha,
        )
        self.degree_ = self._polynomials.degree
        self.n_neighbors_ = self._polynomials.n_neighbors
        self.alpha_ = self._polynomials.penalty
        return self

    def predict(self, X):
        """Return what the polynomials around each row give.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. The cost is linear in their number.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Predictions, float64.

        Raises
        ------
        ValueError
            If X has another number of columns than in `fit`, or holds NaN or infinity.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        predicted = self._polynomials.predict(X)
        return predicted.ravel() if self._is_single else predicted
