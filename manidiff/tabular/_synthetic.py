"""A table in, a table out: the same columns, new rows."""

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from manidiff._local_polynomial import LocalPolynomialScoreDiffusion
from manidiff._utils.compat import HasMethods, fit_context
from manidiff._utils.draws import draw_rows
from manidiff._utils.random import draw_seed, make_rng
from manidiff._utils.validation import check_n_samples
from manidiff.tabular._completion import complete
from manidiff.tabular._encoder import TableEncoder
from manidiff.tabular._marginals import ColumnMap

# Draws from which the laws of the drawn columns are learned.
_N_DRAWS = 5000


class SyntheticTable(BaseEstimator):
    """Draw new rows of a table of mixed types.

    `TableEncoder` turns the table into numbers, an estimator learns their law, and what
    it draws is turned back into rows that are valid in the table. Each drawn column is
    mapped so that its own law is that of the training column: repeated values and
    categories come as often as they should.

    `sample` with conditions and `impute` draw the unknown cells of a row given the
    known ones. The default estimator is a Gaussian mixture in the encoded table, whose
    conditional law is drawn from in closed form. Every other estimator of manidiff
    draws by replacement [1]_: approximately, with 200 evaluations of the score. Nothing
    is ever drawn and thrown away.

    Parameters
    ----------
    estimator : estimator, default=None
        What learns the law of the encoded rows; it is cloned. None is
        ``LocalPolynomialScoreDiffusion(scaling=None, final_step="none")``, which needs
        no training. Others need `sample`, and to be estimators of manidiff for
        conditions and `impute`.
    column_types : dict, default=None
        What columns are, by name: "numeric", "categorical", "ordered" or "datetime".
        Others are taken by their dtypes.
    random_state : int, RandomState instance or None, default=None
        Seeds what `fit` draws. `sample` and `impute` have their own.
    verbose : int, default=0
        Above 0, `fit` prints what each column is taken for.

    Attributes
    ----------
    encoder_ : TableEncoder
        The fitted encoder.
    estimator_ : estimator
        The fitted estimator.
    n_features_in_ : int
        Number of columns of the table.

    See Also
    --------
    TableEncoder : What the columns become.
    manidiff.metrics.column_differences : How near the drawn columns are.

    References
    ----------
    .. [1] Lugmayr, Danelljan, Romero, Yu, Timofte, Van Gool (2022). "RePaint:
           Inpainting using Denoising Diffusion Probabilistic Models", CVPR.

    Examples
    --------
    >>> from manidiff.datasets import make_mixed_table
    >>> from manidiff.tabular import SyntheticTable
    >>> table = make_mixed_table(300, random_state=0)
    >>> model = SyntheticTable(random_state=0).fit(table)
    >>> drawn = model.sample(100, random_state=0)
    >>> bool((drawn.dtypes == table.dtypes).all())
    True
    >>> members = model.sample(50, conditions={"member": True}, random_state=0)
    >>> bool(members["member"].all())
    True
    """

    _parameter_constraints: dict = {
        "estimator": [HasMethods(["fit", "sample"]), None],
        "column_types": [dict, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    def __init__(
        self, estimator=None, *, column_types=None, random_state=None, verbose=0
    ):
        self.estimator = estimator
        self.column_types = column_types
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y=None):
        """Learn the law of the rows of a table.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            The table; at least two of its rows different.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted model.

        Raises
        ------
        TypeError
            If X is no DataFrame.
        ValueError
            If X is empty or has fewer than two distinct rows, or a column cannot be
            encoded; see `TableEncoder.fit`.
        """
        rng = make_rng(self.random_state)
        encoder = TableEncoder(self.column_types, self.verbose)
        # Whatever transformers are globally set to return, the estimator sees arrays.
        self.encoder_ = encoder.set_output(transform="default").fit(X)
        Z = self.encoder_.transform(X)
        if (Z == Z[:1]).all():
            raise ValueError(
                f"The table has {len(X)} rows, of which no two differ, so there is "
                "nothing to learn. Pass at least two different rows."
            )
        # Categories lie in parallel planes: a manifold, of which surfaces through near
        # rows would draw the frequent ones and mix them.
        estimator = LocalPolynomialScoreDiffusion(scaling=None, final_step="none")
        if self.estimator is not None:
            estimator = clone(self.estimator)
        if estimator.get_params().get("random_state", 0) is None:
            estimator.set_params(random_state=draw_seed(rng))
        self.estimator_ = estimator.fit(Z)
        drawn = draw_rows(self.estimator_, _N_DRAWS, draw_seed(rng))
        self._maps = [
            ColumnMap(column, drawn[:, part], Z[:, part])
            for column, part in self.encoder_.parts()
        ]
        self.n_features_in_ = X.shape[1]
        return self

    def sample(self, n_samples=1, *, conditions=None, random_state=None):
        """Draw new rows.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows to draw, >= 1.
        conditions : dict, default=None
            Values that columns are to have in every row, by name. None or NaN asks for
            a missing value.
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call, an int repeats.

        Returns
        -------
        table : DataFrame of shape (n_samples, n_columns)
            Rows with the columns and dtypes of the training table, numbered from 0.

        Raises
        ------
        TypeError
            If conditions is no dict, or some are given and the estimator is none of
            manidiff.
        ValueError
            If n_samples is not a positive int, a condition names an unknown column, or
            its value is one that the column cannot have: an unknown category, a number
            out of range, a missing value where none was.
        """
        check_is_fitted(self)
        n_samples = check_n_samples(n_samples)
        rng = make_rng(random_state)
        conditions = {} if conditions is None else conditions
        asked = self.encoder_.encode_conditions(conditions)
        if len(conditions) == 0:
            drawn = draw_rows(self.estimator_, n_samples, draw_seed(rng))
            return self.encoder_.inverse_transform(self._mapped(drawn))
        given = np.tile(asked, (n_samples, 1))
        table = self.encoder_.inverse_transform(self._completed(given, rng))
        for column in self.encoder_.columns_:
            if column.name in conditions:
                values = column.repeat(conditions[column.name], n_samples)
                table[column.name] = values.array
        return table

    def impute(self, X, *, random_state=None):
        """Return a table with its missing values drawn given the others of their row.

        Draws, not means: several calls give several tables, whose spread is the
        uncertainty of what is missing. Missing values are taken to say nothing by being
        missing, beyond what the other columns tell.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of the training table, in any order. It may have
            no rows.
        random_state : int, RandomState instance or None, default=None
            None draws anew at every call, an int repeats.

        Returns
        -------
        table : DataFrame of shape (n_rows, n_columns)
            X without missing values, in the dtypes of the training table.

        Raises
        ------
        TypeError
            If X is no DataFrame, or it has holes and the estimator is none of manidiff.
        ValueError
            If columns are missing or unknown, or a value is one that its column cannot
            hold: an unknown category, text among numbers, a fraction among whole
            numbers. So it is also in rows that have no hole.
        """
        check_is_fitted(self)
        aligned = self.encoder_.align(X, allow_empty=True)
        # Before anything is drawn, as a bad value is to be found at once.
        known = self.encoder_.encode_known(aligned)
        cells = {
            column.name: column.cells(aligned[column.name])
            for column in self.encoder_.columns_
        }
        rows = np.flatnonzero(aligned.isna().to_numpy().any(axis=1))
        if len(rows):
            drawn = self._completed(known[rows], make_rng(random_state))
            found = self.encoder_.decode_complete(drawn)
        table = X.copy()
        for column in self.encoder_.columns_:
            values = cells[column.name]
            absent = aligned[column.name].isna().to_numpy()
            if absent.any():
                values[absent] = found[column.name].astype(object)[absent[rows]]
            table[column.name] = column.restore(values).set_axis(X.index)
        return table

    def score_samples(self, X):
        """Return the log-density of the encoded rows of a table.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of the training table, in any order.

        Returns
        -------
        log_density : ndarray of shape (n_rows,)
            That of the estimator, in the units of the encoded table: comparable
            between estimators of one training table, not between tables.

        Raises
        ------
        AttributeError
            If the estimator has no `score_samples`.
        TypeError
            If X is no DataFrame.
        ValueError
            If X is empty, columns are missing or unknown, a category is unknown, or
            values are missing where the training table has none missing.
        """
        check_is_fitted(self)
        return self.estimator_.score_samples(self.encoder_.transform(X))

    def score(self, X, y=None):
        """Return the mean of `score_samples`; higher is better.

        Parameters
        ----------
        X : DataFrame of shape (n_rows, n_columns)
            A table with the columns of the training table, in any order.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Mean log-density.

        Raises
        ------
        AttributeError, TypeError, ValueError
            As in `score_samples`.
        """
        return float(np.mean(self.score_samples(X)))

    def _completed(self, given, rng):
        """Return rows (n, D) with their NaN drawn and mapped."""
        noise = np.concatenate([c.observation_noise for c in self.encoder_.columns_])
        drawn = self._mapped(complete(self.estimator_, given, noise, rng))
        return np.where(np.isnan(given), drawn, given)

    def _mapped(self, drawn):
        parts = (part for _, part in self.encoder_.parts())
        mapped = [
            to_training(drawn[:, part])
            for to_training, part in zip(self._maps, parts, strict=True)
        ]
        return np.hstack(mapped)
