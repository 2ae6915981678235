"""Steps with integer codes: what is drawn between and beyond them comes back."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OrdinalEncoder, StandardScaler

from manidiff.pipeline import make_sampling_pipeline


class Drawn(BaseEstimator):
    """Draws the rows that it is given, whatever it is fitted to."""

    def __init__(self, rows):
        self.rows = rows

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def sample(self, n_samples=1):
        return np.array(self.rows, dtype=float)[:n_samples]


def drawn(step, X, rows):
    return make_sampling_pipeline(step, Drawn(rows)).fit(X).sample(len(rows))


WORDS = np.array([["a", "x"], ["b", "y"], ["c", "x"], ["b", "z"]], dtype=object)


@pytest.mark.parametrize("nested", [False, True])
def test_words_come_from_the_nearest_code(nested):
    encoder = OrdinalEncoder()
    step = make_pipeline(encoder, "passthrough") if nested else encoder
    rows = [[-3.0, 0.6], [1.4, 9.0], [2.51, -0.4]]
    found = drawn(step, WORDS, rows)
    assert found.tolist() == [["a", "y"], ["b", "z"], ["c", "x"]]


def test_bins_come_from_the_nearest_code():
    X = np.column_stack([np.linspace(0, 10, 50), np.linspace(0, 4, 50)])
    step = KBinsDiscretizer([5, 2], encode="ordinal", strategy="uniform")
    found = drawn(step, X, [[-2.0, 5.0], [0.6, 0.4], [7.0, 0.6]])
    np.testing.assert_allclose(found, [[1, 3], [3, 1], [9, 3]])


def test_rare_and_missing_categories_have_their_codes():
    X = np.array([["a"]] * 5 + [["b"]] * 4 + [["c"], ["d"]], dtype=object)
    rare = OrdinalEncoder(min_frequency=2)
    found = drawn(rare, X, [[0.7], [1.6], [3.0]])
    assert found.ravel().tolist() == ["b"] + ["infrequent_sklearn"] * 2
    X[:3] = np.nan
    missing = OrdinalEncoder(encoded_missing_value=-1)
    found = drawn(missing, X, [[-5.0], [-0.4], [4.0]]).ravel().tolist()
    assert found[0] != found[0]
    assert found[1:] == ["a", "d"]


def test_a_draw_of_nan_is_no_category():
    X = np.array([["a"], ["b"], [np.nan]], dtype=object)
    found = drawn(OrdinalEncoder(), X, [[np.nan], [1.7]]).ravel().tolist()
    assert found[0] != found[0]
    assert found[1] == "b"


def test_steps_behind_the_codes_are_undone_first():
    found = drawn(
        make_pipeline(OrdinalEncoder(), StandardScaler()), WORDS, [[0.0, 50.0]] * 2
    )
    # The mean code, 1, and one far beyond the last.
    assert found.tolist() == [["b", "z"]] * 2
