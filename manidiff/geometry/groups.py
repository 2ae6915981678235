"""Rows dealt in groups of near ones to two halves that lie alike."""

import torch
from torch import Tensor

# A mean of so many rows is none of them.
MIN_ROWS = 3
# More groups would not tell places better by much, and take time in every draw.
_MAX_GROUPS = 1024


def deal_in_groups(rows: Tensor) -> list[Tensor]:
    """Return groups of near rows, the even ones for one half and the odd for another.

    Rows are bisected at the median of the direction in which they spread most, again
    and again, and which half a group goes to alternates as in the sequence of Thue and
    Morse. So near groups are of different halves, the halves cover the same places, and
    what sets the two sides of one bisection apart cancels over the others. The same
    rows are always dealt alike.

    Parameters
    ----------
    rows : Tensor of shape (N, D)
        Distinct rows, at least twice `MIN_ROWS`.

    Returns
    -------
    groups : list of Tensor
        Indices of the rows of each group: 3 to 6 of them, or more where there would be
        more than 1024 groups. The number of groups is even.

    Examples
    --------
    >>> import torch
    >>> from manidiff.geometry.groups import deal_in_groups
    >>> rows = torch.tensor([[9.0], [1.0], [2.0], [8.0], [1.5], [9.5]])
    >>> [sorted(group.tolist()) for group in deal_in_groups(rows)]
    [[1, 2, 4], [0, 3, 5]]
    """
    parts = [torch.arange(len(rows))]
    while min(map(len, parts)) >= 2 * MIN_ROWS and len(parts) < _MAX_GROUPS:
        parts = [half for part in parts for half in _halves(rows, part)]
    # Of two that follow each other, one has been on the far side an odd number of
    # times, and comes second.
    return [parts[index ^ (index // 2).bit_count() % 2] for index in range(len(parts))]


def _halves(rows: Tensor, part: Tensor) -> tuple[Tensor, ...]:
    centered = rows[part] - rows[part].mean(0)
    direction = torch.linalg.svd(centered, full_matrices=False)[2][0]
    # Rounding must not decide which side comes first.
    side = direction[direction.abs().argmax()].sign()
    order = (side * (centered @ direction)).argsort(stable=True)
    return part[order].tensor_split(2)
