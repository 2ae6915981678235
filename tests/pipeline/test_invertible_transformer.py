"""InvertibleTransformer keeps scikit-learn's contract, and what it learned."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA, KernelPCA
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.manifold import Isomap
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsRegressor, NeighborhoodComponentsAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection
from sklearn.utils.estimator_checks import parametrize_with_checks

from manidiff.inverse import (
    InvertibleTransformer,
    LocalPolynomialRegressor,
    is_invertible,
)


@parametrize_with_checks(
    [
        InvertibleTransformer(PCA(1)),
        InvertibleTransformer(StandardScaler(), inverse=KNeighborsRegressor(1)),
        LocalPolynomialRegressor(),
    ]
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture
def X():
    """A noisy square in 4 dimensions; the last 30 rows are well inside it."""
    rng = np.random.default_rng(0)
    square = rng.uniform(-1, 1, (150, 2))
    square[120:] *= 0.8
    return square @ rng.normal(size=(2, 4)) + 0.01 * rng.normal(size=(150, 4))


def centred_error(found, X):
    """Return the root mean square distance over that to the mean."""
    squares = ((found - X) ** 2).sum(axis=1).mean()
    return np.sqrt(squares / X.var(axis=0).sum())


INVERSES = {
    "auto": "auto",
    "kernel ridge": "kernel_ridge",
    "linear": LinearRegression(),
    "neighbours": KNeighborsRegressor(3, weights="distance"),
    "one target at a time": GradientBoostingRegressor(random_state=0),
}
# What the best map back misses is the noise, about a hundredth of the spread.
ERRORS = dict(zip(INVERSES, (0.03, 0.03, 0.02, 0.15, 0.15), strict=True))


@pytest.mark.parametrize("name", INVERSES)
def test_every_regressor_learns_the_way_back(X, name):
    model = InvertibleTransformer(PCA(2), inverse=INVERSES[name]).fit(X[:120])
    found = model.inverse_transform(model.transform(X[120:]))
    assert found.shape == (30, 4)
    assert centred_error(found, X[120:]) < ERRORS[name]
    # Beyond the square, which holding rows out reaches, only a line goes on.
    assert model.reconstruction_error_ < 3 * ERRORS[name]


def test_single_target_regressors_are_fitted_to_each_column(X):
    single = GradientBoostingRegressor(n_estimators=5, random_state=0)
    model = InvertibleTransformer(PCA(2), inverse=single).fit(X)
    assert isinstance(model.inverse_, MultiOutputRegressor)
    assert len(model.inverse_.estimators_) == 4
    assert not hasattr(single, "estimators_")


def test_a_learned_inverse_comes_close_to_the_exact_one(X):
    model = InvertibleTransformer(PCA(2)).fit(X)
    exact = model.transformer_.inverse_transform(model.transform(X))
    learned = model.inverse_transform(model.transform(X))
    assert centred_error(learned[120:], exact[120:]) < 0.01


def test_reconstruction_error_is_that_of_held_out_rows(X):
    # Three nearest rows reproduce the rows that were fitted far better than others.
    inverse = KNeighborsRegressor(3, weights="distance")
    model = InvertibleTransformer(PCA(2), inverse=inverse).fit(X[:120])
    on_training_rows = model.inverse_transform(model.transform(X[:120]))
    on_others = model.inverse_transform(model.transform(X[120:]))
    assert centred_error(on_training_rows, X[:120]) < 1e-3
    assert model.reconstruction_error_ == pytest.approx(
        centred_error(on_others, X[120:]), rel=0.5
    )


def test_reconstruction_error_of_nothing_learned_is_that_of_the_mean():
    # 500 rows of pure noise: within 10 % of 1, unless the variance of the held-out
    # rows is off by three standard errors.
    noise = np.random.default_rng(0).normal(size=(500, 10))
    model = InvertibleTransformer(PCA(1)).fit(noise)
    assert model.reconstruction_error_ == pytest.approx(np.sqrt(0.9), abs=0.1)
    constant = InvertibleTransformer(StandardScaler()).fit(np.ones((30, 2)))
    assert constant.reconstruction_error_ == 0


class FewRowsTooFew(TransformerMixin, BaseEstimator):
    """Takes ten rows and more."""

    def fit(self, X, y=None):
        if len(X) < 10:
            raise ValueError("too few rows")
        return self

    def transform(self, X):
        return np.asarray(X)[:, :2]


def test_too_few_rows_to_hold_some_out_leave_the_error_unknown(X):
    model = InvertibleTransformer(FewRowsTooFew()).fit(X[:10])
    assert np.isnan(model.reconstruction_error_)
    assert np.isfinite(model.inverse_transform(model.transform(X[10:]))).all()
    with pytest.raises(ValueError, match="too few rows"):
        InvertibleTransformer(FewRowsTooFew()).fit(X[:9])


@pytest.mark.parametrize("inverse", ["auto", "kernel_ridge"])
def test_inverting_changes_nothing_and_repeats(X, inverse, state):
    model = InvertibleTransformer(KernelPCA(3, kernel="rbf"), inverse=inverse).fit(X)
    Z = model.transform(X)
    before = state(model)
    first = model.inverse_transform(Z)
    np.testing.assert_array_equal(model.inverse_transform(Z), first)
    assert state(model) == before
    one_by_one = np.vstack([model.inverse_transform(row[None]) for row in Z[:20]])
    np.testing.assert_allclose(one_by_one, first[:20])
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.inverse_transform(Z), first)
    np.testing.assert_array_equal(
        clone(model).fit(X).inverse_transform(Z), model.fit(X).inverse_transform(Z)
    )


def test_fitting_leaves_the_given_transformer_and_the_global_generator_alone(X):
    transformer = GaussianRandomProjection(2, random_state=0)
    before = np.random.get_state()[1].copy()
    InvertibleTransformer(transformer).fit(X)
    assert not hasattr(transformer, "components_")
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_fit_transform_is_fit_and_transform(X):
    model = InvertibleTransformer(KernelPCA(3, kernel="rbf"))
    Z = model.fit_transform(X)
    np.testing.assert_array_equal(Z, clone(model.transformer).fit_transform(X))
    np.testing.assert_allclose(model.fit(X).transform(X), Z, atol=1e-8)


def test_labels_reach_the_transformer(X):
    model = InvertibleTransformer(NeighborhoodComponentsAnalysis(2, random_state=0))
    assert model.fit(X, X[:, 0] > 0).transform(X).shape == (150, 2)
    with pytest.raises((ValueError, TypeError), match="y"):
        clone(model).fit(X)


def test_frames_give_names_and_are_checked(X):
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = InvertibleTransformer(KernelPCA(2)).set_output(transform="pandas")
    Z = model.fit_transform(frame)
    assert list(Z) == ["kernelpca0", "kernelpca1"]
    assert list(model.feature_names_in_) == list("abcd")
    np.testing.assert_allclose(
        model.inverse_transform(Z), model.inverse_transform(np.asarray(Z))
    )
    with pytest.raises(ValueError, match="feature names"):
        model.transform(frame[list("dcba")])
    custom = InvertibleTransformer(FewRowsTooFew()).fit(frame)
    assert list(custom.get_feature_names_out()) == ["fewrowstoofew0", "fewrowstoofew1"]


def test_one_column_in_and_out():
    X = np.linspace(1, 2, 60)[:, None]
    model = InvertibleTransformer(StandardScaler()).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X)


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (InvertibleTransformer("isomap"), TypeError, "transformer='isomap' must have"),
        (InvertibleTransformer(Isomap), TypeError, r"Isomap\(\)"),
        (InvertibleTransformer(None), TypeError, "must have fit and transform"),
        (InvertibleTransformer(LinearRegression()), TypeError, "must have fit and"),
        (InvertibleTransformer(PCA(1), inverse="linear"), ValueError, "'linear' must"),
        (InvertibleTransformer(PCA(1), inverse=PCA()), ValueError, "inverse=PCA()"),
        (InvertibleTransformer(PCA(1), inverse=None), ValueError, "inverse=None must"),
    ],
)
def test_bad_parameters(X, model, error, message):
    with pytest.raises(error, match=message):
        model.fit(X)


def test_bad_rows(X):
    model = InvertibleTransformer(PCA(2)).fit(X)
    with pytest.raises(ValueError, match="X has 3 columns, but the embedding has 2"):
        model.inverse_transform(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        model.inverse_transform([[0.0, np.nan]])
    X[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        InvertibleTransformer(PCA(2)).fit(X)
    with pytest.raises(ValueError, match="minimum of 2"):
        InvertibleTransformer(PCA(1)).fit(X[1:2])


def test_what_counts_as_invertible():
    assert is_invertible(InvertibleTransformer(Isomap()))
    assert is_invertible(KernelPCA(fit_inverse_transform=True))
    assert not is_invertible(KernelPCA())
    assert not is_invertible(Normalizer())
    assert is_invertible(make_pipeline(StandardScaler(), None, "passthrough"))
    assert not is_invertible(make_pipeline(StandardScaler(), KernelPCA()))
    assert not is_invertible(make_pipeline(make_pipeline(KernelPCA()), PCA()))
