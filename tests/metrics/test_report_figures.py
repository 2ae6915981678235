"""The figures of a report are those of the metrics, beside those of true rows."""

import warnings
from collections import Counter
from inspect import signature
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from manidiff import EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion, metrics
from manidiff.datasets import Sphere
from manidiff.metrics import report
from manidiff.metrics._report_findings import Columns, Rows
from manidiff.metrics._report_measures import entries

PLANE = SimpleNamespace(distance=lambda X: np.abs(X[:, 0]))
# What takes the place of the generated rows for the ideal, where anything does.
STAND_INS = {
    "authenticity": "held-out rows",
    "column_differences": "training rows",
    "correlation_differences": "training rows",
    "coverage": "training rows",
    "coverage_resolution": None,
    "data_copying_test": None,
    "density": "training rows",
    "distance_to_closest_record": None,
    "energy_distance": "training rows",
    "feature_likelihood_divergence": None,
    "maximum_mean_discrepancy": "training rows",
    "memorization_interval": None,
    "nearest_generated_attack": None,
    "nearest_neighbor_distance_ratio": None,
    "off_manifold_distance": "held-out rows",
    "precision": "training rows",
    "recall": "training rows",
    "sliced_wasserstein_distance": "training rows",
    "two_sample_auc": None,
}


@pytest.fixture(scope="module", autouse=True)
def small_forests():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "manidiff.metrics._two_sample.RandomForestClassifier",
            lambda n_trees, **more: RandomForestClassifier(5, **more),
        )
        yield


@pytest.fixture(scope="module")
def normal_sets():
    generated, training, heldout = np.random.RandomState(0).normal(size=(3, 120, 3))
    return 1.1 * generated, training, heldout


@pytest.fixture(scope="module")
def normal_report(normal_sets, small_forests):
    return report(*normal_sets, manifold=PLANE, random_state=0)


def sphere_rows(*sizes):
    rng = np.random.RandomState(0)
    return [Sphere().sample(size, rng) for size in sizes]


def by_name(found):
    return {finding.name: finding for finding in found.findings}


def mean_figures(name, result):
    """Return {name of the finding: figure} for the result of a metric."""
    if isinstance(result, tuple):
        parts = {f"{name}.{part}": value for part, value in result._asdict().items()}
        return {**parts, name: result[0]}
    if np.ndim(result) == 2:
        result = result[np.triu_indices(len(result), 1)]
    return {name: np.mean(result)}


@pytest.mark.parametrize("name", STAND_INS)
def test_figures_are_those_of_the_metrics(name, normal_report, normal_sets):
    generated, training, heldout = normal_sets
    metric, more = getattr(metrics, name), {}
    if "random_state" in signature(metric).parameters:
        more["random_state"] = normal_report.seed
    if name == "off_manifold_distance":
        more["manifold"] = PLANE

    def figures(X):
        return mean_figures(name, metric(X, training, heldout, **more))

    found = {
        label: finding
        for label, finding in by_name(normal_report).items()
        if label.split(".")[0] == name
    }
    assert found
    for label, finding in found.items():
        np.testing.assert_allclose(finding.value, figures(generated)[label])
        if STAND_INS[name] is not None:
            assert finding.ideal_from == STAND_INS[name]
            fresh = training if STAND_INS[name] == "training rows" else heldout
            np.testing.assert_allclose(finding.ideal, figures(fresh)[label])


def test_no_metric_is_forgotten(normal_report):
    reported = {finding.name.split(".")[0] for finding in normal_report.findings}
    assert reported == set(STAND_INS)
    # The ratios are in the report as a figure beside its ideal, the balls of one
    # radius as the radius at which they are covered.
    elsewhere = {"SampleReport", "report", "energy_ratio", "mass_coverage"}
    parts = {"excess_memorization", "memorization_ratio"}
    needs_more = {"loss_attack", "train_on_synthetic", "singling_out_attack"}
    assert reported | elsewhere | parts | needs_more == set(metrics.__all__)


