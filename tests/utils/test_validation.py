"""Rows merged, and numbers refused."""

import numpy as np
import pytest

from manidiff._utils.validation import (
    check_n_samples,
    check_noise_levels,
    merge_equal_rows,
)


def test_equal_rows_add_their_weights():
    X = np.array([[1.0, 2], [0, 0], [1, 2], [5, 5]])
    rows, weights, conditions = merge_equal_rows(X, np.array([1.0, 2, 3, 0]), None)
    np.testing.assert_array_equal(rows, [[0, 0], [1, 2]])
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3])
    assert conditions is None


def test_rows_of_different_conditions_stay_apart():
    X, conditions = np.zeros((3, 1)), np.array([[1.0], [0], [1]])
    rows, weights, merged = merge_equal_rows(X, np.ones(3), conditions)
    np.testing.assert_array_equal(rows, [[0], [0]])
    np.testing.assert_array_equal(merged, [[0], [1]])
    np.testing.assert_allclose(weights, [1 / 3, 2 / 3])


def test_one_noise_level_serves_every_row():
    np.testing.assert_array_equal(check_noise_levels(0.5, 3), [0.5] * 3)
    np.testing.assert_array_equal(check_noise_levels([1, 2], 2), [1, 2])


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (0, "above 0"),
        (-1.0, "above 0"),
        (np.nan, "finite"),
        ([1, np.inf], "finite"),
        ("a", "must be a number"),
        ([1, 2, 3], "shape"),
        ([[1.0, 2.0]], "shape"),
    ],
)
def test_wrong_noise_levels_are_refused(sigma, message):
    with pytest.raises(ValueError, match=message):
        check_noise_levels(sigma, 2)


def test_a_positive_int_is_a_number_of_samples():
    assert check_n_samples(np.int64(3)) == 3


@pytest.mark.parametrize("n_samples", [0, -1, 2.0, "3", None])
def test_other_numbers_of_samples_are_refused(n_samples):
    with pytest.raises(ValueError, match=f"n_samples={n_samples!r}"):
        check_n_samples(n_samples)
