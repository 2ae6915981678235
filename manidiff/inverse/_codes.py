"""Draws brought to the codes of steps that encode categories as integers.

A draw is a number between two codes or beyond the last one, and an encoder can undo
its own codes only.
"""

import numpy as np
from sklearn.preprocessing import KBinsDiscretizer, OrdinalEncoder


def to_codes(step, Z):
    """Return rows Z (n, d), each number replaced by the nearest code of a fitted step.

    NaN stays, and so do all rows where the step has no integer codes.
    """
    codes = _codes(step)
    if codes is None:
        return Z
    columns = zip(np.asarray(Z, dtype=np.float64).T, codes, strict=True)
    return np.column_stack([_nearest(column, known) for column, known in columns])


def _codes(step):
    """Return the codes of each column, or None where there are none."""
    if isinstance(step, KBinsDiscretizer) and step.encode == "ordinal":
        return [np.arange(n_bins) for n_bins in step.n_bins_]
    if isinstance(step, OrdinalEncoder):
        # There only where rare categories share a code, the last one.
        shared = getattr(step, "infrequent_categories_", [None] * len(step.categories_))
        columns = zip(step.categories_, shared, strict=True)
        return [_of_categories(step, *column) for column in columns]
    return None


def _of_categories(encoder, categories, rare):
    # NaN differs from itself. It is a category with a code of its own, perhaps NaN.
    n_missing = sum(category != category for category in categories)
    n_sharing = 0 if rare is None else len(rare) - 1
    codes = np.arange(len(categories) - n_missing - n_sharing)
    if n_missing and not np.isnan(encoder.encoded_missing_value):
        return np.append(codes, encoder.encoded_missing_value)
    return codes


def _nearest(column, codes):
    nearest = codes[np.abs(column[:, None] - codes).argmin(axis=1)]
    return np.where(np.isnan(column), column, nearest)
