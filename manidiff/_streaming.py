"""Training on more rows than memory holds, and on rows that come in parts."""

import copy

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from manidiff._agreement import require_same_fit
from manidiff._learning_rates import WarmUpDecay
from manidiff._loaders import STEPS_PER_EPOCH
from manidiff._long_rows import Moments, ScaledRows, read_rows, spacing
from manidiff._training import train
from manidiff._utils.compat import check_sample_weight, fit_context, with_callbacks
from manidiff._utils.device import resolve_device
from manidiff._utils.random import draw_seed, forked_torch_seed, make_rng
from manidiff._utils.validation import merge_equal_rows
from manidiff.diffusion.training_law import EmpiricalTrainingLaw
from manidiff.geometry.surface_choice import SurfaceChoice

# Entries, 512 MiB in double precision, beyond which rows are not copied.
MAX_ENTRIES = 2**26
# Random rows that stand for all where neighbourhoods are looked at.
_N_REFERENCE = 2**16
# Rows of a part from which on it can tell what the score is to be frozen to.
_ENOUGH = 500


def is_long(X):
    """Return whether X is a matrix of numbers too long to be copied.

    Raises
    ------
    ValueError
        If X does not know how long it is.
    """
    shape, dtype = getattr(X, "shape", ()), getattr(X, "dtype", None)
    is_matrix = len(shape) == 2 and dtype is not None and hasattr(X, "__getitem__")
    if not is_matrix or issparse(X):
        return False
    if not np.isfinite(shape).all():
        raise ValueError(
            f"X has the shape {shape}: its length is not known yet. Call "
            "X.compute_chunk_sizes() first."
        )
    return shape[0] * shape[1] > MAX_ENTRIES


def _holds_nothing_out(estimator):
    if estimator.early_stopping:
        raise AttributeError(
            "early_stopping=True holds rows out of all the data, which partial_fit "
            "never sees. Use early_stopping=False."
        )
    return True


