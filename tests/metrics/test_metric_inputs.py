"""What all metrics return, refuse and warn about alike."""

from importlib.util import find_spec
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KernelDensity

from manidiff import EmpiricalScoreDiffusion, metrics
from manidiff.metrics import (
    authenticity,
    data_copying_test,
    distance_to_closest_record,
    excess_memorization,
    memorization_interval,
    memorization_ratio,
    nearest_neighbor_distance_ratio,
)
from manidiff.tabular import TableEncoder

# anonymeter, an extra that pip does not resolve beside a recent numpy.
MISSING = set() if find_spec("anonymeter") else {"singling_out_attack"}
NAMES = [name for name in metrics.__all__ if name not in {"SampleReport", *MISSING}]
every_metric = pytest.mark.parametrize("name", NAMES)
RANDOM = [
    name
    for name in NAMES
    if "random_state" in signature(getattr(metrics, name)).parameters
]
ARRAYS = {"column_differences": (3,), "correlation_differences": (3, 3)}
# Refused where held-out rows are training rows: what they divide by is 0.
TO_NOTHING = {
    "distance_to_closest_record": "no distance to compare with",
    "energy_ratio": "no distance to compare with",
    "excess_memorization": "Every held-out row counts as a copy",
    "memorization_interval": "Every held-out row counts as a copy",
    "nearest_neighbor_distance_ratio": "no ratio to compare with",
}


def shrinking():
    """Return an estimator that denoises by halving."""
    return SimpleNamespace(denoise=lambda X, sigma: X / 2, nn_distance_=1.0)


def keywords(name, sets):
    """Return what a metric needs beside its sets."""
    if name == "off_manifold_distance":
        distance = SimpleNamespace(distance=lambda X: np.abs(X[:, 0]))
        return {"manifold": distance}
    if name == "mass_coverage":
        return {"delta": 1.0}
    if name == "singling_out_attack":
        return {"n_attacks": 10}
    if name == "train_on_synthetic":
        labels = dict(zip(("y_gen", "y_train", "y_heldout"), sets, strict=True))
        y = {label: np.arange(float(len(rows))) for label, rows in labels.items()}
        return {**y, "estimator": LinearRegression()}
    if name == "two_sample_auc":
        return {"estimator": LogisticRegression()}
    return {}


def call(name, *sets, **more):
    first = shrinking() if name == "loss_attack" else sets[0]
    found = getattr(metrics, name)(first, *sets[1:], **keywords(name, sets), **more)
    return found.findings if name == "report" else found


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.fixture
def good_sets(rng):
    return [rng.normal(size=(n, 3)) for n in (12, 14, 13)]


@every_metric
def test_metrics_return_plain_numbers_and_leave_their_sets_alone(name, good_sets):
    before = [rows.copy() for rows in good_sets]
    found = call(name, *good_sets)
    if name == "report":
        found = tuple(finding.value for finding in found)
    if name in ARRAYS:
        assert found.shape == ARRAYS[name]
    else:
        values = found if isinstance(found, tuple) else [found]
        assert {type(value) for value in values} == {float}
    for rows, kept in zip(good_sets, before, strict=True):
        np.testing.assert_array_equal(rows, kept)


@pytest.mark.parametrize("name", RANDOM)
def test_seeds_repeat_and_leave_the_global_generator_alone(name, good_sets):
    before = np.random.get_state()[1].copy()
    first = call(name, *good_sets, random_state=0)
    assert call(name, *good_sets, random_state=0) == first
    assert call(name, *good_sets, random_state=np.random.RandomState(0)) == first
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@every_metric
@pytest.mark.parametrize("which", [0, 1, 2])
def test_metrics_name_the_set_that_is_bad(name, which, good_sets):
    if name == "loss_attack" and which == 0:
        pytest.skip("an estimator takes the place of the generated rows")
    label = ("X_gen", "X_train", "X_heldout")[which]
    for bad in (np.nan, np.inf):
        sets = [rows.copy() for rows in good_sets]
        sets[which][0, 0] = bad
        with pytest.raises(ValueError, match=rf"Input {label} contains"):
            call(name, *sets)
    sets = list(good_sets)
    sets[which] = sets[which][:, :2]
    with pytest.raises(ValueError, match=rf"different numbers of .*'{label}': 2"):
        call(name, *sets)


# Ratios to the median of held-out rows are refused then.
@pytest.mark.parametrize(
    "name",
    sorted(
        set(NAMES) - {"distance_to_closest_record", "nearest_neighbor_distance_ratio"}
    ),
)
def test_metrics_warn_when_held_out_rows_were_used_to_fit(name, good_sets):
    generated, training, heldout = good_sets
    for n_used in (1, 10):
        overlapping = np.vstack([training[:n_used], heldout])
        message = f"{n_used} of {n_used + 13} rows of X_heldout"
        with pytest.warns(UserWarning, match=message) as caught:
            call(name, generated, training, overlapping)
        assert [warning.filename for warning in caught] == [__file__]


@every_metric
def test_metrics_refuse_columns_of_other_names(name, good_sets):
    named = [pd.DataFrame(rows, columns=["a", "b", "c"]) for rows in good_sets]
    call(name, *named)
    named[2] = named[2][["b", "a", "c"]]
    message = r"different columns: X_\w+ \['a', 'b', 'c'\] and X_heldout \['b', 'a'"
    with pytest.raises(ValueError, match=message):
        call(name, *named)
    # Counted columns and arrays have no names that could differ.
    for bare in (good_sets[2], pd.DataFrame(good_sets[2])):
        call(name, *named[:2], bare)


