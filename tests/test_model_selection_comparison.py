import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.neighbors import KernelDensity

from manidiff import EmpiricalScoreDiffusion, metrics
from manidiff.model_selection import EstimatorComparison, compare_estimators

DEFAULT_METRICS = ["energy_distance", "excess_memorization", "precision", "coverage"]


@pytest.fixture(scope="module")
def X():
    return np.random.default_rng(0).normal(size=(300, 2))


@pytest.fixture(scope="module")
def table(X):
    models = [
        KernelDensity(bandwidth=1e-3),
        GaussianMixture(),
        EmpiricalScoreDiffusion(),
    ]
    return compare_estimators(models, X)


def mean_of_heldout(X_gen, X_train, X_heldout):
    return X_heldout.mean()


def test_copies_are_told_from_a_fitted_normal_law(table):
    assert table.names == [
        "KernelDensity",
        "GaussianMixture",
        "EmpiricalScoreDiffusion",
    ]
    kde, normal, empirical = table.values["excess_memorization"].mean(axis=1)
    assert min(kde, empirical) > 0.95
    assert abs(normal) < 0.1
    energy = table.values["energy_distance"].mean(axis=1)
    assert (energy > 0).all()


def test_every_metric_and_time_has_a_value_on_every_fold(table):
    assert list(table.values) == [*DEFAULT_METRICS, "fit_time", "sample_time"]
    for values in table.values.values():
        assert values.shape == (3, 5)
        assert np.isfinite(values).all()
    assert (table.values["fit_time"] > 0).all()


def test_values_are_those_of_the_metrics_on_the_folds(X):
    folds = KFold(3)
    model = KernelDensity(bandwidth=0.2)
    found = compare_estimators([model], X, cv=folds, n_samples=50, random_state=7)
    for i, (train, test) in enumerate(folds.split(X)):
        drawn = model.fit(X[train]).sample(50, random_state=7)
        for name in DEFAULT_METRICS:
            expected = getattr(metrics, name)(drawn, X[train], X[test])
            assert found.values[name][0, i] == expected


def test_intervals_are_those_of_student_where_folds_are_independent():
    values = np.random.default_rng(0).normal(size=(3, 5))
    table = EstimatorComparison(["a", "b", "c"], {"m": values}, 0.0, 0.9)
    low, high = ttest_1samp(values, 0.0, axis=1).confidence_interval(0.9)
    columns = table.to_dict()
    np.testing.assert_allclose(columns["m_low"], low)
    np.testing.assert_allclose(columns["m_high"], high)


def test_intervals_allow_for_shared_training_rows(X):
    table = compare_estimators([KernelDensity()], X, metrics=[mean_of_heldout], cv=4)
    independent = EstimatorComparison(table.names, table.values, 0.0, table.level)
    name = "mean_of_heldout"
    # With 4 folds: 1/4 + 1/3 in the place of 1/4.
    np.testing.assert_allclose(
        table.half_widths(name), independent.half_widths(name) * (7 / 3) ** 0.5
    )


def test_one_split_has_no_interval(X):
    table = compare_estimators([KernelDensity()], X, cv=ShuffleSplit(1, random_state=0))
    assert np.isnan(table.half_widths("precision")).all()
    assert "nan" not in repr(table)


def test_the_table_is_the_same_again_and_with_workers(X, table):
    again = compare_estimators(
        [KernelDensity(bandwidth=1e-3), GaussianMixture()], X, n_jobs=2
    )
    for name in DEFAULT_METRICS:
        np.testing.assert_array_equal(again.values[name], table.values[name][:2])


def test_folds_are_shuffled_unless_a_splitter_is_given(X):
    X = X[np.argsort(X[:, 0])]
    shuffled = compare_estimators([KernelDensity()], X, metrics=[mean_of_heldout])
    in_order = compare_estimators(
        [KernelDensity()], X, metrics=[mean_of_heldout], cv=KFold(5)
    )
    spread = [np.ptp(t.values["mean_of_heldout"]) for t in (shuffled, in_order)]
    assert spread[0] < spread[1] / 2


