"""What every estimator promises, as one suite over all of them."""

import copy
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from manidiff import (
    CoarseScoreDiffusion,
    EmpiricalScoreDiffusion,
    LocalPolynomialScoreDiffusion,
)

pytestmark = pytest.mark.usefixtures("few_likelihood_steps", "few_draws_on_surface")

SMALL = {"max_iter": 30, "width": 16, "depth": 1, "batch_size": 64, "n_steps": 8}

# A new estimator, or a variant that takes another path, costs one entry.
ESTIMATORS = {
    "empirical": EmpiricalScoreDiffusion(random_state=0),
    "empirical-coarse": EmpiricalScoreDiffusion(coarseness=0.5, random_state=0),
    "empirical-smooth": EmpiricalScoreDiffusion(
        smoothing=0.5, n_smoothing=4, n_steps=8, random_state=0
    ),
    "local-polynomial": LocalPolynomialScoreDiffusion(random_state=0),
    "local-polynomial-surface": LocalPolynomialScoreDiffusion(
        final_step="local_polynomial",
        intrinsic_dim=1,
        degree=1,
        n_neighbors=3,
        random_state=0,
    ),
    "coarse": CoarseScoreDiffusion(random_state=0, **SMALL),
    "coarse-local": CoarseScoreDiffusion(
        coarseness=0.5, training_law="local", random_state=0, **SMALL
    ),
    "coarse-ordinary": CoarseScoreDiffusion(coarseness=0, random_state=0, **SMALL),
}
SOLVERS = ["heun", "euler", "ddpm", "sde", "hybrid"]


@pytest.fixture(params=list(ESTIMATORS))
def estimator(request):
    return clone(ESTIMATORS[request.param])


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 3)) + [0, 5, -3]


def assert_same(first, second, X, **kwargs):
    np.testing.assert_allclose(
        first.score_samples(X), second.score_samples(X), rtol=1e-9, **kwargs
    )
    np.testing.assert_allclose(
        first.sample(5, random_state=1), second.sample(5, random_state=1), rtol=1e-6
    )


def assert_works(estimator, X):
    """Fit, sample and score; return the draws."""
    drawn = estimator.fit(X).sample(7, random_state=0)
    assert drawn.shape == (7, np.shape(X)[1])
    assert np.isfinite(drawn).all()
    assert np.isfinite(estimator.score_samples(X)).all()
    return drawn


# Fitting and drawing


def test_fit_returns_self_and_sets_the_attributes(estimator, X):
    assert estimator.fit(X) is estimator
    for name in ("sigma_c_", "sigma_min_", "sigma_max_", "nn_distance_"):
        assert isinstance(getattr(estimator, name), float), name
    assert 0 < estimator.sigma_min_ < estimator.sigma_max_
    assert estimator.n_features_in_ == 3
    assert estimator.device_ == str(torch.device(estimator.device_))
    assert all(isinstance(entry, dict) for entry in estimator.history_)


def test_sample_has_shape_dtype_and_finite_values(estimator, X):
    estimator.fit(X)
    for n_samples in (1, 5, np.int64(64)):
        drawn = estimator.sample(n_samples)
        assert isinstance(drawn, np.ndarray)
        assert drawn.shape == (n_samples, 3)
        assert drawn.dtype == np.float64
        assert np.isfinite(drawn).all()
    assert estimator.sample().shape == (1, 3)


def test_int_random_state_repeats_and_none_draws_anew(estimator, X):
    estimator.fit(X)
    first = estimator.sample(20, random_state=3)
    np.testing.assert_array_equal(estimator.sample(20, random_state=3), first)
    assert not np.array_equal(estimator.sample(20, random_state=4), first)
    assert not np.array_equal(estimator.sample(20), estimator.sample(20))
    state = np.random.RandomState(0)
    draws = [estimator.sample(20, random_state=state) for _ in range(2)]
    assert not np.array_equal(*draws)


def test_two_fits_with_one_seed_are_equal(estimator, X):
    other = clone(estimator).fit(X)
    estimator.fit(X)
    np.testing.assert_array_equal(
        estimator.sample(5, random_state=0), other.sample(5, random_state=0)
    )
    refitted = estimator.fit(X)
    np.testing.assert_array_equal(
        refitted.sample(5, random_state=0), other.sample(5, random_state=0)
    )