@every_metric
@pytest.mark.parametrize("which", [0, 1, 2])
def test_missing_sets_are_named(name, which, good_sets):
    if name == "loss_attack" and which == 0:
        pytest.skip("an estimator takes the place of the generated rows")
    label = ("X_gen", "X_train", "X_heldout")[which]
    if name == "report" and which == 0:
        label = "estimator_or_samples"
    more = keywords(name, good_sets)
    if name == "loss_attack":
        good_sets[0] = shrinking()
    good_sets[which] = None
    with pytest.raises(ValueError, match=rf"{label} is None.*Hold rows out"):
        getattr(metrics, name)(*good_sets, **more)


@every_metric
def test_training_rows_as_held_out_ones_are_warned_about(name, good_sets):
    generated, training, _ = good_sets
    generated = np.vstack([generated, generated])
    with pytest.warns(UserWarning, match="14 of 14 rows of X_heldout"):
        if name in TO_NOTHING:
            with pytest.raises(ValueError, match=TO_NOTHING[name]):
                call(name, generated, training, training)
        else:
            found = call(name, generated, training, training)
            # The report says where there is no value.
            assert name == "report" or np.all(np.isfinite(found))


@pytest.mark.parametrize("threshold", [0, -1, 1.5, np.nan])
def test_bad_thresholds_are_named(threshold, good_sets):
    for metric in (memorization_ratio, excess_memorization, memorization_interval):
        with pytest.raises(ValueError, match="threshold="):
            metric(*good_sets, threshold=threshold)


def test_one_training_row_is_refused_where_two_are_compared(good_sets):
    generated, training, heldout = good_sets
    for metric in (memorization_ratio, authenticity, nearest_neighbor_distance_ratio):
        with pytest.raises(ValueError, match="X_train has one row"):
            metric(generated, training[:1], heldout)
    assert distance_to_closest_record(generated, training[:1], heldout) > 0
    off = {"manifold": SimpleNamespace(distance=lambda X: X[:, 0])}
    with pytest.raises(ValueError, match="one distinct row"):
        metrics.off_manifold_distance(generated, training[[0, 0]], heldout, **off)


def test_single_rows_are_refused_where_pairs_are_compared(good_sets):
    generated, training, heldout = good_sets
    for metric in (
        metrics.maximum_mean_discrepancy,
        metrics.correlation_differences,
    ):
        for sets in ((generated[:1], heldout), (generated, heldout[:1])):
            with pytest.raises(ValueError, match="two generated and two held-out"):
                metric(sets[0], training, sets[1])
    with pytest.raises(ValueError, match="X_heldout has one row"):
        metrics.coverage_resolution(generated, training, heldout[:1])
    with pytest.raises(ValueError, match="each half needs two"):
        metrics.feature_likelihood_divergence(generated, training[:3], heldout)
    with pytest.raises(ValueError, match="no cell holds 8 generated"):
        data_copying_test(generated[:7], training, heldout)


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("data_copying_test", "n_cells"),
        ("feature_likelihood_divergence", "max_rows"),
        ("loss_attack", "n_draws"),
        ("loss_attack", "max_rows"),
        ("maximum_mean_discrepancy", "max_rows"),
        ("memorization_interval", "n_bootstrap"),
        ("sliced_wasserstein_distance", "n_projections"),
        ("two_sample_auc", "max_rows"),
    ],
)
@pytest.mark.parametrize("value", [0, -3, 2.5, True, "5"])
def test_bad_counts_are_named(name, parameter, value, good_sets):
    first = shrinking() if name == "loss_attack" else good_sets[0]
    with pytest.raises(ValueError, match=f"{parameter}={value!r} must be an int"):
        getattr(metrics, name)(first, *good_sets[1:], **{parameter: value})


def test_numbers_of_rows_that_cannot_be_met_are_refused_by_the_report(good_sets):
    generated, training, heldout = good_sets
    with pytest.raises(ValueError, match=r"n_samples=5 is how .* rows were given"):
        metrics.report(generated, training, heldout, n_samples=5)
    density = KernelDensity().fit(training)
    with pytest.raises(ValueError, match=r"n_samples=5, but .* each of the 3 of y_gen"):
        metrics.report(density, training, heldout, n_samples=5, y_gen=np.zeros(3))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("fitted_to_names", [True, False])
@pytest.mark.parametrize("names", [["a", "b", "c"], None])
def test_estimators_get_the_names_that_they_were_fitted_to(
    fitted_to_names, names, good_sets
):
    frames = [pd.DataFrame(rows, columns=names) for rows in good_sets]
    named = fitted_to_names and names is not None
    rows = frames[1] if named else good_sets[1]
    model = EmpiricalScoreDiffusion(coarseness=1, random_state=0).fit(rows)
    assert hasattr(model, "feature_names_in_") == named
    bare = EmpiricalScoreDiffusion(coarseness=1, random_state=0).fit(good_sets[1])
    off = metrics.off_manifold_distance(*frames, manifold=model)
    assert off == metrics.off_manifold_distance(*good_sets, manifold=bare)
    found = metrics.loss_attack(model, *frames[1:], random_state=0)
    assert found == metrics.loss_attack(bare, *good_sets[1:], random_state=0)


def test_tables_of_text_are_refused_with_what_to_do():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=60), "b": rng.choice(list("xy"), 60)})
    sets = table[:20], table[20:40], table[40:]
    with pytest.raises(ValueError, match=r"X_gen holds more .*TableEncoder"):
        metrics.precision(*sets)
    encoder = TableEncoder().fit(sets[1])
    assert 0 <= metrics.precision(*(encoder.transform(one) for one in sets)) <= 1
