"""Displays show what they were given, in the axes they were given."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import Pipeline

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
    metrics,
)
from manidiff.datasets import Circle, Torus
from manidiff.model_selection import get_sample_scorer
from manidiff.plotting import (
    CoarsenessCurveDisplay,
    CoverageCurveDisplay,
    NeighborDistanceDisplay,
    SamplesDisplay,
    ScoreFieldDisplay,
    TrainingCurveDisplay,
)


@pytest.fixture(autouse=True)
def headless():
    """Draw without a screen, and leave no figure behind."""
    with mpl.rc_context({"backend": "agg"}):
        yield
        for number in plt.get_fignums():
            plt.figure(number).canvas.draw()
        plt.close("all")


@pytest.fixture(scope="module")
def sets():
    X = Torus().sample(300, random_state=0)
    return X[:100], X[100:]


@pytest.fixture(scope="module")
def model(sets):
    return LocalPolynomialScoreDiffusion(random_state=0).fit(sets[0])


@pytest.mark.parametrize("n_features", [1, 2, 3, 7])
def test_samples_are_shown_in_every_width(n_features):
    X_train, X_gen = np.random.default_rng(0).normal(size=(2, 50, n_features))
    display = SamplesDisplay.from_predictions(X_gen, X_train)
    assert set(display.artists_) == {"train", "generated"}
    assert display.figure_ is display.ax_.figure
    if n_features == 2:
        np.testing.assert_array_equal(
            display.artists_["generated"].get_offsets(), X_gen
        )
    if n_features == 7:
        shares = np.linalg.eigvalsh(np.cov(X_train.T, bias=True))[::-1]
        pairs = [(0, 1), (0, 2), (1, 2)]
        assert len(display.axes_) == len(display.artists_["generated"]) == 3
        for artist, pair in zip(display.artists_["train"], pairs, strict=True):
            spread = artist.get_offsets().var(axis=0)
            np.testing.assert_allclose(spread, shares[list(pair)])


def test_one_pair_of_axes_is_shown_in_one_axes():
    X_train, X_gen = np.random.default_rng(0).normal(size=(2, 50, 7))
    axes = plt.figure().subplots()
    display = SamplesDisplay.from_predictions(X_gen, X_train, ax=axes)
    assert display.ax_ is axes
    assert len(display.artists_["train"]) == 1
    # Two training rows span one axis beside the mean: there is one pair.
    few = SamplesDisplay.from_predictions(X_gen, X_train[:2])
    assert len(few.axes_) == 1


def test_sets_in_space_are_side_by_side_in_one_box(sets):
    display = SamplesDisplay.from_predictions(2 * sets[1], sets[0])
    left, right = display.axes_
    assert display.artists_["train"].axes is left
    assert display.artists_["generated"].axes is right
    assert left.get_zlim() == right.get_zlim()
    # A torus is low: few numbers have room along its height.
    low, high = right.get_zlim()
    assert sum(low <= tick <= high for tick in right.get_zticks()) <= 3
    together = plt.figure().add_subplot(projection="3d")
    display = SamplesDisplay.from_predictions(sets[1], sets[0], ax=together)
    assert display.artists_["train"].axes is display.artists_["generated"].axes


def test_images_stand_over_the_nearest_training_row():
    rng = np.random.default_rng(0)
    X_train = rng.uniform(size=(30, 6))
    X_gen = X_train[[4, 9]] + 1e-3
    display = SamplesDisplay.from_predictions(X_gen, X_train, image_shape=(2, 3))
    picture = np.asarray(display.artists_["generated"].get_array())
    assert picture.shape == (5, 6)
    np.testing.assert_allclose(picture[:2, :3].ravel(), X_gen[0])
    np.testing.assert_allclose(picture[3:, 3:].ravel(), X_train[9])


@pytest.mark.parametrize("make", [KernelDensity, GaussianMixture])
def test_samples_of_estimators_of_scikit_learn(sets, make):
    display = SamplesDisplay.from_estimator(make().fit(sets[0]), sets[0], n_samples=20)
    assert display.X_gen.shape == (20, 3)


def test_frames_will_do(sets, model):
    frames = [pd.DataFrame(X, columns=list("abc")) for X in sets]
    named = LocalPolynomialScoreDiffusion(random_state=0).fit(frames[0])
    display = NeighborDistanceDisplay.from_estimator(named, *frames, n_samples=50)
    plain = NeighborDistanceDisplay.from_estimator(model, *sets, n_samples=50)
    np.testing.assert_array_equal(display.generated, plain.generated)


def test_distances_are_those_to_the_training_rows(sets, model):
    display = NeighborDistanceDisplay.from_estimator(model, *sets, n_samples=60)
    drawn = model.sample(60, random_state=0)
    np.testing.assert_allclose(display.generated, cdist(drawn, sets[0]).min(1))
    np.testing.assert_allclose(display.held_out, cdist(sets[1], sets[0]).min(1))
    assert set(display.lines_) == {"generated", "held-out"}


def test_copies_stand_off_the_edges_of_the_picture(sets):
    X_train, X_heldout = sets
    display = NeighborDistanceDisplay.from_predictions(X_train, X_train, X_heldout)
    low, high = display.ax_.get_xlim()
    assert (display.generated == 0).all()
    assert low < -0.02 * high
    assert display.ax_.get_ylim()[1] > 1


def test_coverage_falls_where_a_part_is_missing(sets):
    X_train, X_heldout = sets
    half = X_train[X_train[:, 0] > 0]
    display = CoverageCurveDisplay.from_predictions(half, X_train, X_heldout)
    assert display.curves["generated"][8] < display.curves["training rows"][8]
    assert all(curve[-1] == 1 for curve in display.curves.values())


def test_coarseness_curves_from_an_estimator(sets):
    display = CoarsenessCurveDisplay.from_estimator(
        EmpiricalScoreDiffusion(random_state=0), *sets, coarseness=[2, 0], n_samples=200
    )
    np.testing.assert_array_equal(display.coarseness, [0, 2])
    copies = EmpiricalScoreDiffusion(random_state=0).fit(sets[0])
    expected = metrics.excess_memorization(copies.sample(200, random_state=0), *sets)
    assert display.curves["excess_memorization"][0] == expected
    assert display.curves["score"][0] == pytest.approx(copies.score(sets[1]))
    assert display.chosen == 2
    assert len(display.axes_) == len(display.lines_) == 4


def dotted_lines(axes):
    return [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]


def test_coarseness_curves_of_given_draws(sets):
    X_train, X_heldout = sets
    draws = {2.0: X_heldout[:150] + 0.1, 0.5: X_train}
    display = CoarsenessCurveDisplay.from_predictions(draws, *sets, chosen=2.0)
    np.testing.assert_array_equal(display.coarseness, [0.5, 2.0])
    copies = metrics.excess_memorization(X_train, *sets)
    assert display.curves["excess_memorization"][0] == copies
    # Energy distances, and what fresh rows score, are of equally many rows.
    energy = metrics.energy_distance(X_train, *sets)
    assert display.curves["energy_distance"][0] == pytest.approx(energy)
    assert display.ideals["energy_distance"] == pytest.approx(energy)
    found = dict(zip(display.curves, map(dotted_lines, display.axes_), strict=True))
    assert found["excess_memorization"] == [0]
    assert found["energy_distance"] == pytest.approx([energy])
    assert {axes.get_ylabel() for axes in display.axes_} == {
        "lower is better",
        "higher is better",
    }


@pytest.mark.usefixtures("few_likelihood_steps")
def test_a_search_over_smoothing_is_labelled_so(sets):
    grid = {"smoothing": [0.5, 1]}
    model = EmpiricalScoreDiffusion(random_state=0)
    search = GridSearchCV(model, grid, cv=2).fit(sets[0][:40])
    display = CoarsenessCurveDisplay.from_search(search)
    assert display.param == "smoothing"
    assert [axes.get_xlabel() for axes in display.axes_] == ["smoothing"]
    steps = Pipeline([("draw", model)])
    grid = {"draw__smoothing": [0.5, 1]}
    search = GridSearchCV(steps, grid, cv=2).fit(sets[0][:40])
    assert CoarsenessCurveDisplay.from_search(search).param == "smoothing"


def test_coarseness_curves_from_a_search(sets):
    X = np.concatenate(sets)
    scoring = {
        name: get_sample_scorer(name, X, n_samples=100)
        for name in ("energy_distance", "coverage")
    }
    search = GridSearchCV(
        EmpiricalScoreDiffusion(random_state=0),
        {"coarseness": [2, 0.5]},
        scoring=scoring,
        refit="coverage",
        cv=2,
    ).fit(X)
    display = CoarsenessCurveDisplay.from_search(search)
    results = search.cv_results_
    np.testing.assert_array_equal(display.coarseness, [0.5, 2])
    np.testing.assert_array_equal(
        display.curves["energy_distance"], -results["mean_test_energy_distance"][::-1]
    )
    np.testing.assert_array_equal(
        display.spreads["coverage"], results["std_test_coverage"][::-1]
    )
    assert display.chosen == search.best_params_["coarseness"]
    kept = CoarsenessCurveDisplay.from_search(search, negative=())
    assert (kept.curves["energy_distance"] < 0).all()


@pytest.mark.parametrize("refit", [0, 1, 2])
def test_candidates_that_are_no_numbers_are_left_out_of_curves(sets, refit):
    search = GridSearchCV(
        EmpiricalScoreDiffusion(random_state=0),
        {"coarseness": ["auto", 2, 0.5]},
        refit=lambda results: refit,
        cv=2,
    ).fit(sets[0][:40])
    display = CoarsenessCurveDisplay.from_search(search)
    np.testing.assert_array_equal(display.coarseness, [0.5, 2])
    for found, name in ((display.curves, "mean"), (display.spreads, "std")):
        expected = search.cv_results_[f"{name}_test_score"][[2, 1]]
        np.testing.assert_array_equal(found["score"], expected)
    assert display.chosen == [None, 2, 0.5][refit]


@pytest.mark.parametrize("tried", [["auto", 1.0], ["auto"]])
def test_a_search_needs_one_number_to_plot(sets, tried):
    model = EmpiricalScoreDiffusion(random_state=0)
    search = GridSearchCV(model, {"coarseness": tried}, cv=2).fit(sets[0][:40])
    if len(tried) > 1:
        found = CoarsenessCurveDisplay.from_search(search)
        np.testing.assert_array_equal(found.coarseness, [1.0])
        return
    with pytest.raises(ValueError, match=r"coarseness=\['auto'\].*Search over numbers"):
        CoarsenessCurveDisplay.from_search(search)


def test_training_curves_show_all_numbers_of_the_history():
    history = [
        {"epoch": 1, "n_iter": 100, "train_loss": 3.0, "valid_loss": 4.0, "seconds": 1},
        {"epoch": 2, "n_iter": 150, "train_loss": 2.0, "valid_loss": 3.5, "seconds": 1}
        | {"coverage": 0.5, "note": "text"},
    ]
    display = TrainingCurveDisplay.from_history(history)
    assert set(display.lines_) == {"train_loss", "valid_loss", "coverage"}
    assert len(display.axes_) == 2
    np.testing.assert_array_equal(display.lines_["coverage"].get_xdata(), [150])
    np.testing.assert_array_equal(display.lines_["valid_loss"].get_ydata(), [4, 3.5])
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["training", "held-out"]


def test_training_curves_say_what_is_better():
    history = [{"n_iter": 1, "held_out_gap": 0.1, "coverage": 0.9, "heat": 2.0}]
    gap, coverage, heat = TrainingCurveDisplay.from_history(history).axes_
    assert gap.get_ylabel() == "lower is better"
    assert coverage.get_ylabel() == "higher is better"
    assert heat.get_ylabel() == ""
    assert dotted_lines(gap) == [0]
    assert dotted_lines(coverage) == dotted_lines(heat) == []
    assert [axes.get_legend() is None for axes in (gap, coverage)] == [False, True]


def test_training_curves_of_an_estimator(sets):
    small = CoarseScoreDiffusion(max_iter=150, width=8, depth=1, random_state=0)
    display = TrainingCurveDisplay.from_estimator(small.fit(sets[0]))
    np.testing.assert_array_equal(display.n_iter, [100, 150])


def test_score_field_is_that_of_the_estimator():
    X = Circle().sample(60, random_state=0)
    model = EmpiricalScoreDiffusion(random_state=0).fit(X)
    display = ScoreFieldDisplay.from_estimator(
        model, X, sigmas=[0.2, 1], grid_resolution=9
    )
    point = np.array([[display.x[2], display.y[5]]])
    step = model.denoise(point, 1.0) - point
    np.testing.assert_allclose(display.scores[1, 5, 2], step[0])
    expected = model.score_samples(point, sigma=0.2)
    np.testing.assert_allclose(display.log_densities[0, 5, 2], expected[0])
    assert len(display.axes_) == len(display.quivers_) == len(display.contours_) == 2
    assert len(display.colorbars_) == 2
    for contours, log_p in zip(display.contours_, display.log_densities, strict=True):
        # All shades are used, from the peak down.
        depth = min(12, np.ptp(log_p))
        assert contours.levels[0] == pytest.approx(-depth)
        assert contours.levels[-1] == 0


def test_given_axes_are_drawn_in(sets, model):
    figure, axes = plt.subplots(1, 3)
    NeighborDistanceDisplay.from_estimator(model, *sets, n_samples=20, ax=axes[0])
    CoverageCurveDisplay.from_estimator(model, *sets, n_samples=50, ax=axes[1])
    SamplesDisplay.from_predictions(sets[1][:, :2], sets[0][:, :2], ax=axes[2])
    assert plt.get_fignums() == [figure.number]
    assert all(ax.has_data() for ax in axes)


def test_a_display_can_be_drawn_again(sets):
    display = SamplesDisplay.from_predictions(sets[1], sets[0])
    first = display.ax_
    assert display.plot() is display
    assert display.ax_ is not first


def test_what_cannot_be_shown_is_refused_by_name(sets, model):
    X_train, X_heldout = sets
    with pytest.raises(ValueError, match=r"image_shape=\(2, 2\) has 4 pixels"):
        SamplesDisplay.from_estimator(model, X_train, image_shape=(2, 2))
    with pytest.raises(ValueError, match="X_gen has 2 columns, but X_train has 3"):
        SamplesDisplay.from_predictions(X_train[:, :2], X_train)
    with pytest.raises(ValueError, match="ax is plane"):
        SamplesDisplay.from_estimator(model, X_train, ax=plt.figure().add_subplot())
    with pytest.raises(ValueError, match="fitted to 3 columns"):
        ScoreFieldDisplay.from_estimator(model, X_train)
    with pytest.raises(ValueError, match="The history is empty"):
        TrainingCurveDisplay.from_estimator(model)
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(CoarseScoreDiffusion())
    with pytest.raises(ValueError, match="ax holds 1 axes, but there are 4 panels"):
        CoarsenessCurveDisplay.from_estimator(
            EmpiricalScoreDiffusion(), *sets, coarseness=[1], ax=plt.figure().subplots()
        )
    with pytest.raises(ValueError, match="X_heldout has 3 rows"):
        CoverageCurveDisplay.from_predictions(X_train, X_train, X_heldout[:3])
    with pytest.raises(TypeError, match="no method sample"):
        SamplesDisplay.from_estimator(object(), X_train)
    grid = {"sigma_max": [5.0, 6.0]}
    search = GridSearchCV(EmpiricalScoreDiffusion(), grid, cv=2).fit(X_train)
    with pytest.raises(ValueError, match="param=None was not searched"):
        CoarsenessCurveDisplay.from_search(search)
    both = {"coarseness": [1, 2], **grid}
    search = GridSearchCV(EmpiricalScoreDiffusion(), both, cv=2).fit(X_train)
    with pytest.raises(ValueError, match="varied more than coarseness"):
        CoarsenessCurveDisplay.from_search(search)
