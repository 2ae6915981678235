"""What is learned from generated rows, against scikit-learn's own scores."""

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from manidiff.metrics import train_on_synthetic


@pytest.fixture(scope="module")
def wine():
    """Return thirds of the wine table, and their classes."""
    X, y = load_wine(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    order = np.random.RandomState(0).permutation(177)
    parts = np.split(order, 3)
    names = ("y_gen", "y_train", "y_heldout")
    return [X[part] for part in parts], {
        name: y[part] for name, part in zip(names, parts, strict=True)
    }


def test_the_scores_are_those_of_two_fits(wine):
    sets, y = wine
    neighbors = KNeighborsClassifier(3)
    found = train_on_synthetic(*sets, **y, estimator=neighbors)
    synthetic = KNeighborsClassifier(3).fit(sets[0], y["y_gen"])
    real = KNeighborsClassifier(3).fit(sets[1], y["y_train"])
    assert found.synthetic == synthetic.score(sets[2], y["y_heldout"])
    assert found.real == real.score(sets[2], y["y_heldout"])
    assert found.ratio == found.synthetic / found.real
    assert not hasattr(neighbors, "classes_")


def test_fresh_rows_and_copies_are_useful_and_others_are_not(wine):
    (fresh, training, heldout), y = wine
    estimator = LogisticRegression()
    ratios = {
        name: train_on_synthetic(
            rows, training, heldout, **{**y, "y_gen": labels}, estimator=estimator
        ).ratio
        for name, rows, labels in (
            ("fresh", fresh, y["y_gen"]),
            ("copies", training, y["y_train"]),
            ("shuffled", fresh, np.random.RandomState(0).permutation(y["y_gen"])),
        )
    }
    assert abs(ratios["fresh"] - 1) < 0.1
    assert ratios["copies"] == 1
    assert ratios["shuffled"] < 0.7


def test_any_score_of_scikit_learn_is_taken(wine):
    sets, y = wine
    found = train_on_synthetic(
        *sets, **y, estimator=LogisticRegression(), scoring="balanced_accuracy"
    )
    predicted = LogisticRegression().fit(sets[1], y["y_train"]).predict(sets[2])
    assert found.real == balanced_accuracy_score(y["y_heldout"], predicted)


def test_there_is_no_ratio_to_a_score_that_is_not_above_0():
    rng = np.random.RandomState(0)
    sets = rng.normal(size=(3, 20, 5))
    y = dict(
        zip(("y_gen", "y_train", "y_heldout"), rng.normal(size=(3, 20)), strict=True)
    )
    found = train_on_synthetic(*sets, **y, estimator=LinearRegression())
    assert found.real < 0
    assert np.isnan(found.ratio)


@pytest.mark.parametrize("name", ["y_gen", "y_train", "y_heldout"])
def test_lengths_are_checked(name, wine):
    sets, y = wine
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        train_on_synthetic(
            *sets, **{**y, name: y[name][1:]}, estimator=LogisticRegression()
        )
