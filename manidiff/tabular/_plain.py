"""Objects of pandas as what skops can hold: it knows no Index and not every dtype."""

import pandas as pd
from pandas.api.types import pandas_dtype


def plain_index(index):
    """Return an Index as a dict of its values and its dtype."""
    return {"values": index.to_numpy(object), "dtype": plain_dtype(index.dtype)}


def index_of(plain):
    """Return the Index that `plain_index` was given."""
    return pd.Index(plain["values"], dtype=dtype_of(plain["dtype"]))


def plain_dtype(dtype):
    """Return a dtype by its name, or in parts if it holds categories."""
    if isinstance(dtype, pd.CategoricalDtype):
        return {"categories": plain_index(dtype.categories), "ordered": dtype.ordered}
    return str(dtype) if _is_named(dtype) else dtype


def dtype_of(plain):
    """Return the dtype that `plain_dtype` was given."""
    if isinstance(plain, dict):
        return pd.CategoricalDtype(index_of(plain["categories"]), plain["ordered"])
    return pandas_dtype(plain)


def _is_named(dtype):
    """Return whether the name of a dtype says all: not of decimals, for example."""
    try:
        return pandas_dtype(str(dtype)) == dtype
    except (TypeError, NotImplementedError):
        return False
