"""A transformer with an inverse map that is learned where there is none."""

from math import ceil

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from manidiff.inverse._kernel_ridge import kernel_ridge
from manidiff.inverse._regressor import LocalPolynomialRegressor

# Rows held out to measure the reconstruction error: a fifth, at most so many.
_SHARE_HELD_OUT = 5
_MAX_HELD_OUT = 1000
# Few rows are held out several times over, until there are about so many.
_WANTED_HELD_OUT = 200
_NEEDS_NUMBERS = (
    "An inverse is learned from dense rows of finite numbers. For tables with words or "
    "missing values there is manidiff.tabular.TableEncoder, with an inverse of its own."
)


class InvertibleTransformer(TransformerMixin, BaseEstimator):
    """Give any transformer an `inverse_transform`, learned from the training rows.

    `fit` embeds the rows with the transformer and fits a regressor from the embedding
    back to the rows. `inverse_transform` predicts with it: in time linear in the number
    of rows, the same at every call. Where there is no way back for parts of the rows,
    the inverse gives their mean: noise around a manifold is lost.

    Parameters
    ----------
    transformer : transformer
        What to invert: `Isomap`, `LocallyLinearEmbedding`, `KernelPCA`, umap's `UMAP`,
        or any other. One without `transform` (`TSNE`, `MDS`, `SpectralEmbedding`)
        embeds the training rows, in `fit_transform`, and no others.
    inverse : {"auto", "kernel_ridge"} or regressor, default="auto"
        "auto" is `LocalPolynomialRegressor`. "kernel_ridge" is ridge regression on
        Gaussian kernels around up to 300 rows. Any regressor of scikit-learn will do;
        one for a single target is fitted to each column.

    Attributes
    ----------
    transformer_ : transformer
        The fitted transformer.
    inverse_ : regressor
        The fitted regressor from the embedding to the rows.
    reconstruction_error_ : float
        Root mean square distance from rows held out of `fit` to their reconstruction,
        over that to the mean of all rows: 0 is perfect, 1 no better than the mean. A
        second transformer and regressor, fitted without those rows, are used, which
        about doubles the time of `fit`. Without `transform` the transformer knows the
        held-out rows, the regressor does not. NaN where they cannot be fitted
        without a fifth of the rows: too few rows, or precomputed distances.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, where X had some.

    See Also
    --------
    manidiff.pipeline.SamplingPipeline : Draws through a chain of transformers.

    Examples
    --------
    >>> from sklearn.manifold import Isomap
    >>> from manidiff.datasets import SwissRoll
    >>> from manidiff.inverse import InvertibleTransformer
    >>> X = SwissRoll().sample(600, random_state=0)
    >>> isomap = InvertibleTransformer(Isomap(n_neighbors=10)).fit(X[:500])
    >>> X_back = isomap.inverse_transform(isomap.transform(X[500:]))
    >>> bool(abs(X_back - X[500:]).mean() < 0.5)
    True
    """

    def __init__(self, transformer, *, inverse="auto"):
        self.transformer = transformer
        self.inverse = inverse

    def fit(self, X, y=None):
        """Fit the transformer, and the inverse to what it makes of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, finite numbers.
        y : array-like, default=None
            Passed on to the transformer.

        Returns
        -------
        self : object
            The fitted transformer.

        Raises
        ------
        TypeError
            If X is sparse, or `transformer` has neither `fit` and `transform` nor
            `fit_transform`.
        ValueError
            If X has fewer than two rows, words, NaN or infinity, or `inverse` is no
            regressor.
        """
        self._fit_embed(X, y)
        return self

    def fit_transform(self, X, y=None):
        """Fit, and return the embedding of the training rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training rows, finite numbers.
        y : array-like, default=None
            Passed on to the transformer.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            The embedding.

        Raises
        ------
        TypeError
            If X is sparse, or `transformer` has neither `fit` and `transform` nor
            `fit_transform`.
        ValueError
            If X has fewer than two rows, words, NaN or infinity, or `inverse` is no
            regressor.
        """
        return self._fit_embed(X, y)

    def transform(self, X):
        """Embed rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            The embedding.

        Raises
        ------
        NotImplementedError
            If the transformer has no `transform`.
        """
        check_is_fitted(self)
        if not hasattr(self.transformer_, "transform"):
            name = type(self.transformer_).__name__
            raise NotImplementedError(
                f"{name} has no transform: it embeds the rows that it was fitted to, "
                "and no others. Take their embedding from fit_transform, or use a "
                "transformer that has one, for example Isomap."
            )
        validate_data(self, X, reset=False)
        return _embedding(self.transformer_.transform(X))

    def inverse_transform(self, X):
        """Map rows of the embedding back.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Rows of the embedding.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Rows in the units of the training data, float64.

        Raises
        ------
        ValueError
            If X has another number of columns than the embedding.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=np.float64)
        if Z.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {Z.shape[1]} columns, but the embedding has "
                f"{self._n_features_out}. Pass rows of the embedding."
            )
        return self.inverse_.predict(Z).reshape(len(Z), self.n_features_in_)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of the embedding.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X.

        Returns
        -------
        names : ndarray of str
            Those of the transformer, or its name with a number.
        """
        check_is_fitted(self)
        if hasattr(self.transformer_, "get_feature_names_out"):
            return self.transformer_.get_feature_names_out(input_features)
        prefix = type(self.transformer_).__name__.lower()
        columns = range(self._n_features_out)
        return np.array([f"{prefix}{column}" for column in columns], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self.transformer)
        tags.target_tags.required = inner.target_tags.required
        tags.non_deterministic = inner.non_deterministic
        return tags

    def _fit_embed(self, X, y):
        _check_transformer(self.transformer)
        rows = self._targets(X)
        self.transformer_ = clone(self.transformer)
        Z = _fit_transform(self.transformer_, X, y)
        self._n_features_out = Z.shape[1]
        self.inverse_ = self._fit_inverse(Z, rows)
        try:
            self.reconstruction_error_ = self._held_out_error(X, y, rows, Z)
        except ValueError:
            # All rows could be fitted: a part of them is too small, or is no square.
            self.reconstruction_error_ = np.nan
        return Z

    def _targets(self, X):
        try:
            return validate_data(self, X, dtype=np.float64, ensure_min_samples=2)
        except (TypeError, ValueError) as error:
            error.add_note(_NEEDS_NUMBERS)
            raise

    def _fit_inverse(self, Z, rows):
        targets = rows.ravel() if rows.shape[1] == 1 else rows
        return _regressor(self.inverse, Z).fit(Z, targets)

    def _held_out_error(self, X, y, rows, Z):
        n_held_out = min(ceil(len(rows) / _SHARE_HELD_OUT), _MAX_HELD_OUT)
        n_splits = min(ceil(_WANTED_HELD_OUT / n_held_out), _SHARE_HELD_OUT)
        given = [rows, Z, X] if y is None else [rows, Z, X, y]
        errors = [
            self._split_error(
                *train_test_split(*given, test_size=n_held_out, random_state=seed)
            )
            for seed in range(n_splits)
        ]
        variance = rows.var(axis=0).sum()
        return float(np.sqrt(np.mean(errors) / variance)) if variance > 0 else 0.0

    def _split_error(self, rows, rows_out, Z, Z_out, X, X_out, y=None, y_out=None):
        """Return the mean squared distance of held-out rows to their reconstruction."""
        if hasattr(self.transformer, "transform"):
            transformer = clone(self.transformer)
            Z = _fit_transform(transformer, X, y)
            Z_out = _embedding(transformer.transform(X_out))
        found = self._fit_inverse(Z, rows).predict(Z_out).reshape(rows_out.shape)
        return ((found - rows_out) ** 2).sum(axis=1).mean()


