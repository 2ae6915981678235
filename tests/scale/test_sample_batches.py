"""Rows that come in batches: the same ones again, and no more than asked for."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import kstest
from sklearn.exceptions import NotFittedError

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

ESTIMATORS = [
    EmpiricalScoreDiffusion(n_steps=4, random_state=0),
    LocalPolynomialScoreDiffusion(random_state=0),
    CoarseScoreDiffusion(max_iter=10, width=8, depth=1, random_state=0),
]


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(80, 2))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_batches_repeat_and_the_first_do_not_depend_on_how_many_follow(estimator, X):
    estimator.fit(X)
    few = list(estimator.sample_batches(70, 30, random_state=3))
    many = list(estimator.sample_batches(200, 30, random_state=3))
    assert [len(batch) for batch in few] == [30, 30, 10]
    assert sum(map(len, many)) == 200
    for one, other in zip(few[:2], many, strict=False):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(few[0], few[1])
    anew = next(estimator.sample_batches(30, 30))
    assert not np.array_equal(anew, few[0])


def test_batches_have_the_law_of_the_model(X):
    model = EmpiricalScoreDiffusion(coarseness=2, scaling=None, final_step="none")
    model.fit(X)
    drawn = np.concatenate(list(model.sample_batches(3000, 250, random_state=0)))

    def exact(at):
        return ndtr(
            (at[:, None] - model.rows_[:, 0] - model.scaling_.center[0])
            / model.sigma_c_
        ).mean(axis=1)

    # False alarms: one seed in a thousand, fewer as the draws are even.
    assert kstest(drawn[:, 0], exact).pvalue > 1e-3


def test_labels_are_shared_out_to_the_batches(X):
    labels = np.repeat(["left", "right"], 40)
    X[:, 0] += np.where(labels == "left", -20, 20)
    model = LocalPolynomialScoreDiffusion(conditional=True, random_state=0)
    model.fit(X, labels)
    asked = np.array(["left", "right", "right"] * 20)
    drawn = np.concatenate(list(model.sample_batches(60, 7, y=asked, random_state=0)))
    np.testing.assert_array_equal(drawn[:, 0] > 0, asked == "right")
    one = np.concatenate(list(model.sample_batches(20, 7, y="left", random_state=0)))
    assert (one[:, 0] < 0).all()


def test_one_row_of_targets_serves_every_batch(X):
    targets = X @ [[1.0, 0.5], [0.0, 1.0]]
    model = LocalPolynomialScoreDiffusion(conditional=True, random_state=0)
    model.fit(X, targets)
    batches = model.sample_batches(9, 3, y=[0.2, -0.1], random_state=0)
    assert [len(batch) for batch in batches] == [3, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples=0"),
        ({"n_samples": 5, "batch_size": 0}, "batch_size=0"),
        ({"n_samples": 5, "batch_size": 2.5}, "batch_size=2.5"),
        ({"n_samples": 5, "y": ["a"] * 4}, "y has 4 values"),
        ({"n_samples": 5, "y": ["a"] * 4 + ["c"]}, "not in the training data"),
        ({"n_samples": 5, "y": "c"}, "not in the training data"),
    ],
)
def test_what_is_wrong_is_said_before_the_first_batch(X, arguments, message):
    model = LocalPolynomialScoreDiffusion(conditional=True)
    model.fit(X, np.repeat(["a", "b"], 40))
    with pytest.raises(ValueError, match=message):
        model.sample_batches(**arguments)


def test_an_estimator_that_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        EmpiricalScoreDiffusion().sample_batches(3)


def test_memory_is_that_of_a_batch_and_not_of_all_rows():
    X = np.random.default_rng(0).normal(size=(80, 20))
    model = EmpiricalScoreDiffusion(coarseness=1, random_state=0).fit(X)
    # Tables of scipy are loaded once.
    model.sample(500)
    tracemalloc.start()
    n_bytes = sum(batch.nbytes for batch in model.sample_batches(50_000, 500))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n_bytes == 50_000 * 20 * 8
    assert peak < n_bytes / 5


# In a process of its own, whose largest resident size sees the memory of torch too.
# What is loaded once comes before, and batches, over which allocators come to rest.
GROWTH = """
import resource, sys
import numpy as np
from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion

def peak():
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

model = {model}.fit(np.random.default_rng(0).normal(size=(80, 100)))
assert sum(map(len, model.sample_batches(10_000, 1000))) == 10_000
before = peak()
n_bytes = sum(batch.nbytes for batch in model.sample_batches(80_000, 1000))
print(n_bytes, peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        "EmpiricalScoreDiffusion(coarseness=1)",
        "CoarseScoreDiffusion(coarseness=1, max_iter=3, width=8, depth=1, n_steps=2)",
    ],
)
def test_so_is_the_memory_of_torch(model):
    pytest.importorskip("resource")
    run = subprocess.run(
        [sys.executable, "-c", GROWTH.replace("{model}", model)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    n_bytes, growth = map(int, run.stdout.split())
    assert n_bytes == 80_000 * 100 * 8
    assert growth < n_bytes / 3
