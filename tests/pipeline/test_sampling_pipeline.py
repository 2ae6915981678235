"""SamplingPipeline draws through its steps; all else is as in scikit-learn's."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import Isomap
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.utils.estimator_checks import check_estimator

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion
from manidiff.inverse import InvertibleTransformer
from manidiff.pipeline import SamplingPipeline, make_sampling_pipeline


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(5, [1.0, 10.0, 0.1], (60, 3))


@pytest.fixture
def roll(swiss_roll):
    return swiss_roll[:150]


def law(**parameters):
    return EmpiricalScoreDiffusion(coarseness=1, n_steps=8, **parameters)


def isomap_pipeline(**parameters):
    return make_sampling_pipeline(
        StandardScaler(), Isomap(n_neighbors=8), law(), invert="auto", **parameters
    )


def test_draws_are_those_of_the_last_step_taken_back(X):
    pipeline = make_sampling_pipeline(StandardScaler(), PCA(), law()).fit(X)
    by_hand = pipeline[-1].sample(7, random_state=3)
    for step in (pipeline[1], pipeline[0]):
        by_hand = step.inverse_transform(by_hand)
    np.testing.assert_array_equal(pipeline.sample(7, random_state=3), by_hand)


def test_draws_have_the_law_of_the_rows(X):
    # The mean of 4000 draws is within 5 standard errors but once in 500 000 cases.
    pipeline = make_sampling_pipeline(
        StandardScaler(), PCA(whiten=True), GaussianMixture()
    ).fit(X)
    drawn = pipeline.sample(4000, random_state=0)
    error = np.abs(drawn.mean(axis=0) - X.mean(axis=0)) / X.std(axis=0)
    assert error.max() < 5 / np.sqrt(4000)


@pytest.mark.parametrize(
    "last_step",
    [law(), LocalPolynomialScoreDiffusion(), KernelDensity(), GaussianMixture(2)],
)
def test_an_int_repeats_and_none_draws_anew(X, last_step):
    pipeline = make_sampling_pipeline(StandardScaler(), last_step).fit(X)
    first = pipeline.sample(5, random_state=0)
    assert first.shape == (5, 3)
    np.testing.assert_array_equal(pipeline.sample(5, random_state=0), first)
    assert not np.array_equal(pipeline.sample(5, random_state=1), first)
    assert not np.array_equal(pipeline.sample(5), pipeline.sample(5))


@pytest.mark.parametrize("last_step", [law(), GaussianMixture(random_state=4)])
def test_nothing_is_refitted_or_changed_by_draws_and_scores(roll, last_step, state):
    pipeline = isomap_pipeline().set_params(empiricalscorediffusion=last_step).fit(roll)
    before = state(pipeline)
    assert any("values" in name for name in before)
    first = pipeline.sample(5, random_state=0)
    pipeline.score_samples(roll[:5])
    pipeline.sample(3)
    np.testing.assert_array_equal(pipeline.sample(5, random_state=0), first)
    assert state(pipeline) == before


def test_clone_pickle_and_refit_draw_alike(roll):
    pipeline = isomap_pipeline().fit(roll)
    expected = pipeline.sample(5, random_state=0)
    for twin in (
        pickle.loads(pickle.dumps(pipeline)),
        clone(pipeline).fit(roll),
        clone(clone(pipeline)).fit(roll),
        pipeline.fit(roll),
    ):
        assert isinstance(twin, SamplingPipeline)
        np.testing.assert_array_equal(twin.sample(5, random_state=0), expected)


def test_given_steps_are_not_touched(roll):
    isomap = Isomap(n_neighbors=8)
    steps = [("isomap", isomap), ("law", law())]
    pipeline = SamplingPipeline(steps, invert="auto").fit(roll)
    assert steps[0][1] is isomap
    assert not hasattr(isomap, "embedding_")
    assert pipeline["isomap"].transformer is isomap


def test_a_function_and_its_inverse(X):
    X = np.abs(X)
    pipeline = make_sampling_pipeline(FunctionTransformer(np.log, np.exp), law())
    drawn = pipeline.fit(X).sample(50, random_state=0)
    np.testing.assert_array_equal(
        drawn, np.exp(law().fit(np.log(X)).sample(50, random_state=0))
    )
    assert (drawn > 0).all()


@pytest.mark.parametrize("nothing", ["passthrough", None])
def test_passthrough_and_none_leave_rows_as_they_are(X, nothing):
    alone = law().fit(X)
    pipeline = SamplingPipeline([("a", nothing), ("b", nothing), ("law", law())])
    pipeline.fit(X)
    np.testing.assert_array_equal(
        pipeline.sample(5, random_state=0), alone.sample(5, random_state=0)
    )
    np.testing.assert_array_equal(pipeline.score_samples(X), alone.score_samples(X))


def test_labels_condition_the_draws():
    X, y = load_iris(return_X_y=True)
    pipeline = make_sampling_pipeline(
        StandardScaler(), PCA(whiten=True), law(conditional=True)
    ).fit(X, y)
    drawn = pipeline.sample(40, y=0, random_state=0)
    # The first species is set apart from the others by its petals.
    assert (drawn[:, 2] < 2.5).all()
    each = pipeline.sample(3, y=[2, 0, 2], random_state=0)
    np.testing.assert_array_equal(each[:, 2] > 2.5, [True, False, True])


class Recorder(BaseEstimator):
    """A last step that draws what it was asked for."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def sample(
        self, n_samples, *, y=None, target="data", random_state=None, n_jobs=None
    ):
        return np.array([[n_samples, y, len(target), random_state, n_jobs]])