def test_intervals_and_floors_are_those_of_the_metrics(normal_report, normal_sets):
    found, seed = by_name(normal_report), normal_report.seed
    memorized = metrics.memorization_interval(*normal_sets, random_state=seed)
    excess = found["memorization_interval.excess"]
    assert (excess.low, excess.high) == (memorized.low, memorized.high)
    assert found["memorization_interval.raw"].ideal == memorized.heldout
    resolution = metrics.coverage_resolution(*normal_sets, random_state=seed)
    assert found["coverage_resolution"].ideal == resolution.floor


def test_intervals_of_shares_are_wilsons(normal_report):
    precision = by_name(normal_report)["precision"]
    # The ends are where the share is 1.96 standard deviations away.
    for end in (precision.low, precision.high):
        z = (precision.value - end) / np.sqrt(end * (1 - end) / 120)
        np.testing.assert_allclose(abs(z), stats.norm.isf(0.025))


def test_copies_and_fresh_rows_are_told_apart():
    fresh, training, heldout = sphere_rows(200, 200, 200)
    of_fresh = by_name(report(fresh, training, heldout, random_state=0))
    of_copies = by_name(report(training, training, heldout, random_state=0))
    excess = "memorization_interval.excess"
    assert of_fresh[excess].low < 0 < of_fresh[excess].high
    assert of_copies[excess].low > 0.9
    assert "100 % of generated rows are closer to a training row than chance" in (
        of_copies[excess].reading
    )
    for name in ("nearest_generated_attack.auc", "nearest_generated_attack.tpr"):
        finding = of_fresh[name]
        assert abs(finding.value - finding.ideal) < finding.margin
        assert of_copies[name].value == 1


def fresh_figures(metric, n_runs, n_rows):
    """Return what is found by one metric on fresh rows, many times."""
    columns = Columns(list("abc"), np.zeros(3), np.zeros(3))
    (entry,) = (
        entry
        for entry in entries(columns, None, None, None)
        if entry.metric is getattr(metrics, metric)
    )
    for seed in range(n_runs):
        rng = np.random.RandomState(seed)
        generated, training, heldout = (Sphere().sample(n_rows, rng) for _ in "abc")
        yield from entry.findings(
            Rows(generated, training, heldout, generated, training, seed)
        )


@pytest.mark.parametrize(
    "metric",
    [
        "data_copying_test",
        "nearest_generated_attack",
        pytest.param("two_sample_auc", marks=pytest.mark.slow),
    ],
)
def test_chance_stays_within_its_margins(metric):
    n_runs, outside = 150, Counter()
    for finding in fresh_figures(metric, n_runs, 150):
        if np.isfinite(finding.margin):
            outside[finding.name] += abs(finding.value - finding.ideal) > finding.margin
    # A margin that 5 % are beyond is failed with a probability of at most 1e-4.
    assert outside
    assert max(outside.values()) <= stats.binom.ppf(1 - 1e-4, n_runs, 0.05)


def test_large_sets_are_cut_but_no_training_row_is(recwarn):
    fresh, training, heldout = sphere_rows(90, 300, 120)
    # The only copies are of the last training rows.
    generated = np.vstack([fresh[:30], training[-60:]])
    found = report(generated, training, heldout, max_rows=80, random_state=0)
    assert found.n_rows == {
        "generated": 80,
        "training": 300,
        "held-out": 80,
        "compared": 80,
    }
    assert found.notes == (
        "80 of 90 generated rows were drawn at random.",
        "80 of 120 held-out rows were drawn at random.",
        "Where training rows give the ideal, 80 of them are compared with as many "
        "generated rows.",
    )
    assert by_name(found)["memorization_interval.excess"].value > 0.5
    more = report(fresh, training[:40], heldout, random_state=0)
    assert more.n_rows["compared"] == 40
    assert more.n_rows["generated"] == 90
    assert not recwarn.list


