"""From labels and targets to conditions, and back to draws."""

import numpy as np
import pytest

from manidiff._utils.conditions import ConditionEncoder


def fitted(y, weights=None):
    weights = np.ones(len(y)) if weights is None else np.asarray(weights)
    return ConditionEncoder().fit(y, weights)


@pytest.mark.parametrize(
    "y",
    [
        np.array([2, 0, 2, 7]),
        np.array(["b", "a", "b", "c"]),
        np.array(["b", "a", "b", "c"], dtype=object),
        ["b", "a", "b", "c"],
    ],
    ids=["int", "str", "object", "list"],
)
def test_labels_become_indicators(y):
    encoder = fitted(y)
    expected = [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_array_equal(encoder.transform(y, 4), expected)
    assert encoder.classes_.tolist() == sorted(set(np.asarray(y).tolist()))
    assert encoder.n_conditions_ == 3


def test_booleans_are_labels():
    encoder = fitted(np.array([True, False, True]))
    np.testing.assert_array_equal(encoder.transform(True, 1), [[0, 1]])


def test_float_targets_are_standardised_by_their_weights():
    y, weights = np.array([1.0, 3.0, 8.0]), np.array([1.0, 1, 2])
    encoded = fitted(y, weights).transform(y, 3)[:, 0]
    assert weights @ encoded == pytest.approx(0)
    assert weights @ encoded**2 == pytest.approx(4)


def test_several_targets_are_standardised_each():
    y = np.random.default_rng(0).normal(size=(50, 2)) * [1, 100] + [0, 5]
    encoder = fitted(y)
    encoded = encoder.transform(y, 50)
    np.testing.assert_allclose(encoded.std(0), 1)
    assert encoder.classes_ is None and encoder.n_conditions_ == 2


def test_a_constant_target_is_no_problem():
    np.testing.assert_array_equal(fitted(np.ones(4)).transform(1.0, 2), [[0], [0]])


def test_one_value_serves_every_row():
    assert fitted(np.array([0, 1, 1])).transform(1, 3).tolist() == [[0, 1]] * 3
    one = fitted(np.array([0.0, 2.0])).transform(2.0, 3)
    np.testing.assert_allclose(one, np.ones((3, 1)))


def test_one_row_of_targets_serves_every_row():
    y = np.array([[0.0, 0], [2, 4]])
    np.testing.assert_allclose(fitted(y).transform([2, 4], 3), np.ones((3, 2)))


def test_unknown_labels_are_refused_by_name():
    with pytest.raises(ValueError, match=r"not in the training data.*\['z'\].*'a'"):
        fitted(np.array(["a", "b"])).transform(["a", "z"], 2)


@pytest.mark.parametrize("y", [np.array([0, 1]), np.array([0.0, 1.0])])
def test_wrong_lengths_are_refused(y):
    with pytest.raises(ValueError, match="y has 2 values, but there are 3 rows"):
        fitted(y).transform(y, 3)


def test_wrong_widths_are_refused():
    with pytest.raises(ValueError, match=r"3 columns.*fitted with 2"):
        fitted(np.zeros((4, 2))).transform(np.zeros((5, 3)), 5)


@pytest.mark.parametrize("y", [np.nan, [np.inf, 0.0]])
def test_targets_that_are_not_finite_are_refused(y):
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted(np.array([0.0, 1.0])).transform(y, 2)


def test_text_for_targets_is_refused():
    with pytest.raises(ValueError, match="must hold numbers"):
        fitted(np.array([0.0, 1.0])).transform("a", 2)


def test_labels_without_common_order_are_refused():
    with pytest.raises(ValueError, match="no common order"):
        fitted(np.array(["a", None], dtype=object))


def test_labels_are_drawn_by_their_weights():
    n = 4000
    encoder = fitted(np.array([5, 5, 6, 9]), [1, 1, 2, 4])
    counts = encoder.draw(n, np.random.default_rng(0)).sum(0)
    share = np.array([0.25, 0.25, 0.5])
    # 4.5 standard errors, 3 comparisons: a false alarm in 2 of 10^5 seeds.
    assert (np.abs(counts - n * share) < 4.5 * np.sqrt(n * share * (1 - share))).all()


def test_targets_are_drawn_jointly():
    y = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 5.0]])
    encoder = fitted(y)
    drawn = encoder.draw(50, np.random.default_rng(0)) * encoder.spread_ + encoder.mean_
    assert set(map(tuple, drawn.round(9).tolist())) == set(map(tuple, y.tolist()))


@pytest.mark.parametrize(
    "y",
    [
        np.array([b"u", b"v"]),
        np.array(["2020-01-01", "2021-01-01"], dtype="M8[D]"),
        np.array(["2020-01-01", "2021-01-01"], dtype="M8[ns]"),
        np.array([np.datetime64("2020-01-01", "ns")], dtype=object),
        np.array([1, 2], dtype="m8[s]"),
        np.array([1.0, np.nan], dtype=object),
    ],
    ids=["bytes", "dates", "nanoseconds", "objects", "spans", "missing"],
)
def test_labels_that_no_file_holds_are_refused(y):
    with pytest.raises(ValueError, match=r"y holds the label .*y\.astype\(str\)"):
        fitted(y)


@pytest.mark.parametrize("plain", [["u", "v"], [1, 2], [False, True], [0.5, 2.0]])
def test_objects_of_numpy_are_the_labels_they_stand_for(plain):
    y = np.empty(2, dtype=object)
    y[:] = list(np.array(plain))
    encoder = fitted(y)
    assert encoder.classes_.tolist() == plain
    assert [type(one) for one in encoder.classes_] == [type(one) for one in plain]
    np.testing.assert_array_equal(encoder.transform(y, 2), np.eye(2))
    np.testing.assert_array_equal(encoder.transform(plain[1], 1), [[0, 1]])