def test_all_options_reach_the_last_step(X):
    pipeline = make_sampling_pipeline("passthrough", Recorder()).fit(X)
    found = pipeline.sample(4, y=2, target="uniform", random_state=5, n_jobs=3)
    assert found.tolist() == [[4, 2, len("uniform"), 5, 3]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": 1}, "y=1 does not go with the last step 'kerneldensity'"),
        ({"target": "uniform"}, "KernelDensity.sample takes no target. Leave it out"),
        ({"n_jobs": 2}, "n_jobs=2 does not go"),
    ],
)
def test_options_that_the_last_step_does_not_take(X, options, message):
    pipeline = make_sampling_pipeline(StandardScaler(), KernelDensity()).fit(X)
    with pytest.raises(TypeError, match=message):
        pipeline.sample(**options)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "3", None, True])
def test_bad_numbers_of_draws(X, n_samples):
    pipeline = make_sampling_pipeline(StandardScaler(), law()).fit(X)
    with pytest.raises(ValueError, match="n_samples"):
        pipeline.sample(n_samples)


def test_sample_is_there_only_where_the_last_step_has_it(X):
    transformers = SamplingPipeline([("scale", StandardScaler()), ("pca", PCA(2))])
    assert not hasattr(transformers, "sample")
    with pytest.raises(AttributeError, match="'SamplingPipeline' has no"):
        transformers.sample()
    np.testing.assert_array_equal(
        transformers.fit_transform(X), Pipeline(transformers.steps).fit_transform(X)
    )
    with pytest.raises(NotFittedError):
        make_sampling_pipeline(StandardScaler(), law()).sample()


def test_a_classifier_at_the_end_needs_no_inverses(X):
    y = X[:, 0] > 5
    steps = [("norm", Normalizer()), ("law", LogisticRegression())]
    found = SamplingPipeline(steps).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(found, Pipeline(steps).fit(X, y).predict_proba(X))


def test_it_keeps_the_checks_that_a_plain_pipeline_keeps():
    steps = [("scale", StandardScaler()), ("law", KernelDensity(bandwidth=0.1))]
    failed = [
        {
            check["check_name"]
            for check in check_estimator(pipeline, on_fail=None, on_skip=None)
            if check["status"] == "failed"
        }
        for pipeline in (SamplingPipeline(steps, invert="auto"), Pipeline(steps))
    ]
    # Two of them, as both fit the very steps that they are given.
    assert failed[0] == failed[1]