def test_global_generators_and_threads_are_untouched(estimator, X):
    np.random.seed(7)
    torch.manual_seed(7)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    before = np.random.get_state(), torch.get_rng_state(), torch.is_grad_enabled()
    estimator.set_params(random_state=None).fit(X)
    estimator.sample(3)
    estimator.score(X[:5])
    estimator.denoise(X[:5], 0.3)
    after = np.random.get_state(), torch.get_rng_state(), torch.is_grad_enabled()
    for old, new in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(old, new)
    assert torch.equal(before[1], after[1])
    assert before[2] == after[2]
    assert (threads, dtype) == (torch.get_num_threads(), torch.get_default_dtype())


def test_results_do_not_depend_on_the_global_generators(estimator, X):
    drawn = []
    for seed in (1, 2):
        np.random.seed(seed)
        torch.manual_seed(seed)
        drawn.append(estimator.fit(X).sample(5, random_state=0))
    np.testing.assert_array_equal(*drawn)


def test_input_is_not_written_to(estimator, X):
    before = X.copy()
    estimator.fit(X)
    estimator.score_samples(X)
    estimator.denoise(X, 0.5)
    np.testing.assert_array_equal(X, before)


def test_get_params_are_unchanged_by_fit(estimator, X):
    before = {key: repr(value) for key, value in estimator.get_params().items()}
    estimator.fit(X)
    after = {key: repr(value) for key, value in estimator.get_params().items()}
    assert before == after


def test_repr_names_the_class(estimator):
    assert repr(estimator).startswith(type(estimator).__name__ + "(")


# Copies


@pytest.mark.parametrize("how", ["clone", "deepcopy", "pickle", "joblib"])
def test_copies_give_the_same_results(estimator, X, how, tmp_path):
    estimator.fit(X)
    if how == "clone":
        copied = clone(estimator)
        assert not hasattr(copied, "sigma_c_")
        copied.fit(X)
    elif how == "deepcopy":
        copied = copy.deepcopy(estimator)
    elif how == "pickle":
        copied = pickle.loads(pickle.dumps(estimator))
    else:
        joblib.dump(estimator, tmp_path / "estimator.joblib")
        copied = joblib.load(tmp_path / "estimator.joblib")
    assert_same(estimator, copied, X)
    assert copied.history_ == estimator.history_ or how == "clone"


# scikit-learn's tools


def test_cross_val_score(estimator, X):
    scores = cross_val_score(estimator, X, cv=3)
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_pipeline(estimator, X):
    pipeline = Pipeline([("scale", StandardScaler()), ("model", estimator)]).fit(X)
    assert np.isfinite(pipeline.score(X))
    assert pipeline.score_samples(X).shape == (60,)
    assert pipeline["model"].sample(4, random_state=0).shape == (4, 3)


@pytest.mark.parametrize("name", ["empirical", "coarse"])
def test_grid_search_in_two_processes(name, X):
    estimator = clone(ESTIMATORS[name])
    search = GridSearchCV(estimator, {"coarseness": [0.5, 2.0]}, cv=2, n_jobs=2)
    search.fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["coarseness"] in (0.5, 2.0)
    assert search.best_estimator_.sample(4, random_state=0).shape == (4, 3)
    assert np.isfinite(search.score(X))


def test_grid_search_over_a_pipeline(X):
    model = make_pipeline(StandardScaler(), EmpiricalScoreDiffusion())
    grid = {"empiricalscorediffusion__coarseness": [0, 1]}
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X)
    assert search.best_estimator_[-1].sample(2).shape == (2, 3)


# Kinds of input


def test_data_frame_names_are_recorded_and_checked(estimator, X):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    estimator.fit(frame)
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    assert isinstance(estimator.sample(2), np.ndarray)
    estimator.score_samples(frame)
    for wrong in (frame.rename(columns={"a": "z"}), frame[["b", "a", "c"]]):
        with pytest.raises(ValueError, match="feature names"):
            estimator.score_samples(wrong)
        with pytest.raises(ValueError, match="feature names"):
            estimator.denoise(wrong, 1.0)
    with pytest.warns(UserWarning, match="feature names"):
        estimator.score_samples(X)
    assert not hasattr(estimator.fit(X), "feature_names_in_")
    with pytest.raises(ValueError, match="2 features"):
        estimator.score_samples(X[:, :2])