def test_a_column_that_rules_distances_is_named(normal_sets):
    scaled = [rows * [1.0, 100.0, 1.0] for rows in normal_sets]
    (note,) = report(*scaled, random_state=0).notes
    assert "column 1 has 100 % of the variance" in note
    assert "Standardise" in note


def test_seeds_repeat_and_leave_the_global_generator_alone(normal_sets, normal_report):
    before = np.random.get_state()[1].copy()
    again = report(*normal_sets, manifold=PLANE, random_state=0)
    assert again.to_dict() == normal_report.to_dict()
    other = report(*normal_sets, manifold=PLANE, random_state=1)
    assert other.to_dict() != normal_report.to_dict()
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Estimators


def test_an_estimator_is_measured_by_what_it_draws():
    training, heldout = sphere_rows(60, 60)
    model = LocalPolynomialScoreDiffusion(random_state=0).fit(training)
    found = report(model, training, heldout, n_samples=50, random_state=0)
    drawn = model.sample(50, random_state=found.seed)
    expected = by_name(report(drawn, training, heldout, random_state=0))
    for name, finding in expected.items():
        assert by_name(found)[name] == finding
    attack = metrics.loss_attack(model, training, heldout, random_state=found.seed)
    assert by_name(found)["loss_attack.auc"].value == attack.auc
    assert by_name(found)["loss_attack.tpr"].value == attack.tpr
    assert set(by_name(found)) - set(expected) == {"loss_attack.auc", "loss_attack.tpr"}


def test_the_estimator_that_remembers_is_found_out():
    training, heldout = sphere_rows(100, 100)
    model = EmpiricalScoreDiffusion(random_state=0).fit(training)
    found = by_name(report(model, training, heldout, random_state=0))
    assert found["loss_attack.auc"].value > 0.9
    assert found["memorization_interval.excess"].low > 0.9


def test_as_many_rows_are_drawn_as_there_are_training_rows():
    training, heldout = sphere_rows(70, 60)
    density = KernelDensity(bandwidth=0.1).fit(training)
    found = report(density, training, heldout, random_state=0)
    assert found.n_rows["generated"] == 70
    assert "loss_attack.auc" not in by_name(found)
    few = report(density, training, heldout, max_rows=40, random_state=0)
    assert few.n_rows["generated"] == 40


def test_the_rows_of_a_mixture_are_taken_without_their_components(normal_sets):
    _, training, heldout = normal_sets
    mixture = GaussianMixture(random_state=1).fit(training)
    found = report(mixture, training, heldout, n_samples=40, random_state=0)
    rows = mixture.set_params(random_state=found.seed).sample(40)[0]
    expected = report(rows, training, heldout, random_state=0)
    assert found.to_dict() == expected.to_dict()


def test_what_cannot_be_drawn_from_is_refused(normal_sets):
    _, training, heldout = normal_sets
    for estimator in (LogisticRegression(), object()):
        for y_gen in (None, [0, 1]):
            with pytest.raises(TypeError, match="has no method sample"):
                report(estimator, training, heldout, y_gen=y_gen)
    density = KernelDensity().fit(training)
    with pytest.raises(ValueError, match="n_samples=0 must be an int of at least 1"):
        report(density, training, heldout, n_samples=0)
    with pytest.raises(ValueError, match="max_rows=0 must be an int of at least 1"):
        report(density, training, heldout, max_rows=0)


# Columns


def test_columns_are_named_by_data_frames(normal_sets):
    names = ["width", "height", "depth"]
    frames = [pd.DataFrame(rows, columns=names) for rows in normal_sets]
    found = report(*frames, random_state=0)
    assert found.columns.names == names
    np.testing.assert_array_equal(
        found.columns.differences, metrics.column_differences(*normal_sets)
    )
    worst = names[np.argmax(found.columns.differences)]
    assert f"Largest: {worst}, " in by_name(found)["column_differences"].reading
    assert report(*normal_sets, random_state=0).columns.names == [
        "column 0",
        "column 1",
        "column 2",
    ]
    with pytest.raises(ValueError, match="sets have different columns"):
        report(frames[0][names[::-1]], *frames[1:])