def test_frames_give_the_same_draws(roll):
    frame = pd.DataFrame(roll, columns=["x", "y", "z"])
    pipeline = isomap_pipeline().set_output(transform="pandas").fit(frame)
    plain = isomap_pipeline().fit(roll)
    drawn = pipeline.sample(5, random_state=0)
    assert type(drawn) is np.ndarray
    np.testing.assert_allclose(drawn, plain.sample(5, random_state=0))
    assert list(pipeline.feature_names_in_) == ["x", "y", "z"]
    embedded = pipeline[:-1].transform(frame[:4])
    assert list(embedded) == ["isomap0", "isomap1"]
    scores = pipeline.score_samples(frame[:4])
    np.testing.assert_allclose(scores, plain.score_samples(roll[:4]))
    with pytest.raises(ValueError, match="feature names"):
        pipeline.score_samples(frame[["z", "y", "x"]])


def test_inner_pipelines_and_slices(X):
    inner = make_sampling_pipeline(StandardScaler(), PCA(whiten=True))
    nested = make_sampling_pipeline(inner, law()).fit(X)
    flat = make_sampling_pipeline(StandardScaler(), PCA(whiten=True), law()).fit(X)
    np.testing.assert_array_equal(
        nested.sample(5, random_state=0), flat.sample(5, random_state=0)
    )
    np.testing.assert_allclose(nested.score_samples(X), flat.score_samples(X))
    assert isinstance(flat[1:], SamplingPipeline)
    assert flat[1:].sample(2, random_state=0).shape == (2, 3)


def test_names_of_steps():
    pipeline = make_sampling_pipeline(
        InvertibleTransformer(Isomap()), Isomap(), law(), memory=None, verbose=True
    )
    names = [name for name, _ in pipeline.steps]
    assert names == ["isomap-1", "isomap-2", "empiricalscorediffusion"]
    assert pipeline.verbose


def test_steps_kept_in_memory_are_drawn_through(roll, tmp_path):
    kept = isomap_pipeline(memory=str(tmp_path)).fit(roll)
    again = isomap_pipeline(memory=str(tmp_path)).fit(roll)
    expected = isomap_pipeline().fit(roll).sample(5, random_state=0)
    for pipeline in (kept, again):
        np.testing.assert_array_equal(pipeline.sample(5, random_state=0), expected)


def test_categories_come_back(X):
    words = pd.DataFrame({"a": ["x", "y", "x", "y"], "b": ["u", "u", "v", "v"]})
    pipeline = make_sampling_pipeline(
        OrdinalEncoder(),
        FunctionTransformer(inverse_func=np.rint),
        KernelDensity(bandwidth=0.01),
    ).fit(words)
    drawn = pipeline.sample(20, random_state=0)
    assert set(drawn[:, 0]) == {"x", "y"}
    assert set(drawn[:, 1]) == {"u", "v"}


@pytest.mark.parametrize(
    "later", [[], [StandardScaler()], [InvertibleTransformer(PCA(2))]]
)
def test_a_step_with_sparse_rows_is_named(later):
    words = np.array([["a", "x"], ["b", "y"], ["c", "y"]] * 10)
    with pytest.raises(TypeError, match=r"'onehotencoder'.*sparse_output=False\)"):
        make_sampling_pipeline(OneHotEncoder(), *later, law()).fit(words)
    dense = OneHotEncoder(sparse_output=False)
    pipeline = make_sampling_pipeline(dense, law()).fit(words)
    assert set(pipeline.sample(9, random_state=0)[:, 1]) <= {"x", "y"}


def test_sparse_rows_may_become_dense_on_the_way(X):
    rows = sparse.csr_array(np.abs(X))
    with pytest.raises(TypeError, match=r"'maxabsscaler'.*TruncatedSVD"):
        make_sampling_pipeline(MaxAbsScaler(), law()).fit(rows)
    steps = (MaxAbsScaler(), TruncatedSVD(2), law())
    assert make_sampling_pipeline(*steps).fit(rows).sample(4).shape == (4, 3)


def test_other_errors_of_steps_are_left_alone(X):
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="contains NaN") as raised:
        make_sampling_pipeline(StandardScaler(), law()).fit(X)
    assert "sparse" not in str(raised.value)
