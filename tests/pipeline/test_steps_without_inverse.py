"""Steps that cannot be inverted: named, refused, or wrapped."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, KernelPCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import (
    RFE,
    SelectKBest,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.manifold import Isomap
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    OrdinalEncoder,
    StandardScaler,
)

from manidiff import EmpiricalScoreDiffusion
from manidiff.inverse import InvertibleTransformer
from manidiff.pipeline import SamplingPipeline, make_sampling_pipeline


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(5, [1.0, 10.0, 0.1], (60, 3))


def law():
    return EmpiricalScoreDiffusion(coarseness=1, n_steps=8)


def test_auto_wraps_what_cannot_be_inverted_and_nothing_else():
    pipeline = make_sampling_pipeline(
        StandardScaler(), None, Isomap(), KernelPCA(), law(), invert="auto"
    )
    kinds = [type(step) for _, step in pipeline.steps]
    assert kinds[:2] == [StandardScaler, type(None)]
    assert kinds[2:4] == [InvertibleTransformer, InvertibleTransformer]
    assert kinds[4] is EmpiricalScoreDiffusion
    assert [name for name, _ in pipeline.steps][2:4] == ["isomap", "kernelpca"]
    pipeline.set_params(kernelpca__transformer__gamma=2, isomap=PCA(2))
    assert type(pipeline["isomap"]) is PCA
    pipeline.set_params(isomap=Isomap(n_neighbors=4))
    assert pipeline.get_params()["isomap__transformer__n_neighbors"] == 4
    pipeline.set_params(invert=None, isomap=Isomap())
    assert type(pipeline["isomap"]) is Isomap


@pytest.mark.parametrize("invert", ["all", True, np.array(["auto", "auto"])])
def test_bad_invert_is_refused(X, invert):
    pipeline = make_sampling_pipeline(Isomap(), law(), invert=invert)
    with pytest.raises(ValueError, match="'invert' parameter"):
        pipeline.fit(X)


@pytest.mark.parametrize("invert", ["auto", None])
@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("abc", "'steps' parameter"),
        ([StandardScaler(), law()], "unpack"),
        ([("scale", StandardScaler), ("law", law())], r"class.*StandardScaler\(\)"),
        ([("scale", 3), ("law", law())], r"'3' \(type <class 'int'>\) doesn't"),
        ([("same", PCA()), ("same", law())], "not unique"),
    ],
)
def test_bad_steps_are_refused_by_fit(X, invert, steps, message):
    pipeline = SamplingPipeline(steps, invert=invert)
    with pytest.raises((TypeError, ValueError), match=message):
        pipeline.fit(X)


NOT_INVERTIBLE = {
    "isomap": Isomap(),
    "normalizer": Normalizer(),
    "kernelpca": KernelPCA(3),
    "functiontransformer": FunctionTransformer(np.exp),
    "simpleimputer": SimpleImputer(),
    "columntransformer": ColumnTransformer([("scale", StandardScaler(), [0, 1])]),
    "featureunion": FeatureUnion([("scale", StandardScaler()), ("pca", PCA(2))]),
    "pipeline": make_pipeline(FunctionTransformer(np.arctan), StandardScaler()),
}


@pytest.mark.parametrize("name", NOT_INVERTIBLE)
def test_the_first_step_that_cannot_be_inverted_is_named_before_fitting(X, name):
    step = NOT_INVERTIBLE[name]
    pipeline = make_sampling_pipeline(StandardScaler(), step, Normalizer(), law())
    with pytest.raises(TypeError, match=rf"^Step '{name}[-1]*' \(\w+\) cannot be") as e:
        pipeline.fit(X)
    for remedy in ("InvertibleTransformer(", "invert='auto'", "take the step out"):
        assert remedy in str(e.value)
    with pytest.raises(NotFittedError):
        pipeline.sample()


def test_a_column_transformer_in_the_middle_can_be_learned(swiss_roll):
    columns = ColumnTransformer(
        [("scale", StandardScaler(), [0, 2]), ("range", MinMaxScaler(), [1])]
    )
    pipeline = make_sampling_pipeline(columns, law(), invert="auto").fit(
        swiss_roll[:150]
    )
    assert pipeline[0].reconstruction_error_ < 0.02
    assert pipeline.sample(4, random_state=0).shape == (4, 3)


@pytest.mark.parametrize("inner", [FunctionTransformer(np.arctan), KernelPCA(4)])
def test_a_chain_within_the_pipeline_is_learned_as_a_whole(X, inner):
    chain = make_pipeline(StandardScaler(), inner, "passthrough")
    pipeline = make_sampling_pipeline(chain, law(), invert="auto").fit(X)
    assert type(pipeline["pipeline"]) is InvertibleTransformer
    # Back in the units of X: arctan alone would leave them within 1.6 of 0.
    drawn = pipeline.sample(200, random_state=0)
    np.testing.assert_allclose(drawn[:, 2], 5, atol=0.5)


@pytest.mark.parametrize(
    ("step", "table"),
    [
        (SimpleImputer(), [[1.0, np.nan], [2.0, 3.0], [4.0, 5.0]]),
        (ColumnTransformer([("words", OrdinalEncoder(), [0])]), [["a", 1], ["b", 2]]),
    ],
)
def test_what_cannot_be_learned_points_to_what_can(step, table):
    table = np.array(table, dtype=object)
    pipeline = make_sampling_pipeline(step, law(), invert="auto")
    with pytest.raises(ValueError, match=r"NaN|could not convert string") as raised:
        pipeline.fit(table)
    (note,) = raised.value.__notes__
    assert "finite numbers" in note
    assert "manidiff.tabular.TableEncoder" in note


def test_a_step_that_fails_on_the_way_back_is_named(X):
    def refuse(rows):
        raise ZeroDivisionError("no way back")

    step = FunctionTransformer(np.exp, refuse, check_inverse=False)
    pipeline = make_sampling_pipeline(StandardScaler(), step, law()).fit(X)
    with pytest.raises(ZeroDivisionError) as raised:
        pipeline.sample()
    assert "the step 'functiontransformer'" in raised.value.__notes__[0]


def wine_like(rng):
    """Rows of five columns far from 0, the last two of which follow the first two."""
    base = rng.normal(20, 3, (150, 3))
    return np.column_stack([base, base[:, 0] + base[:, 1], 2 * base[:, 1]])


SELECTORS = {
    "selectkbest": SelectKBest(f_regression, k=3),
    "variancethreshold": VarianceThreshold(12.0),
    "rfe": RFE(LinearRegression(), n_features_to_select=2),
    "pipeline": make_pipeline(StandardScaler(), SelectKBest(f_regression, k=3)),
}


@pytest.mark.parametrize("name", SELECTORS)
def test_dropped_columns_are_learned_and_not_filled_with_zeros(name):
    X = wine_like(np.random.default_rng(0))
    pipeline = make_sampling_pipeline(SELECTORS[name], law(), invert="auto")
    assert type(pipeline[0]) is InvertibleTransformer
    drawn = clone(pipeline).fit(X, X.sum(1)).sample(100, random_state=0)
    assert drawn.shape == (100, 5)
    np.testing.assert_allclose(drawn.mean(0), X.mean(0), rtol=0.1)


@pytest.mark.parametrize("name", SELECTORS)
def test_selectors_that_drop_columns_are_refused_before_the_last_step(name):
    X = wine_like(np.random.default_rng(0))
    pipeline = make_sampling_pipeline(clone(SELECTORS[name]), law())
    with pytest.raises(TypeError, match=rf"'{name}' \(\w+\).*zeros") as raised:
        pipeline.fit(X, X.sum(1))
    for remedy in ("invert='auto'", "drop the columns"):
        assert remedy in str(raised.value)
    assert not hasattr(pipeline[-1], "n_features_in_")


def test_selectors_that_keep_all_columns_are_as_good_as_none(X):
    steps = VarianceThreshold(), make_pipeline(SelectKBest(k="all")), law()
    pipeline = make_sampling_pipeline(*steps).fit(X, np.arange(60) % 2)
    expected = law().fit(X).sample(5, random_state=0)
    found = pipeline.sample(5, random_state=0)
    np.testing.assert_array_equal(found, expected)
    # Fitted anew, to rows with a constant column, it is no longer.
    with pytest.raises(TypeError, match="'variancethreshold'"):
        pipeline.fit(X * [1, 1, 0], np.arange(60) % 2)


def test_a_fitted_selector_is_wrapped_like_its_clone(X):
    pipeline = make_sampling_pipeline(VarianceThreshold().fit(X), law(), invert="auto")
    assert type(pipeline[0]) is InvertibleTransformer
    assert type(clone(pipeline.fit(X))[0]) is InvertibleTransformer
