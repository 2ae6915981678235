"""Local polynomials reproduce polynomials, and stay near the rows elsewhere."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import PolynomialFeatures

from manidiff.geometry.local_regression import (
    LocalPolynomials,
    choose_local_polynomials,
)
from manidiff.inverse import LocalPolynomialRegressor


def polynomial_surface(degree, dim, n_rows=200):
    """Return coordinates and values of random polynomials of them."""
    rng = np.random.default_rng(degree * 10 + dim)
    Z = rng.uniform(-1, 1, (n_rows, dim))
    features = PolynomialFeatures(degree).fit_transform(Z)
    return Z, features @ rng.normal(size=(features.shape[1], 3))


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("dim", [1, 2])
def test_polynomials_are_reproduced(degree, dim):
    Z, values = polynomial_surface(degree, dim)
    model = LocalPolynomials(
        Z[50:], values[50:], degree=degree, n_neighbors=30, penalty=1e-13
    )
    # Where an offset is longer than the reach of the neighbours it is shortened, so
    # only points among the rows count.
    inside = np.abs(Z[:50]).max(axis=1) < 0.8
    np.testing.assert_allclose(
        model.predict(Z[:50])[inside], values[:50][inside], atol=1e-5
    )


def test_leaving_a_row_out_is_fitting_without_it():
    Z, values = polynomial_surface(3, 2, n_rows=60)
    setting = {"degree": 1, "n_neighbors": 10, "penalty": 1e-6}
    found = LocalPolynomials(Z, values, **setting).leave_one_out(np.arange(60))
    for row in range(0, 60, 7):
        others = np.arange(60) != row
        without = LocalPolynomials(Z[others], values[others], **setting)
        np.testing.assert_allclose(
            found[row], without.predict(Z[row : row + 1])[0], atol=1e-12
        )


def test_predictions_are_continuous():
    Z, values = polynomial_surface(3, 2)
    model = LocalPolynomials(Z, values, degree=1, n_neighbors=8, penalty=1e-8)
    line = np.linspace([-0.8, -0.5], [0.8, 0.6], 40_001)
    jumps = np.abs(np.diff(model.predict(line), axis=0)).max()
    # Steps of 5e-5 along slopes of at most some tens.
    assert jumps < 5e-3


def test_no_prediction_leaves_the_reach_of_the_neighbours():
    rng = np.random.default_rng(0)
    # Almost on a line: quadratics across it are all but free.
    Z = np.column_stack([rng.uniform(size=100), 1e-9 * rng.normal(size=100)])
    values = rng.normal(size=(100, 3))
    model = LocalPolynomials(Z, values, degree=2, n_neighbors=12, penalty=1e-8)
    far = np.array([[0.5, 1.0], [50.0, 0.0], [-1e9, 1e9]])
    assert np.abs(model.predict(far)).max() < 2 * np.linalg.norm(values, axis=1).max()


def test_equal_rows_give_their_mean():
    values = np.array([[0.0], [1.0], [2.0]])
    model = LocalPolynomials(
        np.zeros((3, 2)), values, degree=2, n_neighbors=3, penalty=1e-8
    )
    np.testing.assert_allclose(model.predict(np.zeros((1, 2))), [[1.0]])
    assert np.isfinite(model.predict(np.ones((1, 2)))).all()


def test_shape_and_scale_of_coordinates_and_values_do_not_matter():
    Z, values = polynomial_surface(3, 2)
    at = Z[:20] + 0.01
    setting = {"degree": 2, "n_neighbors": 20, "penalty": 1e-12}
    plain = LocalPolynomials(Z, values, **setting).predict(at)
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    moved = LocalPolynomials(1e6 * Z @ turn + 5e6, values, **setting)
    np.testing.assert_allclose(moved.predict(1e6 * at @ turn + 5e6), plain, atol=1e-6)
    grown = LocalPolynomials(Z, 1e-8 * values + 3, **setting)
    np.testing.assert_allclose(grown.predict(at), 1e-8 * plain + 3, atol=1e-13)


def test_the_choice_follows_the_data():
    rng = np.random.default_rng(0)
    Z = rng.uniform(-1, 1, (300, 1))
    smooth = choose_local_polynomials(Z, np.sin(3 * Z))
    assert (smooth.degree, smooth.penalty) == (2, 1e-8)
    noise = choose_local_polynomials(Z, rng.normal(size=(300, 1)))
    assert noise.penalty > smooth.penalty
    assert noise.degree < 2 or noise.n_neighbors > smooth.n_neighbors


def test_degree_falls_with_the_number_of_rows():
    rng = np.random.default_rng(0)
    Z, values = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    model = LocalPolynomials(Z, values, degree=3, n_neighbors=50, penalty=1e-8)
    assert (model.degree, model.n_neighbors) == (1, 5)
    assert choose_local_polynomials(Z[:1], values[:1]).predict(Z).shape == (5, 2)


def test_read_only_rows_are_taken():
    Z, values = polynomial_surface(1, 2, n_rows=40)
    Z.flags.writeable = values.flags.writeable = False
    model = LocalPolynomials(Z, values, degree=1, n_neighbors=10, penalty=1e-8)
    assert model.predict(Z[:5]).shape == (5, 3)


def test_regressor_beats_a_global_line_and_takes_what_it_is_given():
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, (300, 1))
    y = np.sin(2 * X[:, 0])
    model = LocalPolynomialRegressor().fit(X[:200], y[:200])
    assert model.score(X[200:], y[200:]) > 0.999
    assert LinearRegression().fit(X[:200], y[:200]).score(X[200:], y[200:]) < 0.5
    given = LocalPolynomialRegressor(degree=1, n_neighbors=7, alpha=0.1).fit(X, y)
    assert (given.degree_, given.n_neighbors_, given.alpha_) == (1, 7, 0.1)
    assert given.predict(X).shape == (300,)
    assert given.fit(X, y[:, None]).predict(X).shape == (300, 1)


@pytest.mark.parametrize(
    "bad",
    [{"degree": 4}, {"degree": "best"}, {"n_neighbors": 0}, {"alpha": 0.0}],
)
def test_bad_parameters_of_the_regressor(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        LocalPolynomialRegressor(**bad).fit([[0.0], [1.0]], [0.0, 1.0])
