"""One column of a table: its kind, its codec, and a flag for missing values."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
from pandas.api import types

from manidiff.tabular._categories import CategoryCodec, ConstantCodec, plain
from manidiff.tabular._moments import DatetimeCodec
from manidiff.tabular._numbers import NumberCodec

KINDS = ("numeric", "categorical", "ordered", "datetime")
# Beyond so many categories indicators say nothing of each.
_MAX_CATEGORIES = 256


class Column:
    """A column of a table, as numbers and back.

    Its encoded columns are those of its codec, then one that flags missing values where
    the training table had some. Missing values are 0 in the former.

    Parameters
    ----------
    kind : {"numeric", "categorical", "ordered", "datetime"} or None
        What it is; None takes it from the dtype.

    Attributes
    ----------
    name : hashable
        Its label.
    dtype : dtype
        Its dtype in the training table.
    kind : str
        What it is, "constant" included.
    is_flagged : bool
        Whether the training table had missing values.
    codec : codec
        How its present values are encoded.
    width : int
        Number of encoded columns.
    """

    def __init__(self, kind=None):
        self.kind = kind

    def fit(self, series):
        """Learn from a Series of the training table."""
        self.name, self.dtype = series.name, series.dtype
        missing = series.isna()
        if missing.all():
            raise ValueError(
                f"Column {self.name!r} has no value: all {len(series)} rows of it are "
                "missing. Drop the column."
            )
        present = series[~missing]
        self.is_flagged = bool(missing.any())
        self.flag_scale = float(missing.std(ddof=0)) if self.is_flagged else 1.0
        with _naming(f"Column {self.name!r}"):
            asked = self.kind or _default_kind(series.dtype)
            self.kind = "constant" if _n_distinct(present) == 1 else asked
            self.codec = self._make_codec().fit(present)
        self.width = self.codec.width + self.is_flagged
        if isinstance(self.codec, CategoryCodec):
            self._check_categories(len(present))
        return self

    def encode(self, series):
        """Return the encoded values (n, width)."""
        missing = series.isna().to_numpy()
        if missing.any() and not self.is_flagged:
            raise ValueError(
                f"Column {self.name!r} has {int(missing.sum())} missing values, but "
                "had none in the training table. Fill them, for example by "
                "SyntheticTable.impute."
            )
        Z = self._encode_present(series, missing, 0.0)
        if self.is_flagged:
            Z[:, -1] = missing / self.flag_scale
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
            self.codec.check(value)
            encoded = self.codec.encode(self.codec.read(value))[0]
        return np.append(encoded, [0.0] * self.is_flagged)

    def repeat(self, value, n):
        """Return a Series of one value n times."""
        values = [value] if pd.isna(value) else self.codec.read(value)
        return pd.Series(values, name=self.name, dtype=self.dtype).repeat(n)

    def cells(self, series):
        """Return the cells (n,) of a table as objects, those present in the dtype."""
        values = series.astype(object).to_numpy(copy=True)
        present = series.notna().to_numpy()
        values[present] = self.restore(values[present]).astype(object).to_numpy()
        return values

    def restore(self, values):
        """Return a Series of values (n,) in the dtype of the column, none changed."""
        with _naming(f"Column {self.name!r}"):
            if types.is_integer_dtype(self.dtype):
                self._check_whole(np.asarray(values, dtype=np.float64))
            try:
                return pd.Series(values, name=self.name, dtype=self.dtype)
            except (OverflowError, TypeError, ValueError) as error:
                raise ValueError(f"does not fit {self.dtype}: {error}") from error

    def decode(self, Z, *, complete=False):
        """Return a Series of what encoded values (n, width) say.

        A complete one has no missing values, whatever the flags say.
        """
        missing = np.zeros(len(Z), dtype=bool)
        if self.is_flagged and not complete:
            missing = Z[:, -1] * self.flag_scale > 0.5
        present = np.flatnonzero(~missing)
        values = self.codec.decode(Z[present, : self.codec.width])
        if isinstance(values, pd.Series):
            values = values.array
        series = pd.Series(values, index=present, name=self.name, dtype=self.dtype)
        return series if len(present) == len(Z) else series.reindex(range(len(Z)))

    @property
    def observation_noise(self):
        """Standard deviations (width,) of the noise under which values are observed."""
        noise = [self.codec.noise] * self.codec.width
        return np.array(noise + [0.25 / self.flag_scale] * self.is_flagged)

    @property
    def encoded_names(self):
        """Names of the encoded columns."""
        names = [f"{self.name}"] if self.codec.width == 1 else []
        if self.codec.width > 1:
            names = [f"{self.name}_{value}" for value in self.codec.categories]
        return names + [f"{self.name}_missing"] * self.is_flagged

    def describe(self):
        """Return one line that says what the column is taken for."""
        missing = ", with missing values" if self.is_flagged else ""
        return f"{self.name}: {self.kind}, {self.codec.describe()}{missing}"

    def _encode_present(self, series, missing, fill):
        Z = np.zeros((len(series), self.width))
        with _naming(f"Column {self.name!r}"):
            Z[~missing, : self.codec.width] = self.codec.encode(series[~missing])
        Z[missing, : self.codec.width] = fill
        return Z

    def _encode_given_missing(self):
        if not self.is_flagged:
            raise ValueError(
                f"conditions={{{self.name!r}: missing}}: the column has no missing "
                "value in the training table."
            )
        return np.append(np.full(self.codec.width, np.nan), 1 / self.flag_scale)

    def _make_codec(self):
        if self.kind == "constant":
            return ConstantCodec()
        if self.kind == "datetime":
            if not types.is_datetime64_any_dtype(self.dtype):
                raise ValueError(
                    f"has dtype {self.dtype}; convert it with pandas.to_datetime"
                )
            return DatetimeCodec(self.dtype)
        if self.kind == "numeric":
            return NumberCodec(whole=types.is_integer_dtype(self.dtype))
        known = None
        if isinstance(self.dtype, pd.CategoricalDtype):
            known = list(self.dtype.categories)
        return CategoryCodec(self.kind == "ordered", known)

    def _check_whole(self, numbers):
        broken = numbers[numbers != np.round(numbers)]
        if len(broken):
            raise ValueError(
                f"holds {broken[0]:.12g}, and the training table has whole numbers "
                f"there, {self.dtype}. Round it, or take it out"
            )

    def _check_categories(self, n_present):
        n_categories = len(self.codec.categories)
        if n_categories > _MAX_CATEGORIES and not self.codec.ordered:
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
