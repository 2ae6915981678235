"""Callables and scikit-learn's callbacks that watch a fit."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from manidiff import CoarseScoreDiffusion

pytestmark = pytest.mark.usefixtures("few_draws_on_surface")

SMALL = {"width": 16, "depth": 1, "batch_size": 64, "random_state": 0}


@pytest.fixture
def X():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 100)
    return np.column_stack([np.cos(angle), np.sin(angle)])


class Watch:
    def __init__(self, stop_after=np.inf):
        self.stop_after = stop_after
        self.drawn = []

    def __call__(self, estimator):
        estimator.history_[-1]["mean"] = float(estimator.sample(9).mean())
        self.drawn.append(estimator.sample(5, random_state=0))
        self.score = estimator.score(estimator.sample(5))
        self.copy = pickle.dumps(estimator)
        return len(estimator.history_) >= self.stop_after


def test_a_callable_sees_each_epoch_and_writes_into_the_history(X):
    watch = Watch()
    model = CoarseScoreDiffusion(max_iter=250, callbacks=[watch], **SMALL).fit(X)
    assert [record["n_iter"] for record in model.history_] == [100, 200, 250]
    assert all(np.isfinite(record["mean"]) for record in model.history_)
    assert np.isfinite(watch.score)
    assert not np.array_equal(watch.drawn[0], watch.drawn[1])
    # After the last epoch nothing is left to do.
    np.testing.assert_array_equal(watch.drawn[-1], model.sample(5, random_state=0))


def test_a_watched_fit_equals_one_that_is_not(X):
    watched = CoarseScoreDiffusion(max_iter=150, callbacks=[Watch()], **SMALL).fit(X)
    alone = clone(watched).set_params(callbacks=None).fit(X)
    np.testing.assert_array_equal(
        watched.sample(5, random_state=0), alone.sample(5, random_state=0)
    )


def test_true_stops_training(X):
    model = CoarseScoreDiffusion(max_iter=900, callbacks=[Watch(2)], **SMALL).fit(X)
    assert [record["n_iter"] for record in model.history_] == [100, 200]
    assert np.isfinite(model.sample(3)).all()


@pytest.mark.parametrize("final_step", ["auto", "local_polynomial"])
def test_what_is_seen_holds_no_training_row_unless_it_says_so(X, final_step):
    watch = Watch()
    CoarseScoreDiffusion(
        max_iter=100, callbacks=[watch], final_step=final_step, **SMALL
    ).fit(X)
    seen = pickle.loads(watch.copy)
    kept = any(row.tobytes() in watch.copy for row in seen.scaling_.apply(X))
    assert kept == (final_step == "local_polynomial")


@pytest.mark.parametrize("conditional", [False, True])
def test_callbacks_of_scikit_learn(X, conditional):
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring={"score": lambda e, X, y: e.score(X, y)})
    model = CoarseScoreDiffusion(max_iter=250, conditional=conditional, **SMALL)
    model.set_callbacks(monitor).fit(X, X[:, 0] > 0)
    log = monitor.get_logs().data
    # One entry an epoch, and one for the whole.
    assert len(log) == 4
    if conditional:
        assert not any("score" in entry for entry in log)
    else:
        assert log[-1]["score"] == pytest.approx(log[0]["score"])
        assert log[1]["score"] != log[-1]["score"]


class Stop:
    """A callback of scikit-learn's protocol that ends training at once."""

    def setup(self, estimator, context):
        self.n_seen = 0

    def teardown(self, estimator, context):
        self.ended = True

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.n_seen += 1
        assert np.isfinite(fitted_estimator.sample(3)).all()
        return True


def test_a_callback_of_scikit_learn_can_stop_training(X):
    pytest.importorskip("sklearn.callback")
    stop = Stop()
    model = CoarseScoreDiffusion(max_iter=900, **SMALL).set_callbacks(stop).fit(X)
    assert [record["n_iter"] for record in model.history_] == [100]
    assert stop.n_seen == 2
    assert stop.ended


def test_an_error_of_a_callable_is_not_swallowed(X):
    def fail(estimator):
        raise RuntimeError("seen")

    model = CoarseScoreDiffusion(max_iter=100, callbacks=[fail], **SMALL)
    with pytest.raises(RuntimeError, match="seen"):
        model.fit(X)
