"""Tables of mixed types: as numbers and back, generated, conditioned and completed."""

try:
    import pandas  # noqa: F401
except ImportError as error:
    raise ImportError(
        "manidiff.tabular needs pandas: pip install 'manidiff[tabular]'."
    ) from error

from manidiff.tabular._encoder import TableEncoder
from manidiff.tabular._synthetic import SyntheticTable

__all__ = ["SyntheticTable", "TableEncoder"]
