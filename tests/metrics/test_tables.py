"""Differences of columns and of their correlations against other libraries."""

import numpy as np
import pytest

from manidiff.metrics import column_differences, correlation_differences


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def sets(rng):
    return [rng.normal(size=(n, 4)) * [1, 2, 3, 4] for n in (60, 50, 70)]


def test_columns_by_hand():
    generated = [[0.0, 1, 5], [1.0, 1, 5], [2.0, 2, 5], [3.0, 3, 5]]
    heldout = [[0.5, 1, 5], [9.0, 2, 5]]
    found = column_differences(generated, [[0.0, 0, 0]], heldout, categorical=[1, 2])
    # 3 is above all generated values and half of the others; shares 1/2, 1/4, 1/4
    # against 1/2, 1/2, 0; one category alone.
    np.testing.assert_allclose(found, [0.5, 0.25, 0.0])


def test_columns_of_numbers_are_compared_by_distribution_functions(sets):
    generated, _, heldout = sets
    found = column_differences(*sets)
    for column, value in enumerate(found):
        x, y = generated[:, column], heldout[:, column]
        gaps = [abs(np.mean(x <= at) - np.mean(y <= at)) for at in [*x, *y]]
        np.testing.assert_allclose(value, max(gaps))


def test_columns_of_codes_are_compared_by_shares(rng):
    generated, heldout = rng.randint(5, size=(90, 1)), rng.randint(1, 7, size=(80, 1))
    gaps = [
        abs(np.mean(generated == code) - np.mean(heldout == code)) for code in range(7)
    ]
    found = column_differences(generated, [[0]], heldout, categorical=[0])
    np.testing.assert_allclose(found, [sum(gaps) / 2])


def test_fresh_columns_score_what_is_said(rng):
    generated, heldout = rng.normal(size=(300, 400)), rng.normal(size=(600, 400))
    found = column_differences(generated, heldout[:1], heldout)
    unit = np.sqrt(1 / 300 + 1 / 600)
    # The standard deviation of Kolmogorov's law is 0.26, and there are 400 columns.
    assert abs(found.mean() - 0.87 * unit) < 0.07 * unit


@pytest.mark.parametrize("categorical", [[4], [-1], [0, 7], ["a"]])
def test_columns_that_are_not_there_are_named(categorical, sets):
    with pytest.raises(ValueError, match="but there are 4, counted from 0"):
        column_differences(*sets, categorical=categorical)


def test_correlations_are_those_of_numpy(sets):
    generated, training, heldout = sets
    mixed = generated @ np.array(
        [[1.0, 0.5, 0, 0], [0, 1, 0, 0], [0, 0, 1, -0.9], [0, 0, 0, 1]]
    )
    found = correlation_differences(mixed, training, heldout)
    expected = abs(np.corrcoef(mixed.T) - np.corrcoef(heldout.T))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_array_equal(found, found.T)


def test_constant_columns_have_no_correlation(sets):
    generated, training, heldout = (rows.copy() for rows in sets)
    generated[:, 1] = 0.1
    found = correlation_differences(generated, training, heldout)
    np.testing.assert_allclose(found[1, 2], abs(np.corrcoef(heldout.T)[1, 2]))
    assert found[1, 1] == 0
    both = correlation_differences(generated, training, generated[:30])
    assert both[1].max() == 0


def test_fresh_correlations_score_what_is_said(rng):
    generated, heldout = rng.normal(size=(300, 40)), rng.normal(size=(600, 40))
    found = correlation_differences(generated, heldout[:1], heldout)
    pairs = found[np.triu_indices(40, 1)]
    unit = np.sqrt(1 / 300 + 1 / 600)
    # The standard deviation of |z| is 0.6, and there are 780 pairs.
    assert abs(pairs.mean() - 0.8 * unit) < 0.1 * unit


def test_one_column_has_no_pairs():
    found = correlation_differences([[0.0], [1.0]], [[0.0]], [[0.0], [2.0]])
    np.testing.assert_array_equal(found, [[0.0]])