def test_models_of_data_frames_do_not_warn(normal_sets):
    _, training, heldout = (pd.DataFrame(X, columns=list("abc")) for X in normal_sets)
    model = EmpiricalScoreDiffusion(random_state=0).fit(training)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = report(model, training, heldout, manifold=model, random_state=0)
    assert found.columns.names == list("abc")


def test_codes_are_compared_by_shares(normal_sets):
    sets = [np.hstack([rows, rows[:, :1] > 0.5]) for rows in normal_sets]
    found = report(*sets, categorical=[3], random_state=0)
    expected = metrics.column_differences(*sets, categorical=[3])
    np.testing.assert_array_equal(found.columns.differences, expected)


def test_one_column_will_do(normal_sets):
    found = report(*(rows[:, :1] for rows in normal_sets), random_state=0)
    assert "correlation_differences" not in by_name(found)
    assert len(found.views.heldout_points) == 0
    assert "column 0" in found._repr_html_()


# Where figures are missing


def test_overlapping_held_out_rows_are_warned_about_once(normal_sets):
    generated, training, _ = normal_sets
    with pytest.warns(UserWarning, match="120 of 120 rows of X_heldout") as caught:
        found = report(generated, training, training, random_state=0)
    assert [warning.filename for warning in caught] == [__file__]
    missing = by_name(found)["distance_to_closest_record"]
    assert np.isnan(missing.value)
    assert missing.reading.startswith("No value: More than half of the held-out rows")
    assert by_name(found)["precision"].ideal == 1


def test_few_rows_give_the_figures_that_they_can():
    generated, training, heldout = np.random.RandomState(0).normal(size=(3, 5, 2))
    found = by_name(report(generated, training, heldout, random_state=0))
    assert "n_neighbors=5 must be" in found["precision"].reading
    assert "no cell holds 8 generated" in found["data_copying_test"].reading
    assert found["energy_distance"].value > 0


# Use


def test_use_is_measured_on_all_rows(normal_sets):
    y = [rows[:, 0] > 0 for rows in normal_sets]
    labels = dict(zip(("y_gen", "y_train", "y_heldout"), y, strict=True))
    predictor = LogisticRegression()
    found = report(
        *normal_sets, **labels, predictor=predictor, max_rows=50, random_state=0
    )
    expected = metrics.train_on_synthetic(*normal_sets, **labels, estimator=predictor)
    use = by_name(found)["train_on_synthetic"]
    assert (use.value, use.ideal) == (expected.synthetic, expected.real)
    assert use.question == "utility"


def test_rows_are_drawn_for_the_labels(normal_sets):
    _, training, heldout = normal_sets
    y_train, y_heldout = training[:, 0] > 0, heldout[:, 0] > 0
    model = LocalPolynomialScoreDiffusion(conditional=True, random_state=0)
    model.fit(training, y_train)
    found = report(
        model,
        training,
        heldout,
        y_gen=y_train[:90],
        y_train=y_train,
        y_heldout=y_heldout,
        predictor=LogisticRegression(),
        random_state=0,
    )
    assert found.n_rows["generated"] == 90
    # Labels that belong to their rows: the predictor learns from them.
    assert by_name(found)["train_on_synthetic"].value > 0.9


def test_half_of_what_measures_use_is_refused(normal_sets):
    y = normal_sets[1][:, 0] > 0
    message = "y_train, predictor without y_gen, y_heldout: .*all or none"
    with pytest.raises(ValueError, match=message):
        report(*normal_sets, y_train=y, predictor=LogisticRegression())
