"""Rows without end: draws that come in batches of bounded memory."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from manidiff._utils.chunking import chunk_slices
from manidiff._utils.random import draw_seed, make_rng
from manidiff._utils.validation import check_n_samples

# Entries of y that are looked at, at once.
_CHECKED = 4096


class BatchesMixin:
    """Draws in batches, for more rows than memory holds."""

    def sample_batches(
        self, n_samples, batch_size=4096, *, y=None, random_state=None, n_jobs=None
    ):
        """Draw new points batch by batch, in memory that n_samples does not change.

        Each batch is what `sample` draws, with a seed of its own. So rows of one batch
        cover the law of the model more evenly than independent draws would, and batches
        are independent of each other. For an int `random_state` the batches repeat, and
        the first ones are the same whatever `n_samples` is; another `batch_size` draws
        others.

        Parameters
        ----------
        n_samples : int
            Number of rows in all, >= 1.
        batch_size : int, default=4096
            Rows of a batch, >= 1; the last one may have fewer.
        y : scalar or array-like of shape (n_samples,) or (n_samples, n_targets), \
                default=None
            As in `sample`.
        random_state : int, RandomState instance or None, default=None
            As in `sample`.
        n_jobs : int, default=None
            As in `sample`; it serves where a batch has more than 4096 rows.

        Yields
        ------
        X : ndarray of shape (batch_size, n_features)
            Drawn rows in the units of the training data, float64.

        Raises
        ------
        ValueError
            If n_samples or batch_size is not a positive int, or y is unknown,
            unexpected or not n_samples long.

        Examples
        --------
        >>> import numpy as np
        >>> from manidiff import LocalPolynomialScoreDiffusion
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> model = LocalPolynomialScoreDiffusion().fit(X)
        >>> batches = model.sample_batches(250, batch_size=100, random_state=0)
        >>> [batch.shape for batch in batches]
        [(100, 2), (100, 2), (50, 2)]
        """
        check_is_fitted(self)
        n_samples = check_n_samples(n_samples)
        _check_batch_size(batch_size)
        rng = make_rng(random_state)
        asked = self._asked_by_rows(y, n_samples)

        def batches():
            for rows in chunk_slices(n_samples, batch_size):
                yield self.sample(
                    rows.stop - rows.start,
                    y=asked(rows),
                    random_state=draw_seed(rng),
                    n_jobs=n_jobs,
                )

        # The generator is another function, so that what is wrong is said at once.
        return batches()

    def _asked_by_rows(self, y, n_samples):
        """Return what gives the y of a slice of n_samples rows."""
        if np.ndim(y) == 0 or self._is_one_row_of_targets(y):
            if y is not None:
                self._sampled_conditions(y, 1, None)
            return lambda rows: y
        y = np.asarray(y)
        if len(y) != n_samples:
            raise ValueError(
                f"y has {len(y)} values, but there are {n_samples} rows. Pass one "
                "value for all rows, or one value for each."
            )
        for rows in chunk_slices(n_samples, _CHECKED):
            self._sampled_conditions(y[rows], rows.stop - rows.start, None)
        return lambda rows: y[rows]

    def _is_one_row_of_targets(self, y):
        if not self.conditional or self.conditions_.classes_ is not None:
            return False
        return np.ndim(y) == 1 and self.conditions_.n_conditions_ > 1


def _check_batch_size(batch_size):
    is_count = isinstance(batch_size, Integral) and not isinstance(batch_size, bool)
    if not is_count or batch_size < 1:
        raise ValueError(
            f"batch_size={batch_size!r} must be an int of at least 1, for example "
            "batch_size=4096."
        )