@pytest.mark.parametrize(
    "convert", ["float32", "list", "tensor", "memmap", "fortran", "strided", "readonly"]
)
def test_kinds_of_input_give_the_same_result(estimator, convert, tmp_path):
    # Small integers are the same number in every one of them.
    X = np.random.default_rng(0).integers(-50, 50, size=(40, 3)).astype(float)
    if convert == "float32":
        same = X.astype(np.float32)
    elif convert == "list":
        same = X.tolist()
    elif convert == "tensor":
        same = torch.from_numpy(X).float()
    elif convert == "memmap":
        joblib.dump(X, tmp_path / "X.joblib")
        same = joblib.load(tmp_path / "X.joblib", mmap_mode="r")
        assert isinstance(same, np.memmap)
    elif convert == "fortran":
        same = np.asfortranarray(X)
    elif convert == "strided":
        same = np.repeat(X, 2, axis=0)[::2]
    else:
        same = X.copy()
        same.flags.writeable = False
    other = clone(estimator).fit(same)
    estimator.fit(X)
    assert other.score_samples(same).dtype == np.float64
    np.testing.assert_array_equal(
        other.sample(5, random_state=0), estimator.sample(5, random_state=0)
    )
    np.testing.assert_array_equal(other.score_samples(same), estimator.score_samples(X))


def test_integer_and_boolean_columns(estimator):
    X = np.random.default_rng(0).integers(0, 2, size=(30, 4)).astype(bool)
    assert_works(estimator, X)
    assert_works(estimator, X.astype(int))


# Shapes of data


@pytest.mark.parametrize("n_rows", [2, 3, 5])
def test_few_rows(estimator, X, n_rows):
    assert_works(estimator, X[:n_rows])


def test_one_column(estimator, X):
    assert_works(estimator, X[:, :1])


def test_more_columns_than_rows(estimator):
    assert_works(estimator, np.random.default_rng(0).normal(size=(30, 500)))


def test_duplicated_rows(estimator, X):
    assert_works(estimator, np.repeat(X[:10], 5, axis=0))
    # As few distinct rows as can be.
    assert_works(estimator, np.repeat(X[:2], 10, axis=0))


@pytest.mark.parametrize("constants", [[0.0, 1.0], [1e6, -0.1], [1e-8, 3e12]])
def test_constant_columns_stay_constant(estimator, X, constants):
    X = np.insert(X, [1, 3], constants, axis=1)
    drawn = assert_works(estimator, X)
    expected = np.broadcast_to(X[0, [1, 4]], (7, 2))
    np.testing.assert_allclose(drawn[:, [1, 4]], expected, rtol=1e-6, atol=1e-6)
    assert np.ptp(drawn[:, 0]) > 0


def test_collinear_columns_stay_collinear(estimator, X):
    X = np.column_stack([X, X[:, 0] + 2 * X[:, 1]])
    drawn = assert_works(estimator, X)
    np.testing.assert_allclose(drawn[:, 3], drawn[:, 0] + 2 * drawn[:, 1], atol=1e-4)


def test_data_far_from_the_origin(estimator, X):
    drawn = assert_works(estimator, X + 1e6)
    assert np.abs(drawn - 1e6).max() < 100


# Densities and scores


def test_score_is_the_mean_of_score_samples(estimator, X):
    estimator.fit(X)
    scores = estimator.score_samples(X)
    assert scores.shape == (60,)
    assert scores.dtype == np.float64
    assert estimator.score(X) == pytest.approx(scores.mean())
    assert isinstance(estimator.score(X), float)


def test_scores_do_not_depend_on_the_batch(estimator, X):
    estimator.fit(X)
    whole = estimator.score_samples(X)
    parts = [estimator.score_samples(part) for part in (X[:1], X[1:20], X[20:])]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-9)
    np.testing.assert_allclose(estimator.score_samples(X[::-1]), whole[::-1], rtol=1e-9)


