"""One column of a table: its kind, its codec, and a flag for missing values."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
from pandas.api import types
from sklearn.base import BaseEstimator, TransformerMixin

from manidiff.tabular._categories import CategoryCodec, ConstantCodec, plain
from manidiff.tabular._moments import DatetimeCodec
from manidiff.tabular._numbers import NumberCodec
from manidiff.tabular._plain import dtype_of, plain_dtype

KINDS = ("numeric", "categorical", "ordered", "datetime")
# Beyond so many categories indicators say nothing of each.
_MAX_CATEGORIES = 256


class Column(TransformerMixin, BaseEstimator):
    """A column of a table, as numbers and back: one step of a ColumnTransformer.

    Its encoded columns are those of its codec, then one that flags missing values where
    the training table had some. Missing values are 0 in the former.

    Parameters
    ----------
    name : hashable
        Its label.
    kind : {"numeric", "categorical", "ordered", "datetime"} or None
        What it is; None takes it from the dtype.

    Attributes
    ----------
    dtype_ : dtype
        Its dtype in the training table.
    kind_ : str
        What it is, "constant" included.
    is_flagged_ : bool
        Whether the training table had missing values.
    flag_scale_ : float
        What the flags are divided by.
    codec_ : codec
        How its present values are encoded.
    width_ : int
        Number of encoded columns.
    """

    def __init__(self, name, kind=None):
        self.name = name
        self.kind = kind

    def __getstate__(self):
        state = dict(super().__getstate__())
        if "dtype_" in state:
            state["dtype_"] = plain_dtype(self.dtype_)
        return state

    def __setstate__(self, state):
        super().__setstate__(state)
        if "dtype_" in state:
            self.dtype_ = dtype_of(state["dtype_"])

    def fit(self, X, y=None):
        """Learn from a DataFrame that holds the column alone."""
        series = X.iloc[:, 0]
        self.dtype_ = series.dtype
        missing = series.isna()
        if missing.all():
            raise ValueError(
                f"Column {self.name!r} has no value: all {len(series)} rows of it are "
                "missing. Drop the column."
            )
        present = series[~missing]
        self.is_flagged_ = bool(missing.any())
        self.flag_scale_ = float(missing.std(ddof=0)) if self.is_flagged_ else 1.0
        with _naming(f"Column {self.name!r}"):
            asked = self.kind or _default_kind(series.dtype)
            self.kind_ = "constant" if _n_distinct(present) == 1 else asked
            self.codec_ = self._make_codec().fit(present)
        self.width_ = self.codec_.width + self.is_flagged_
        if isinstance(self.codec_, CategoryCodec):
            self._check_categories(len(present))
        return self

    def transform(self, X):
        """Return the encoded values (n, width) of a DataFrame of the column alone."""
        series = X.iloc[:, 0]
        missing = series.isna().to_numpy()
        if missing.any() and not self.is_flagged_:
            raise ValueError(
                f"Column {self.name!r} has {int(missing.sum())} missing values, but "
                "had none in the training table. Fill them, for example by "
                "SyntheticTable.impute."
            )
        Z = self._encode_present(series, missing, 0.0)
        if self.is_flagged_:
            Z[:, -1] = missing / self.flag_scale_
        return Z

    def encode_known(self, series):
        """Return encoded values (n, width) where missing ones are to be found: NaN."""
        return self._encode_present(series, series.isna().to_numpy(), np.nan)

    def encode_given(self, value):
        """Return the encoded form (width,) of one value; NaN is what is left open."""
        asked = f"conditions={{{self.name!r}: {plain(value)!r}}}"
        if not types.is_scalar(value):
            raise TypeError(f"{asked} must give one value.")
        if pd.isna(value):
            return self._encode_given_missing()
        with _naming(f"{asked}: the value"):
            self.codec_.check(value)
            encoded = self.codec_.encode(self.codec_.read(value))[0]
        return np.append(encoded, [0.0] * self.is_flagged_)

    def repeat(self, value, n):
        """Return a Series of one value n times."""
        values = [value] if pd.isna(value) else self._spelled(self.codec_.read(value))
        return pd.Series(values, name=self.name, dtype=self.dtype_).repeat(n)

    def cells(self, series):
        """Return the cells (n,) of a table as objects, those present in the dtype."""
        values = series.astype(object).to_numpy(copy=True)
        present = series.notna().to_numpy()
        values[present] = self.restore(values[present]).astype(object).to_numpy()
        return values

    def restore(self, values):
        """Return a Series of values (n,) in the dtype of the column, none changed."""
        with _naming(f"Column {self.name!r}"):
            if types.is_integer_dtype(self.dtype_):
                self._check_whole(np.asarray(values, dtype=np.float64))
            try:
                return pd.Series(values, name=self.name, dtype=self.dtype_)
            except (OverflowError, TypeError, ValueError) as error:
                raise ValueError(f"does not fit {self.dtype_}: {error}") from error

    def decode(self, Z, *, complete=False):
        """Return a Series of what encoded values (n, width) say.

        A complete one has no missing values, whatever the flags say.
        """
        missing = np.zeros(len(Z), dtype=bool)
        if self.is_flagged_ and not complete:
            missing = Z[:, -1] * self.flag_scale_ > 0.5
        present = np.flatnonzero(~missing)
        values = self._spelled(self.codec_.decode(Z[present, : self.codec_.width]))
        if isinstance(values, pd.Series):
            values = values.array
        series = pd.Series(values, index=present, name=self.name, dtype=self.dtype_)
        return series if len(present) == len(Z) else series.reindex(range(len(Z)))

    @property
    def observation_noise(self):
        """Standard deviations (width,) of the noise under which values are observed."""
        noise = [self.codec_.noise] * self.codec_.width
        return np.array(noise + [0.25 / self.flag_scale_] * self.is_flagged_)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the encoded columns."""
        names = [f"{self.name}"] if self.codec_.width == 1 else []
        if self.codec_.width > 1:
            names = [f"{self.name}_{value}" for value in self.codec_.categories]
        return np.array(
            names + [f"{self.name}_missing"] * self.is_flagged_, dtype=object
        )

    def describe(self):
        """Return one line that says what the column is taken for."""
        missing = ", with missing values" if self.is_flagged_ else ""
        return f"{self.name}: {self.kind_}, {self.codec_.describe()}{missing}"

    def _spelled(self, values):
        """Return values with whole numbers as such where they go into text: no 19.0."""
        is_text = self.kind_ == "numeric" and not types.is_numeric_dtype(self.dtype_)
        if is_text and self.codec_.decimals == 0:
            return [int(value) for value in values]
        return values

    def _encode_present(self, series, missing, fill):
        Z = np.zeros((len(series), self.width_))
        with _naming(f"Column {self.name!r}"):
            Z[~missing, : self.codec_.width] = self.codec_.encode(series[~missing])
        Z[missing, : self.codec_.width] = fill
        return Z

    def _encode_given_missing(self):
        if not self.is_flagged_:
            raise ValueError(
                f"conditions={{{self.name!r}: missing}}: the column has no missing "
                "value in the training table."
            )
        return np.append(np.full(self.codec_.width, np.nan), 1 / self.flag_scale_)

    def _make_codec(self):
        if self.kind_ == "constant":
            return ConstantCodec()
        if self.kind_ == "datetime":
            if not types.is_datetime64_any_dtype(self.dtype_):
                raise ValueError(
                    f"has dtype {self.dtype_}; convert it with pandas.to_datetime"
                )
            if isinstance(self.dtype_, pd.ArrowDtype):
                raise ValueError(
                    f"has dtype {self.dtype_}, and moments of pyarrow cannot be "
                    f"learned; convert it with {_in_pandas(self.dtype_)}"
                )
            return DatetimeCodec(self.dtype_)
        if self.kind_ == "numeric":
            return NumberCodec(whole=types.is_integer_dtype(self.dtype_))
        known = None
        if isinstance(self.dtype_, pd.CategoricalDtype):
            known = list(self.dtype_.categories)
        return CategoryCodec(self.kind_ == "ordered", known)

    def _check_whole(self, numbers):
        broken = numbers[numbers != np.round(numbers)]
        if len(broken):
            raise ValueError(
                f"holds {broken[0]:.12g}, and the training table has whole numbers "
                f"there, {self.dtype_}. Round it, or take it out"
            )

    def _check_categories(self, n_present):
        n_categories = len(self.codec_.categories)
        if n_categories > _MAX_CATEGORIES and not self.codec_.ordered:
            raise ValueError(
                f"Column {self.name!r} has {n_categories} categories in {n_present} "
                f"rows; at most {_MAX_CATEGORIES} can be learned. Drop it, group its "
                "values, or say what it is, for example "
                f"column_types={{{self.name!r}: 'numeric'}}."
            )


@contextmanager
def _naming(subject):
    """Put a subject in front of what is wrong inside the block."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{subject} {error}.") from error


def _in_pandas(dtype):
    """Return the call that turns moments of pyarrow into those of pandas."""
    zone = getattr(dtype.pyarrow_dtype, "tz", None)
    return f"Series.astype('datetime64[ns{f', {zone}' if zone else ''}]')"


def _default_kind(dtype):
    """Return the kind of a column by its dtype."""
    if isinstance(dtype, pd.CategoricalDtype):
        return "ordered" if dtype.ordered else "categorical"
    if types.is_bool_dtype(dtype) or types.is_object_dtype(dtype):
        return "categorical"
    if types.is_string_dtype(dtype):
        return "categorical"
    if types.is_datetime64_any_dtype(dtype):
        return "datetime"
    if types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype):
        return "numeric"
    raise ValueError(
        f"has dtype {dtype}, which has no place in a table of numbers, categories and "
        "moments. Convert or drop it"
    )


def _n_distinct(present):
    try:
        return present.nunique()
    except TypeError as error:
        raise ValueError(
            "holds values that cannot be compared, such as lists. Convert or drop it"
        ) from error