class StreamingMixin:
    """Fits a network to rows that are read as they are needed, or given in parts."""

    @available_if(_holds_nothing_out)
    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go on learning from a part of the rows: 100 gradient steps on it alone.

        The first call, unless `fit` came before, fixes by its rows what later parts
        cannot change: `scaling_`, `gaussian_`, the nearest-neighbour distance and the
        noise levels that follow from it, the columns, and the labels or the spread of
        the targets. Let it have some thousand rows in random order. Later parts may
        have any size; one of 500 rows or more also decides anew, as `fit` does, where
        the score is frozen and to what. The network, the learning rate and `history_`
        go on; nothing of earlier parts is kept, so memory does not grow, and what no
        longer comes is forgotten. A call that fails, or that Ctrl-C ends, changes
        nothing: it raises, and the estimator is what it was before.

        The learning rate falls with the square root of the steps from 1000 on.
        `max_iter`, `callbacks` and `checkpoint` play no part.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; at least two of them different in the first call.
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            As in `fit`. Labels must have come in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights within this part.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If X has other columns than before, holds NaN or infinity, y holds labels
            that the first call did not, or training_law is "cross_fitted".
        AttributeError
            With `early_stopping=True`: held-out rows would be out of all the data.
        NonFiniteLossError
            If training diverges.
        KeyboardInterrupt
            If the user ends it by Ctrl-C.
        """
        if "cross_fitted" in (self.training_law, getattr(self, "training_law_", None)):
            raise ValueError(
                "training_law='cross_fitted' deals all rows to two networks at once, "
                "and partial_fit is given parts of them. Use fit, or, in an estimator "
                "that was not fitted so, another training_law."
            )
        learner = copy.copy(self)
        learner._take_part(X, y, sample_weight)
        # In one step, which neither an error nor Ctrl-C can leave half done.
        self.__dict__ = vars(learner)
        return self

    def _take_part(self, X, y, sample_weight):
        is_first = not self.__sklearn_is_fitted__()
        X = validate_data(
            self,
            X,
            dtype=np.float64,
            reset=is_first,
            ensure_min_samples=2 if is_first else 1,
        )
        weights = _weights(sample_weight, X)
        n_behind = 0 if is_first or not self.history_ else self.history_[-1]["n_iter"]
        rng = _part_rng(self.random_state, n_behind)
        if is_first:
            self._measure(X, y, weights, rng)
        conditions = self._given_conditions(y, len(X))
        X, weights, conditions = merge_equal_rows(X, weights, conditions)
        rows = self.scaling_.apply(X)
        self._learn_part(rows, weights, conditions, rng, n_behind, is_first=is_first)
        self._is_fitted = True

    @fit_context(prefer_skip_nested_validation=True)
    @with_callbacks
    def _fit_long(self, X, y=None, sample_weight=None):
        """Fit to rows that are read as they are needed and never all held."""
        self._is_fitted = False
        validate_data(self, np.asarray(X[:2]), dtype=np.float64, ensure_min_samples=2)
        weights = _weights(sample_weight, X)
        rng = make_rng(self.random_state)
        self._measure(X, y, weights, rng)
        conditions = self._encode_all(y, X.shape[0])
        index = self._reference(weights, rng)
        rows = self.scaling_.apply(read_rows(X, index))
        joint = rows if conditions is None else np.hstack([rows, conditions[index]])
        _, first, copies = np.unique(
            joint, axis=0, return_index=True, return_inverse=True
        )
        shares = np.bincount(copies.ravel(), weights[index])
        rows, index, shares = rows[first], index[first], shares / shares.sum()
        given = None if conditions is None else conditions[index]

        def draws(network, held_out):
            others = weights.copy()
            others[index[held_out]] = 0
            kept = np.setdiff1d(np.arange(len(rows)), held_out)
            law = self._long_law(X, rows[kept], shares[kept], given, rng)
            return self._noised(law, network, others, conditions, slice(None))

        self._learn(rows, shares, given, rng, long_draws=draws)
        self._is_fitted = True
        return self

    def _measure(self, X, y, weights, rng):
        """Set what `fit` sets before anything is learned."""
        self.device_ = str(resolve_device(self.device))
        # In place of X: as long, and a zarr array has no len.
        self._fit_conditions(weights, y, weights)
        moments = Moments.of(X, weights)
        some = read_rows(X, self._reference(weights, rng))
        kind = self._scaling_kind(some, np.full(len(some), 1 / len(some)))
        self.scaling_ = moments.scaling(kind)
        self.gaussian_ = moments.gaussian(self.scaling_)
        asked = rng.permutation(self.scaling_.apply(some))
        self.nn_distance_ = spacing(X, self.scaling_, asked)
        self._probe_seed = draw_seed(rng)
        self._set_sigma_range()

    def _reference(self, weights, rng):
        """Return ascending indices of random rows that stand for all."""
        among = np.flatnonzero(weights > 0)
        n_rows = min(len(among), _N_REFERENCE)
        return np.sort(rng.choice(among, n_rows, replace=False))

    def _long_law(self, X, reference, weights, conditions, rng):
        return EmpiricalTrainingLaw(
            ScaledRows(X, self.scaling_, self._usable_device()),
            self._tensor(weights).float(),
            self._stable_level(reference, weights, conditions, rng),
            reference=self._tensor(reference).float(),
        )

    def _learn_part(self, rows, weights, conditions, rng, n_behind, *, is_first):
        tells = len(rows) >= _ENOUGH
        decided = None
        if is_first:
            self.history_ = []
            local = self.training_law == "local"
            self.training_law_ = "local" if local else "empirical"
        elif not tells:
            decided = self.sigma_c_
        if decided is None:
            surfaces = SurfaceChoice(rows, rng)
            self.surface_residual_ = surfaces.residual
            self.surface_ = self._kept_surface(surfaces)
        self._set_finest_level()
        self._check_precision()
        device = self._usable_device()
        learned = {"X": rows, "sample_weight": weights, "y": conditions}
        require_same_fit(self, learned, rng)
        with forked_torch_seed(draw_seed(rng), device):
            if is_first:
                network = self._make_network(conditions)
            else:
                network = self.net_.module_
            # A copy, as training changes it in place.
            network = copy.deepcopy(network).to(device)
            every = np.arange(len(rows))
            given = (network, rows, weights, conditions, every)
            if tells:
                draws = self._draws(*given, surfaces, rng)
            else:
                # Too few to tell where their posterior means generalise.
                draws = self._row_draws(*given)
            self.net_, history = train(
                network,
                draws,
                None,
                max_iter=STEPS_PER_EPOCH,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                optimizer=self.optimizer,
                callbacks=(),
                on_epoch=None,
                patience=self.n_iter_no_change,
                verbose=self.verbose,
                device=device,
                schedule=WarmUpDecay(n_behind),
            )
        self._add_to_history(history, n_behind)
        if decided is None:
            # A part may show a part of the manifold only.
            self._freeze(rows, weights, conditions, surfaces, rng, refits=False)
        else:
            self.sigma_c_ = decided
            self._forget_last_layer()

    def _add_to_history(self, history, n_behind):
        for record in history:
            record["epoch"] = len(self.history_) + 1
            record["n_iter"] += n_behind
            self.history_ = [*self.history_, record]


def _part_rng(random_state, n_behind):
    """Return the generator of a part; an int gives each part another one."""
    rng = make_rng(random_state)
    if n_behind == 0:
        return rng
    return np.random.default_rng([draw_seed(rng), n_behind])


def _weights(sample_weight, X):
    weights = check_sample_weight(
        sample_weight, X, dtype=np.float64, ensure_non_negative=True
    )
    if not weights.sum() > 0:
        raise ValueError("sample_weight sums to 0; some rows need a positive weight.")
    return weights / weights.sum()
