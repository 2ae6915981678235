"""Watches a fit with held-out rows, and ends it before it copies."""

from numbers import Real

import numpy as np

from manidiff._utils.draws import draw_rows
from manidiff._utils.validation import check_n_samples
from manidiff.metrics._neighbors import check_at_least_one, check_real_sets
from manidiff.metrics._privacy import denoising_losses
from manidiff.model_selection._evaluation import evaluate, one_seed
from manidiff.model_selection._scorers import named_metric

# Noise level of the denoising losses, in nearest-neighbour distances: that of
# `loss_attack`.
_LEVEL = 0.25
_N_NOISES = 4


class HeldOutMonitor:
    """Writes metrics on held-out rows into the history of a fit, and may end it.

    One of the `callbacks` of `CoarseScoreDiffusion`, or, with scikit-learn 1.9 and
    later, an argument of its `set_callbacks`. After every so many epochs it adds to
    that epoch's entry of `history_` the metrics, by their names, and "held_out_gap": by
    which share the error of denoising held-out rows exceeds that of training rows, at a
    noise level of a quarter of the nearest-neighbour distance. The gap opens when
    training begins to learn single rows [1]_.

    Parameters
    ----------
    X_train, X_heldout : array-like of shape (n_rows, n_features)
        The rows of the fit, and others.
    metrics : sequence of str, default=("excess_memorization", "coverage")
        Names that `get_sample_scorer_names` lists. Values are those of the metrics,
        without a change of sign.
    every : int, default=5
        Epochs of 100 steps between measurements, >= 1. The last epoch is measured too.
    n_samples : int, default=1000
        Rows to draw, >= 1.
    max_gap : float or None, default=None
        Training ends when "held_out_gap" exceeds it; None never ends it.
    max_excess_memorization : float or None, default=None
        Training ends when "excess_memorization" exceeds it.
    random_state : int, RandomState instance or None, default=0
        Gives the one seed of all draws.

    Raises
    ------
    ValueError
        If a set is not a table of finite rows, a metric is unknown, `every` or
        `n_samples` is not an int of at least 1, or a bound is no number.

    References
    ----------
    .. [1] Bonnaire et al. (2025). "Why Diffusion Models Don't Memorize".
           arXiv:2505.17638.

    Examples
    --------
    >>> from manidiff import CoarseScoreDiffusion
    >>> from manidiff.datasets import make_circle
    >>> from manidiff.model_selection import HeldOutMonitor
    >>> X, _ = make_circle(200, random_state=0)
    >>> monitor = HeldOutMonitor(X[:100], X[100:], every=1, n_samples=100)
    >>> model = CoarseScoreDiffusion(
    ...     max_iter=100, width=16, callbacks=[monitor], random_state=0
    ... ).fit(X[:100])
    >>> sorted(model.history_[-1])[:4]
    ['coverage', 'epoch', 'excess_memorization', 'held_out_gap']
    """

    def __init__(
        self,
        X_train,
        X_heldout,
        *,
        metrics=("excess_memorization", "coverage"),
        every=5,
        n_samples=1000,
        max_gap=None,
        max_excess_memorization=None,
        random_state=0,
    ):
        check_at_least_one(every=every)
        bounds = {
            "max_gap": max_gap,
            "max_excess_memorization": max_excess_memorization,
        }
        for name, bound in bounds.items():
            _check_bound(name, bound)
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        if max_excess_memorization is not None:
            names.append("excess_memorization")
        self.metrics = {name: named_metric(name)[0] for name in names}
        self.X_train, self.X_heldout = check_real_sets(X_train, X_heldout)
        # The fit may know columns by name.
        self._given = X_train, X_heldout
        self.every = every
        self.n_samples = check_n_samples(n_samples)
        self.max_gap = max_gap
        self.max_excess_memorization = max_excess_memorization
        self.seed = one_seed(random_state)

    def __call__(self, estimator):
        """Measure an estimator and return whether its training should end."""
        drawn = draw_rows(estimator, self.n_samples, self.seed)
        sets = (drawn, self.X_train, self.X_heldout)
        record = estimator.history_[-1]
        for name, metric in self.metrics.items():
            record[name] = evaluate(metric, sets, self.seed, {})
        record["held_out_gap"] = self._gap(estimator)
        return _exceeds(record["held_out_gap"], self.max_gap) or _exceeds(
            record.get("excess_memorization"), self.max_excess_memorization
        )

    def setup(self, estimator, context):
        """Do nothing: scikit-learn's protocol of callbacks."""

    def teardown(self, estimator, context):
        """Do nothing: scikit-learn's protocol of callbacks."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing: scikit-learn's protocol of callbacks."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Measure when an epoch that is due has ended, and return whether to stop."""
        if context.task_name != "epoch":
            return False
        n_epochs = context.task_id + 1
        is_last = n_epochs == context.parent.max_subtasks
        return (is_last or n_epochs % self.every == 0) and self(fitted_estimator)

    def _gap(self, estimator):
        rng = np.random.RandomState(self.seed)
        sigma = _LEVEL * estimator.nn_distance_
        seen, unseen = (
            denoising_losses(
                estimator, X, sigma, _N_NOISES, rng, named_as=self._given
            ).mean()
            for X in (self.X_train, self.X_heldout)
        )
        return float(unseen / seen - 1)


def _check_bound(name, bound):
    is_number = isinstance(bound, Real) and not isinstance(bound, bool)
    if bound is not None and not (is_number and np.isfinite(bound)):
        raise ValueError(
            f"{name}={bound!r} must be a finite number, for example 0.1, or None to "
            "train to the end."
        )


def _exceeds(value, bound):
    return bound is not None and value > bound