def _fit_transform(transformer, X, y):
    """Fit a transformer and return its embedding of X (n_samples, n_components)."""
    if hasattr(transformer, "fit_transform"):
        return _embedding(transformer.fit_transform(X, y))
    return _embedding(transformer.fit(X, y).transform(X))


def _embedding(Z):
    return check_array(Z, dtype=np.float64, input_name="The embedding")


def _regressor(inverse, Z):
    """Return the unfitted regressor that the parameter `inverse` stands for."""
    if isinstance(inverse, str) and inverse == "auto":
        return LocalPolynomialRegressor()
    if isinstance(inverse, str) and inverse == "kernel_ridge":
        return kernel_ridge(Z)
    if not (hasattr(inverse, "fit") and hasattr(inverse, "predict")):
        raise ValueError(
            f"inverse={inverse!r} must be 'auto', 'kernel_ridge' or a regressor, for "
            "example KNeighborsRegressor()."
        )
    regressor = clone(inverse)
    if get_tags(regressor).target_tags.multi_output:
        return regressor
    return MultiOutputRegressor(regressor)


def _check_transformer(transformer):
    if isinstance(transformer, type):
        name = transformer.__name__
        raise TypeError(f"transformer={name} is a class. Pass an instance: {name}().")
    if not hasattr(transformer, "fit_transform") and not (
        hasattr(transformer, "fit") and hasattr(transformer, "transform")
    ):
        raise TypeError(
            f"transformer={transformer!r} must have fit and transform, or "
            "fit_transform. Pass for example Isomap()."
        )
