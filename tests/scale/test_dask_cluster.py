"""Searches and draws on a cluster of several processes."""

import os
import signal

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion
from manidiff.datasets import make_torus

distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    # What the cluster says of its own start and end, and of a lost worker.
    pytest.mark.filterwarnings("ignore"),
]


class ScoreThatKills:
    """The estimator's score; the first call kills the process that makes it."""

    def __init__(self, flag):
        self.flag = flag

    def __call__(self, estimator, X, y=None):
        try:
            os.close(os.open(self.flag, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return estimator.score(X)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def rows():
    return make_torus(200, random_state=0)[0]


def search(scoring=None, **options):
    return GridSearchCV(
        EmpiricalScoreDiffusion(random_state=0),
        {"coarseness": [0.5, 1.0, 2.0]},
        scoring=scoring,
        cv=2,
        **options,
    )


def scores(found):
    return found.cv_results_["mean_test_score"]


def test_a_search_finds_what_it_finds_alone(client, rows):
    alone = search().fit(rows)
    with joblib.parallel_config("dask"):
        found = search(n_jobs=2).fit(rows)
    np.testing.assert_allclose(scores(found), scores(alone), rtol=1e-5)
    assert found.best_params_ == alone.best_params_


def test_back_ends_and_workers_draw_the_same(client, rows):
    model = CoarseScoreDiffusion(max_iter=20, width=16, depth=1, random_state=0)
    model.fit(rows)
    expected = model.sample(9000, random_state=0)
    with joblib.parallel_config("dask"):
        found = model.sample(9000, random_state=0, n_jobs=2)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend):
            again = model.sample(9000, random_state=0, n_jobs=2)
        np.testing.assert_allclose(again, expected, rtol=1e-4, atol=1e-4)


def test_a_search_survives_a_killed_worker(client, rows, tmp_path):
    scoring = ScoreThatKills(tmp_path / "killed")
    # Every worker gets the rows: what only the killed one has is lost.
    with joblib.parallel_config("dask", scatter=[rows]):
        found = search(scoring, n_jobs=2).fit(rows)
    assert scoring.flag.exists()
    np.testing.assert_allclose(scores(found), scores(search().fit(rows)), rtol=1e-5)
