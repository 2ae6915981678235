"""A network for each half of the rows: what it hides, asks for and keeps."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import manidiff
from manidiff import CoarseScoreDiffusion, metrics
from manidiff.nets import CrossFitted, ResidualMLP

SMALL = {"max_iter": 20, "width": 16, "depth": 1, "random_state": 0}


def make_table(n_samples=80, n_features=6, seed=0):
    return np.random.default_rng(seed).normal(size=(n_samples, n_features))


def cross_fitted(**settings):
    return CoarseScoreDiffusion(training_law="cross_fitted", **{**SMALL, **settings})


@pytest.fixture(scope="module")
def halves():
    X = StandardScaler().fit_transform(load_breast_cancer().data)
    order = np.random.default_rng(0).permutation(len(X))
    return X[order[:284]], X[order[284:568]]


def test_whoever_holds_it_cannot_tell_training_rows(halves):
    """Measured were areas of .61 and .53, at two other seeds .59 and .52; of rows that
    cannot be told the area passes .57 in one of 500 draws (standard error .024)."""
    train, held_out = halves
    aucs = {}
    for law in ("local", "cross_fitted"):
        model = CoarseScoreDiffusion(
            training_law=law, max_iter=600, width=96, random_state=0
        )
        model.fit(train)
        aucs[law] = metrics.loss_attack(model, train, held_out, random_state=0).auc
        drawn = model.sample(1000, random_state=0)
        assert metrics.precision(drawn, train, held_out) > 0.9
        assert metrics.coverage(drawn, train, held_out) > 0.9
    assert aucs["cross_fitted"] < 0.57
    assert aucs["local"] > aucs["cross_fitted"] + 0.05


def test_the_groups_of_the_halves_are_told_apart():
    model = cross_fitted().fit(make_table())
    pair = model.net_.module_
    sigma = 1e-3 * model.nn_distance_
    shares = pair.share_of_first(
        pair.centers / (pair.variances + sigma**2).sqrt(),
        pair.centers.new_full((len(pair.centers),), np.log(sigma) / 4),
    )
    assert (shares[::2] > 0.5).all()
    assert (shares[1::2] < 0.5).all()


def test_what_was_decided():
    assert isinstance(cross_fitted().fit(make_table()).net_.module_, CrossFitted)
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 300)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    on_circle = cross_fitted().fit(circle)
    assert on_circle.training_law_ == "local"
    assert isinstance(on_circle.net_.module_, ResidualMLP)


@pytest.mark.parametrize(
    ("settings", "y"),
    [
        ({}, None),
        ({"early_stopping": True}, None),
        ({"conditional": True}, np.arange(80) % 3),
        ({"conditional": True}, np.linspace(0, 1, 80)),
        ({"coarseness": 0}, None),
        ({"solver": "sde"}, None),
        ({"module": lambda r, c: ResidualMLP(r, c, width=8, depth=1)}, None),
    ],
    ids=["plain", "held out", "labels", "targets", "ordinary", "sde", "module"],
)
def test_it_survives_pickles_and_files(tmp_path, settings, y):
    X = make_table()
    fitted = cross_fitted(**settings).fit(X, y)
    fitted.save(tmp_path / "pair.manidiff")
    module = {"module": settings["module"]} if "module" in settings else {}
    copies = [manidiff.load(tmp_path / "pair.manidiff", parameters=module)]
    if not module:
        copies.append(pickle.loads(pickle.dumps(fitted)))
    drawn = fitted.sample(20, random_state=0)
    assert np.isfinite(drawn).all()
    for copy in copies:
        assert copy.training_law_ == "cross_fitted"
        np.testing.assert_array_equal(copy.sample(20, random_state=0), drawn)
        np.testing.assert_array_equal(
            copy.score_samples(X, **_given(y)), fitted.score_samples(X, **_given(y))
        )


def _given(y):
    return {} if y is None else {"y": y}


def test_fits_repeat():
    X = make_table()
    model = cross_fitted().fit(X)
    again = clone(model).fit(X)
    np.testing.assert_array_equal(
        model.sample(10, random_state=0), again.sample(10, random_state=0)
    )


def test_its_score_is_the_gradient_of_its_log_density():
    X = make_table(n_features=2)
    model = cross_fitted(max_iter=200, scaling=None).fit(X)
    sigma = model.sigma_max_
    step, at = 1e-4 * sigma, X[:1] + sigma
    slopes = [
        (
            model.score_samples(at + shift, sigma=sigma)
            - model.score_samples(at - shift, sigma=sigma)
        )
        / (2 * step)
        for shift in step * np.eye(2)
    ]
    found = model.score_function(at, sigma)[0]
    np.testing.assert_allclose(found, np.concatenate(slopes), rtol=0.05)


def test_a_label_needs_rows_for_both():
    X, y = make_table(), np.r_[np.zeros(75), np.ones(5)].astype(int)
    with pytest.raises(ValueError, match="there are only 5"):
        cross_fitted(conditional=True).fit(X, y)
    with pytest.raises(ValueError, match="there are only 4"):
        cross_fitted().fit(X[:4])


def test_files_with_other_places_are_refused(tmp_path):
    path = tmp_path / "pair.manidiff"
    model = cross_fitted().fit(make_table())
    pair = model.net_.module_
    for name, value in [
        ("centers", pair.centers[:-1]),
        ("centers", pair.centers[:, :-1]),
        ("log_sizes", pair.log_sizes[:-2]),
        ("log_sizes", pair.log_sizes / 0),
        ("variances", 0 * pair.variances),
        ("width", -pair.width),
        ("width", pair.width * np.nan),
    ]:
        kept = getattr(pair, name)
        setattr(pair, name, value)
        with pytest.raises(ValueError, match=r"cannot be saved|holds is no estimator"):
            _save_and_load(model, path)
        setattr(pair, name, kept)
    _save_and_load(model, path)


def _save_and_load(model, path):
    model.save(path)
    manidiff.load(path)


def test_it_is_not_trained_further():
    X = make_table()
    model = cross_fitted(warm_start=True).fit(X)
    with pytest.raises(ValueError, match="warm_start=True"):
        model.fit(X)
    # Nor by another law.
    with pytest.raises(ValueError, match="warm_start=True"):
        model.set_params(training_law="local").fit(X)
    with pytest.raises(ValueError, match="given parts"):
        cross_fitted().partial_fit(X)
    with pytest.raises(ValueError, match="given parts"):
        cross_fitted().fit(X).set_params(training_law="local").partial_fit(X)