def test_far_points_have_a_lower_finite_score(estimator, X):
    estimator.fit(X)
    far = estimator.score_samples(X[:5] + 1000)
    assert np.isfinite(far).all()
    assert (far < estimator.score_samples(X[:5])).all()


@pytest.mark.parametrize("scaling", ["feature", "global"])
def test_scores_are_densities_per_unit_of_X(estimator, X, scaling):
    estimator.set_params(scaling=scaling)
    factors = np.array([10.0, 0.1, 4.0]) if scaling == "feature" else np.full(3, 100.0)
    scores = clone(estimator).fit(X).score_samples(X)
    rescaled = estimator.fit(X * factors + 3).score_samples(X * factors + 3)
    shift = -np.log(factors).sum()
    np.testing.assert_allclose(rescaled, scores + shift, rtol=1e-3, atol=0.02)


def test_density_at_another_noise_level(estimator, X):
    estimator.fit(X)
    level = 2 * estimator.sigma_min_
    found = estimator.score_samples(X[:5], sigma=level)
    np.testing.assert_array_equal(
        estimator.score_samples(X[:5], sigma=estimator.sigma_min_),
        estimator.score_samples(X[:5]),
    )
    # The same model asked at that level by its parameter.
    other = clone(estimator).set_params(sigma_min=level).fit(X)
    if not hasattr(estimator, "net_"):
        np.testing.assert_allclose(other.score_samples(X[:5]), found, rtol=1e-6)
    with pytest.raises(ValueError, match=r"sigma=0\.0 must be finite and above 0"):
        estimator.score_samples(X, sigma=0)


def test_sigma_min_does_not_depend_on_coarseness(estimator, X):
    found = {
        clone(estimator).set_params(coarseness=coarseness).fit(X).sigma_min_
        for coarseness in (0, 0.3, 2.0, "auto")
    }
    assert len(found) == 1


def test_coarseness_sets_sigma_c(estimator, X):
    estimator.set_params(coarseness=1.5).fit(X)
    assert estimator.sigma_c_ == pytest.approx(1.5 * estimator.nn_distance_)


@pytest.mark.parametrize("sigma", [0.3, np.linspace(0.1, 2, 60)])
def test_score_function_and_denoise_obey_tweedie(estimator, X, sigma):
    estimator.fit(X)
    denoised = estimator.denoise(X, sigma)
    score = estimator.score_function(X, sigma)
    assert denoised.shape == score.shape == X.shape
    noise = np.reshape(sigma, (-1, 1)) * estimator.scaling_.scale
    np.testing.assert_allclose(X + noise**2 * score, denoised, atol=1e-9)


def test_score_function_is_the_gradient_of_the_log_density(X):
    estimator = EmpiricalScoreDiffusion(sigma_min=0.4).fit(X)
    step = 1e-5 * np.eye(3)
    slope = [
        (estimator.score_samples(X + e) - estimator.score_samples(X - e)) / 2e-5
        for e in step
    ]
    score = estimator.score_function(X, 0.4)
    np.testing.assert_allclose(np.transpose(slope), score, atol=1e-4)


def test_at_the_largest_noise_the_denoiser_is_nearly_the_mean(estimator, X):
    estimator.fit(X)
    denoised = estimator.denoise(X, 100 * estimator.sigma_max_)
    off = np.abs(denoised - X.mean(axis=0)) / X.std(axis=0)
    assert off.max() < 0.1


# The manifold


def test_projections_distances_and_dimensions_have_the_shape_of_the_rows(estimator, X):
    estimator.fit(X)
    projected = estimator.project(X)
    assert projected.shape == X.shape
    np.testing.assert_allclose(
        estimator.distance(X), np.linalg.norm(X - projected, axis=1)
    )
    dimension = estimator.intrinsic_dimension(X)
    assert dimension.shape == (len(X),)
    for found in (projected, dimension):
        assert found.dtype == np.float64
        assert np.isfinite(found).all()
    far = estimator.project(1e3 * X[:2])
    assert np.isfinite(far).all()


def test_projection_does_not_depend_on_the_batch(estimator, X):
    estimator.fit(X)
    np.testing.assert_allclose(
        estimator.project(X)[:3], estimator.project(X[:3]), rtol=1e-6, atol=1e-9
    )