def test_frames_go_in_and_come_out(X):
    frame = pd.DataFrame(X, columns=["a", "b"], index=range(1000, 1300))
    models = {"narrow": KernelDensity(bandwidth=0.1), "mix": GaussianMixture()}
    of_frame = compare_estimators(models, frame, metrics="precision").to_frame()
    of_array = compare_estimators(models, X, metrics="precision").to_frame()
    assert list(of_frame.index) == ["narrow", "mix"]
    columns = ["precision", "precision_low", "precision_high"]
    assert list(of_frame.columns) == [*columns, "fit_time", "sample_time"]
    pd.testing.assert_frame_equal(of_frame[columns], of_array[columns])


def test_y_reaches_fit(X):
    y = (X[:, 0] > 0).astype(int)
    model = EmpiricalScoreDiffusion(conditional=True)
    table = compare_estimators([model], X, y, metrics="precision", cv=2)
    assert table.values["precision"].shape == (1, 2)
    with pytest.raises(ValueError, match="conditional"):
        compare_estimators([model], X, metrics="precision", cv=2)


class Paired(BaseEstimator):
    """Draws its rows where each has its own label, the first column, else one row."""

    def fit(self, X, y=None):
        X, y = np.asarray(X), np.asarray(y)
        self.rows_ = X if (X[:, 0] == y).all() else np.full((1, 2), 99.0)
        return self

    def sample(self, n_samples):
        return np.resize(self.rows_, (n_samples, 2))


@pytest.mark.parametrize(
    "given",
    [
        lambda X, y: (X, pd.Series(y)),
        lambda X, y: (pd.DataFrame(X), pd.Series(y)),
        lambda X, y: (X.tolist(), y.tolist()),
    ],
    ids=["series", "frame", "lists"],
)
def test_labels_stay_with_their_rows(given):
    X = np.column_stack([np.arange(40.0), np.arange(40.0) ** 2])
    order = np.random.RandomState(0).permutation(40)
    rows, labels = given(X, X[:, 0])
    if hasattr(labels, "iloc"):
        # In another order, under the old names of the rows.
        labels = labels.iloc[order]
        rows = rows.iloc[order] if hasattr(rows, "iloc") else rows[order]
    settings = {"metrics": "energy_distance", "cv": 2, "n_samples": 20}
    found = compare_estimators([Paired()], rows, labels, **settings)
    rows, labels = np.asarray(rows), np.asarray(labels)
    expected = compare_estimators([Paired()], rows, labels, **settings)
    np.testing.assert_allclose(
        found.values["energy_distance"], expected.values["energy_distance"]
    )
    assert (expected.values["energy_distance"] < 200).all()


def test_the_text_has_a_line_an_estimator(table):
    header, *lines = repr(table).splitlines()
    assert header.split() == list(table.values)
    assert [line.split()[0] for line in lines] == table.names
    assert all(line.count("±") == len(DEFAULT_METRICS) for line in lines)


def test_two_of_a_class_are_told_apart(X):
    models = [KernelDensity(bandwidth=0.1), KernelDensity(bandwidth=0.2)]
    table = compare_estimators(models, X, metrics="precision", cv=2)
    assert table.names == [
        "KernelDensity(bandwidth=0.1)",
        "KernelDensity(bandwidth=0.2)",
    ]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"estimators": [KernelDensity(), KernelDensity()]}, ValueError, "twice"),
        ({"estimators": []}, ValueError, "estimators is empty"),
        ({"estimators": [KMeans()]}, TypeError, r"KMeans\(\) has no method sample"),
        ({"metrics": ["energy"]}, ValueError, "'energy' is not the name"),
        ({"metrics": [metrics.column_differences]}, TypeError, "one number"),
        ({"n_samples": 0}, ValueError, "n_samples=0"),
        ({"level": 1.0}, ValueError, "level=1.0"),
    ],
)
def test_bad_input_is_named(X, options, error, message):
    with pytest.raises(error, match=message):
        compare_estimators(**{"estimators": [KernelDensity()], "X": X, **options})
