"""What watches a fit: callables and scikit-learn's callbacks, after every epoch."""

import copy
import math
from functools import cache

import numpy as np

from manidiff._loaders import STEPS_PER_EPOCH
from manidiff._utils.compat import CallbackSupportMixin


class WatchedFitMixin(CallbackSupportMixin):
    """Shows callbacks the estimator as if its training had ended with each epoch.

    A callable of the parameter `callbacks` is called with such an estimator, whose
    ``history_[-1]`` is the record of the epoch: what the callable writes there stays.
    Training stops when it returns True. One with an attribute `every` is called after
    every so many epochs and after the last. Callbacks set with `set_callbacks`, where
    scikit-learn has them, get the same estimator as their `fitted_estimator`.
    """

    def _watch(self, finish, training_rows):
        """Return what `train` calls after every epoch, or None if nobody watches.

        ``finish(estimator)`` does what is left to do after training;
        ``training_rows()`` returns the rows in the units of X.
        """
        watching = [watch for watch in self.callbacks or () if _is_plain(watch)]
        context = None
        if hasattr(self, "_skl_callbacks"):
            context = self._init_callback_context(
                max_subtasks=math.ceil(self.max_iter_ / STEPS_PER_EPOCH)
            )
            context.call_on_fit_task_begin(estimator=self)
        if context is None and not watching:
            return None

        def on_epoch(history, net_now):
            ended = cache(lambda: self._ended(net_now(), history, finish))
            due = [watch for watch in watching if self._is_due(watch, history)]
            stops = [bool(watch(ended())) for watch in due]
            if context is not None:
                task = context.subcontext(task_name="epoch")
                task.call_on_fit_task_begin(estimator=self)
                stops.append(_end(task, self, ended, training_rows))
            return any(stops)

        return on_epoch

    def _is_due(self, watch, history):
        is_last = history[-1]["n_iter"] == self.max_iter_
        return is_last or len(history) % getattr(watch, "every", 1) == 0

    def _skorch_callbacks(self):
        return [watch for watch in self.callbacks or () if not _is_plain(watch)]

    def _ended(self, net, history, finish):
        ended = copy.copy(self)
        ended.net_ = net
        # The records are shared: what is written into one stays in `history_`.
        ended.history_ = list(history)
        ended._is_fitted = True
        finish(ended)
        return ended

    def _end_watch(self, training_rows):
        if hasattr(self, "_callback_fit_ctx"):
            _end(self._callback_fit_ctx, self, lambda: self, training_rows)


def _is_plain(callback):
    return callable(callback) and not hasattr(callback, "on_epoch_end")


def _end(task, estimator, ended, training_rows):
    """Tell scikit-learn's callbacks that a task has ended; return whether to stop."""
    return task.call_on_fit_task_end(
        estimator=estimator,
        X=training_rows,
        # A `ScoringMonitor` scores only where there is a y; scores ignore this one.
        y=None if estimator.conditional else lambda: np.zeros(len(training_rows())),
        reconstruction_attributes=lambda: {**vars(ended()), "_is_fitted": True},
    )