# Samplers


@pytest.mark.parametrize("clock", ["ve", "vp"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_runs_on_both_clocks(estimator, X, solver, clock):
    if "solver" not in estimator.get_params():
        pytest.skip("draws from its law at once")
    estimator.set_params(solver=solver, clock=clock)
    drawn = assert_works(estimator, X)
    np.testing.assert_array_equal(estimator.sample(7, random_state=0), drawn)


@pytest.mark.parametrize("name", ["empirical-coarse", "coarse"])
def test_sampling_in_two_processes_equals_serial(name, X):
    estimator = clone(ESTIMATORS[name]).set_params(n_steps=2).fit(X)
    serial = estimator.sample(5000, random_state=0)
    parallel = estimator.sample(5000, random_state=0, n_jobs=2)
    np.testing.assert_allclose(parallel, serial, rtol=1e-5, atol=1e-5)


# Weights


def test_a_weight_of_two_equals_the_row_given_twice(estimator, X):
    weight = np.random.default_rng(1).integers(0, 4, size=60)
    weighted = clone(estimator).fit(X, sample_weight=weight)
    repeated = estimator.fit(np.repeat(X, weight, axis=0))
    assert_same(weighted, repeated, X)


def test_equal_weights_change_nothing(estimator, X):
    weighted = clone(estimator).fit(X, sample_weight=np.full(60, 3.0))
    assert_same(weighted, estimator.fit(X), X)


# Conditions


@pytest.mark.parametrize("kind", ["labels", "target", "targets"])
def test_conditional(estimator, X, kind):
    y = {
        "labels": np.where(X[:, 0] > 0, "high", "low"),
        "target": X[:, 0],
        "targets": X[:, :2],
    }[kind]
    estimator.set_params(conditional=True).fit(X, y)
    for given in (None, y[:6]):
        drawn = estimator.sample(6, y=given, random_state=0)
        assert drawn.shape == (6, 3)
        np.testing.assert_array_equal(
            estimator.sample(6, y=given, random_state=0), drawn
        )
    assert np.isfinite(estimator.score_samples(X, y)).all()
    assert np.isfinite(estimator.score(X, y))
    assert estimator.denoise(X, 0.5, y=y).shape == X.shape
    far = X + np.arange(len(X))[:, None]
    assert estimator.project(far, y=y).shape == X.shape
    assert estimator.intrinsic_dimension(X, y=y).shape == (len(X),)
    if kind == "labels":
        assert np.isfinite(estimator.score_samples(X)).all()
        assert np.isfinite(cross_val_score(estimator, X, y, cv=2)).all()
    restored = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_allclose(
        restored.score_samples(X, y), estimator.score_samples(X, y)
    )


@pytest.mark.parametrize(
    "make", [EmpiricalScoreDiffusion, LocalPolynomialScoreDiffusion]
)
def test_rows_that_move_with_a_target_are_not_blurred(make):
    rng = np.random.default_rng(0)
    y = rng.uniform(0, 10, size=1000)
    X = np.column_stack([y, np.sin(y)]) + 0.2 * rng.normal(size=(1000, 2))
    drawn = (
        make(conditional=True, random_state=0)
        .fit(X, y)
        .sample(2000, y=3.3, random_state=0)
    )
    # The mean of some twenty rows errs by .045.
    np.testing.assert_allclose(drawn.mean(0), [3.3, np.sin(3.3)], atol=0.15)
    # A coarse law spreads rows over their neighbours. Silverman's bandwidth made .7.
    assert (drawn.std(0) > 0.15).all()
    assert (drawn.std(0) < 0.3).all()


def test_y_is_ignored_unless_conditional(estimator, X):
    with_y = clone(estimator).fit(X, np.arange(60))
    assert_same(with_y, estimator.fit(X), X)


def test_unfitted_use_is_refused(estimator, X):
    name = re.escape(type(estimator).__name__)
    for call in (
        lambda: estimator.sample(),
        lambda: estimator.score_samples(X),
        lambda: estimator.score(X),
        lambda: estimator.denoise(X, 1.0),
        lambda: estimator.score_function(X, 1.0),
    ):
        with pytest.raises(NotFittedError, match=name):
            call()
