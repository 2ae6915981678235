"""Densities of a pipeline are those of X: the change of variables is accounted for."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OrdinalEncoder,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion
from manidiff.inverse import InvertibleTransformer
from manidiff.inverse._volume import log_volume_factor
from manidiff.pipeline import make_sampling_pipeline


@pytest.fixture
def X():
    """Rows whose columns are correlated and of unlike scales."""
    rng = np.random.default_rng(0)
    mix = np.array([[3.0, 0.0, 0.0], [0.5, 0.02, 0.0], [-40.0, 5.0, 90.0]])
    return rng.normal(size=(80, 3)) @ mix.T + [5.0, -2.0, 1000.0]


LINEAR_STEPS = {
    "scaler": [StandardScaler()],
    "robust": [RobustScaler()],
    "range": [MinMaxScaler()],
    "rotation": [PCA()],
    "whitening": [PCA(whiten=True)],
    "chain": [StandardScaler(), PCA(whiten=True), MinMaxScaler((-7, 2))],
    "passthrough": ["passthrough", StandardScaler()],
}


@pytest.mark.parametrize("steps", LINEAR_STEPS.values(), ids=LINEAR_STEPS)
def test_a_normal_law_is_the_same_under_every_invertible_linear_step(X, steps):
    pipeline = make_sampling_pipeline(*steps, GaussianMixture(reg_covar=0)).fit(X)
    covariance = np.cov(X, rowvar=False, bias=True)
    expected = multivariate_normal(X.mean(axis=0), covariance).logpdf(X)
    np.testing.assert_allclose(pipeline.score_samples(X), expected, atol=1e-5)
    assert pipeline.score(X) == pytest.approx(expected.mean(), abs=1e-5)


@pytest.mark.parametrize(
    "last_step",
    [
        EmpiricalScoreDiffusion(coarseness=1, scaling=None),
        LocalPolynomialScoreDiffusion(coarseness=4),
        KernelDensity(bandwidth=0.3),
    ],
)
def test_the_determinant_of_linear_steps_is_added(X, last_step):
    steps = make_pipeline(StandardScaler(), PCA(whiten=True))
    pipeline = make_sampling_pipeline(*steps, last_step).fit(X[:60])
    scaler, pca = pipeline[0], pipeline[1]
    log_determinant = np.log(scaler.scale_).sum()
    log_determinant += 0.5 * np.log(pca.explained_variance_).sum()
    inner = pipeline[-1].score_samples(pipeline[:-1].transform(X[60:]))
    found = pipeline.score_samples(X[60:])
    np.testing.assert_allclose(found, inner - log_determinant, atol=1e-5)


def test_rotations_and_shifts_leave_a_density_as_it_is(X):
    law = EmpiricalScoreDiffusion(coarseness=1, scaling=None)
    pipeline = make_sampling_pipeline(PCA(), law).fit(X)
    alone = EmpiricalScoreDiffusion(coarseness=1, scaling=None).fit(X)
    np.testing.assert_allclose(
        pipeline.score_samples(X), alone.score_samples(X), atol=1e-5
    )


@pytest.mark.parametrize(
    "step",
    [
        FunctionTransformer(np.log, np.exp),
        PowerTransformer("box-cox"),
        PowerTransformer("yeo-johnson"),
    ],
)
def test_densities_under_curved_steps_integrate_to_one(step):
    rows = np.random.default_rng(0).lognormal(0.3, 0.5, (200, 2))
    pipeline = make_sampling_pipeline(step, KernelDensity(bandwidth=0.3)).fit(rows)
    # In logarithms the density is wide enough for a grid of this step.
    axis, width = np.linspace(-6, 4, 201, retstep=True)
    u = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    if step.get_params().get("method") == "box-cox":
        # Powers reach down to where its inverse ends, and no further.
        u = u[(step.fit(rows).transform(np.exp(u)) > -1 / step.lambdas_.max()).all(1)]
    mass = np.exp(pipeline.score_samples(np.exp(u)) + u.sum(axis=1)).sum() * width**2
    assert mass == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
def test_no_offset_or_larger_column_hides_a_curve(scale, offset):
    Z = np.random.default_rng(0).normal(size=(40, 2))

    def curved(Z):
        return np.column_stack([scale * Z[:, 0], offset + np.exp(Z[:, 1])])

    expected = np.log(scale) + Z[:, 1]
    # At 1e8 a double holds eight digits of the curve, a difference four of them.
    found = log_volume_factor(curved, Z)
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_density_does_not_depend_on_what_else_is_scored():
    rows = 1e7 + np.random.default_rng(0).lognormal(size=(100, 1))
    step = FunctionTransformer(lambda X: np.log(X - 1e7), lambda Z: 1e7 + np.exp(Z))
    pipeline = make_sampling_pipeline(step, KernelDensity(bandwidth=0.3)).fit(rows)
    one_by_one = [pipeline.score(row[None]) for row in rows[:10]]
    np.testing.assert_allclose(pipeline.score_samples(rows)[:10], one_by_one, atol=1e-3)


class CountsCalls:
    """An affine map that counts how often it is called."""

    def __init__(self, offset):
        self.offset, self.n_calls = offset, 0

    def __call__(self, Z):
        self.n_calls += 1
        return Z @ np.array([[3e4, 1.0], [-2e4, 0.5]]) + self.offset


@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_an_affine_map_is_differentiated_once(offset):
    Z = np.random.default_rng(0).normal(size=(40, 2))
    inverse_map = CountsCalls(offset)
    found = log_volume_factor(inverse_map, Z)
    np.testing.assert_allclose(found, np.log(3.5e4), atol=1e-3)
    # Twice for each of two columns, and once to see that it is affine.
    assert inverse_map.n_calls == 5


class Angle(TransformerMixin, BaseEstimator):
    """A circle by its angle: an embedding with a known factor of length."""

    def __init__(self, radius):
        self.radius = radius

    def fit(self, X, y=None):
        self.n_features_in_ = 2
        return self

    def transform(self, X):
        return np.arctan2(X[:, 1:], X[:, :1])

    def inverse_transform(self, X):
        return self.radius * np.hstack([np.cos(X), np.sin(X)])


@pytest.fixture
def arc():
    angle = np.random.default_rng(0).uniform(-2.5, 2.5, (300, 1))
    return Angle(3.0).inverse_transform(angle)


def test_the_density_on_a_curve_is_one_per_unit_of_length(arc):
    pipeline = make_sampling_pipeline(Angle(3.0), KernelDensity(bandwidth=0.2)).fit(arc)
    per_radian = pipeline[-1].score_samples(pipeline[0].transform(arc))
    expected = per_radian - np.log(3)
    np.testing.assert_allclose(pipeline.score_samples(arc), expected, atol=1e-4)
    # How far a row is from the curve does not count.
    np.testing.assert_allclose(pipeline.score_samples(1.5 * arc), expected, atol=1e-4)


def test_a_learned_inverse_stretches_as_the_curve_that_it_learned(arc):
    last_step = KernelDensity(bandwidth=0.2)
    learned = InvertibleTransformer(Angle(3.0))
    pipeline = make_sampling_pipeline(learned, last_step).fit(arc)
    exact = make_sampling_pipeline(Angle(3.0), last_step).fit(arc)
    inside = arc[np.abs(pipeline[0].transform(arc))[:, 0] < 2.3]
    found = pipeline.score_samples(inside)
    np.testing.assert_allclose(found, exact.score_samples(inside), atol=0.02)


def test_the_density_on_a_plane_is_one_per_unit_of_area(X):
    pipeline = make_sampling_pipeline(
        StandardScaler(), PCA(2), GaussianMixture(random_state=0)
    ).fit(X)
    jacobian = pipeline[0].scale_[:, None] * pipeline[1].components_.T
    area = np.sqrt(np.linalg.det(jacobian.T @ jacobian))
    inner = pipeline[-1].score_samples(pipeline[:-1].transform(X))
    np.testing.assert_allclose(
        pipeline.score_samples(X), inner - np.log(area), atol=1e-5
    )


def test_score_is_the_weighted_mean(X):
    pipeline = make_sampling_pipeline(StandardScaler(), KernelDensity()).fit(X)
    each, weights = pipeline.score_samples(X), np.arange(80.0)
    assert pipeline.score(X) == pytest.approx(each.mean())
    weighted = pipeline.score(X, sample_weight=weights)
    assert weighted == pytest.approx(np.average(each, weights=weights))
    with pytest.raises(TypeError, match=r"takes no \['depth'\]"):
        pipeline.score(X, depth=1)


def test_labels_reach_a_conditional_last_step():
    X, y = load_iris(return_X_y=True)
    law = EmpiricalScoreDiffusion(coarseness=1, conditional=True)
    pipeline = make_sampling_pipeline(StandardScaler(), law).fit(X, y)
    plain = make_sampling_pipeline(StandardScaler(), KernelDensity()).fit(X, y)
    assert pipeline.score(X, y) > pipeline.score(X, (y + 1) % 3) + 1
    assert plain.score(X, y) == plain.score(X)


def test_without_steps_and_without_draws_it_is_a_plain_pipeline(X):
    alone = KernelDensity().fit(X)
    pipeline = make_sampling_pipeline(None, KernelDensity()).fit(X)
    np.testing.assert_array_equal(pipeline.score_samples(X), alone.score_samples(X))
    y = X[:, 0] > 5
    classifier = make_sampling_pipeline(PCA(2), LogisticRegression()).fit(X, y)
    plain = Pipeline(classifier.steps)
    assert classifier.score(X, y) == plain.score(X, y)
    assert not hasattr(classifier, "sample")
    assert not hasattr(classifier, "score_samples")


def test_a_flat_inverse_has_no_density(X):
    bins = KBinsDiscretizer(3, encode="ordinal", strategy="uniform")
    pipeline = make_sampling_pipeline(bins, KernelDensity(bandwidth=0.1)).fit(X)
    assert pipeline.sample(4, random_state=0).shape == (4, 3)
    with pytest.raises(ValueError, match="flat around some rows") as raised:
        pipeline.score(X)
    assert "get_sample_scorer('energy_distance')" in str(raised.value)


def test_draws_that_are_no_numbers_have_no_density():
    words = np.array([["red", "low"], ["blue", "high"], ["red", "high"]], dtype=object)
    pipeline = make_sampling_pipeline(
        OrdinalEncoder(), FunctionTransformer(inverse_func=np.rint), KernelDensity()
    )
    pipeline.set_params(kerneldensity__bandwidth=0.01).fit(words)
    assert set(pipeline.sample(9, random_state=0).ravel()) <= set(words.ravel())
    with pytest.raises(ValueError, match="does not give numbers"):
        pipeline.score_samples(words)
