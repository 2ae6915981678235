"""From a table of mixed types to an array of numbers, and back."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.utils.validation import check_is_fitted

from manidiff.tabular._columns import KINDS, Column


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a DataFrame of mixed types as numbers, and decode numbers as such rows.

    Numbers and moments become normal scores: the normal quantiles of their ranks among
    the training values, on straight lines beyond them. So do the ranks of ordered
    categories and of two categories; three and more without an order become an
    indicator each. A column with missing values gets a second one that flags them.

    Decoded rows are valid rows of the training table: they have its columns, dtypes and
    categories, keep its ranges, decimals and whole numbers, and repeat the values that
    repeat in it. A column in which each value is met five times on average takes only
    the values that it has; elsewhere a value that holds a hundredth of the rows, such
    as the zeros of a zero-inflated column, has the gap around it kept free.

    Parameters
    ----------
    column_types : dict, default=None
        What columns are, by name: "numeric", "categorical", "ordered" or "datetime".
        Others are taken by their dtypes: numbers are numeric; booleans, text and
        unordered categories categorical. A column of one value is constant.
    verbose : int, default=0
        Above 0, `fit` prints what each column is taken for.

    Attributes
    ----------
    transformer_ : ColumnTransformer
        A transformer for each column.
    column_kinds_ : dict
        What each column is taken for.
    n_features_in_ : int
        Number of columns of the table.
    n_features_out_ : int
        Number of encoded columns.

    See Also
    --------
    SyntheticTable : Draws rows of a table.
    sklearn.compose.ColumnTransformer : Other encodings; by itself it has no inverse.

    Examples
    --------
    >>> import pandas as pd
    >>> from manidiff.tabular import TableEncoder
    >>> table = pd.DataFrame(
    ...     {"size": [1, 2, 4], "kind": ["a", "b", "a"], "price": [0.5, None, 2.5]}
    ... )
    >>> encoder = TableEncoder(verbose=1).fit(table)
    size: numeric, whole numbers from 1 to 4
    kind: categorical, 2 values: a, b
    price: numeric, numbers of 1 decimals from 0.5 to 2.5, with missing values
    >>> Z = encoder.transform(table)
    >>> Z.shape
    (3, 4)
    >>> encoder.inverse_transform(Z).equals(table)
    True
    """

    def __init__(self, column_types=None, verbose=0):
        self.column_types = column_types
        self.verbose = verbose

    def fit(self, X, y=None):
        """Learn what the columns of a table hold.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            The table.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted encoder.

        Raises
        ------
        TypeError
            If X is no DataFrame.
        ValueError
            If X has no row or no column, two columns of one name, a column without a
            value, with more than 256 categories, of a dtype that cannot be encoded, or
            if `column_types` names something unknown.
        """
        _check_table(X)
        kinds = self._asked_kinds(X)
        # Columns are found by their place: their labels need not be text.
        columns = [
            (str(place), Column(name, kinds.get(name)), [place])
            for place, name in enumerate(X.columns)
        ]
        self.transformer_ = ColumnTransformer(columns, sparse_threshold=0)
        self.transformer_.set_output(transform="default").fit(_by_place(X))
        self.column_kinds_ = {column.name: column.kind_ for column in self.columns_}
        self.n_features_in_ = X.shape[1]
        self.n_features_out_ = sum(column.width_ for column in self.columns_)
        if self.verbose:
            print(*(column.describe() for column in self.columns_), sep="\n")
        return self

    def transform(self, X):
        """Return the rows of a table as numbers.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of the training table, in any order.

        Returns
        -------
        Z : ndarray of shape (n_rows, `n_features_out_`)
            Encoded rows, float64.

        Raises
        ------
        ValueError
            If columns are missing or unknown, a category is unknown, or values are
            missing where the training table has none missing.
        """
        return self.transformer_.transform(_by_place(self.align(X)))

    def inverse_transform(self, X):
        """Return the table that encoded rows stand for.

        Parameters
        ----------
        X : array-like of shape (n_rows, `n_features_out_`)
            Encoded rows; any finite numbers.

        Returns
        -------
        table : DataFrame of shape (n_rows, n_columns)
            Valid rows, numbered from 0.

        Raises
        ------
        ValueError
            If X has another width, or holds NaN or infinity.
        """
        return self._decode(X, complete=False)

    def encode_known(self, X):
        """Return the rows of an aligned table as numbers, NaN for missing values."""
        return np.hstack(
            [column.encode_known(X[column.name]) for column in self.columns_]
        )

    def encode_conditions(self, conditions):
        """Return one encoded row (D,) with NaN where no value is asked for."""
        if not isinstance(conditions, Mapping):
            raise TypeError(
                f"conditions={conditions!r} must be a dict of values by column, for "
                "example {'age': 30}."
            )
        names = [column.name for column in self.columns_]
        unknown = [name for name in conditions if name not in names]
        if unknown:
            raise ValueError(
                f"conditions name the columns {unknown}, which are not in the training "
                f"table. It has {names}."
            )
        return np.concatenate(
            [
                column.encode_given(conditions[column.name])
                if column.name in conditions
                else np.full(column.width_, np.nan)
                for column in self.columns_
            ]
        )

    def decode_complete(self, Z):
        """Return the table of encoded rows, with no value missing."""
        return self._decode(Z, complete=True)

    def parts(self):
        """Return each column with the slice of its encoded columns."""
        places = self.transformer_.output_indices_
        return [(column, places[name]) for name, column in self._named_columns()]

    def get_feature_names_out(self, input_features=None):
        """Return the names of the encoded columns.

        Parameters
        ----------
        input_features : None
            Ignored.

        Returns
        -------
        names : ndarray of str
            The name of the column, followed by a category or by "missing" where that
            is what the encoded column flags.
        """
        check_is_fitted(self)
        return np.hstack([column.get_feature_names_out() for column in self.columns_])

    def align(self, X, *, allow_empty=False):
        """Return a table with its columns in the order of the training table.

        Parameters
        ----------
        X : DataFrame
            A table with the same columns.
        allow_empty : bool, default=False
            Whether it may have no rows.

        Returns
        -------
        X : DataFrame
            The same table.

        Raises
        ------
        ValueError
            If columns are missing, some are not in the training table, or X has no
            rows and needs some.
        """
        check_is_fitted(self)
        _check_table(X, allow_empty=allow_empty)
        names = [column.name for column in self.columns_]
        absent = [name for name in names if name not in X.columns]
        unknown = [name for name in X.columns if name not in self.column_kinds_]
        if absent or unknown:
            faults = [f"lacks the columns {absent}"] if absent else []
            faults += [f"has the unknown columns {unknown}"] if unknown else []
            raise ValueError(
                f"The table {' and '.join(faults)}. The training table has {names}."
            )
        return X[names]

    @property
    def columns_(self):
        """What was learned of each column, a list of `Column`."""
        return [column for _, column in self._named_columns()]

    def _named_columns(self):
        # Columns that are encoded as nothing are transformers too.
        return [(name, column) for name, column, _ in self.transformer_.transformers_]

    def _decode(self, Z, *, complete):
        check_is_fitted(self)
        Z = np.asarray(Z, dtype=np.float64)
        if Z.ndim != 2 or Z.shape[1] != self.n_features_out_:
            raise ValueError(
                f"X has shape {Z.shape}, but the encoded table has "
                f"{self.n_features_out_} columns."
            )
        if not np.isfinite(Z).all():
            raise ValueError("X holds NaN or infinity, which stand for no row.")
        series = [
            column.decode(Z[:, part], complete=complete)
            for column, part in self.parts()
        ]
        return pd.concat(series, axis=1)

    def _asked_kinds(self, X):
        kinds = {} if self.column_types is None else dict(self.column_types)
        unknown = [name for name in kinds if name not in X.columns]
        if unknown:
            raise ValueError(
                f"column_types names the columns {unknown}, which are not in the "
                f"table. It has {list(X.columns)}."
            )
        for name, kind in kinds.items():
            if kind not in KINDS:
                raise ValueError(
                    f"column_types={{{name!r}: {kind!r}}} must be one of {KINDS}."
                )
        return kinds


def _by_place(X):
    return X.set_axis(range(X.shape[1]), axis="columns")


def _check_table(X, *, allow_empty=False):
    if not isinstance(X, pd.DataFrame):
        raise TypeError(
            f"The table is a {type(X).__name__}; pass a pandas DataFrame, for example "
            "pandas.DataFrame(X)."
        )
    if X.shape[1] == 0 or (len(X) == 0 and not allow_empty):
        raise ValueError(f"The table is empty: {len(X)} rows and {X.shape[1]} columns.")
    if not X.columns.is_unique:
        twice = X.columns[X.columns.duplicated()].unique().tolist()
        raise ValueError(f"The table has several columns named {twice}. Rename them.")
