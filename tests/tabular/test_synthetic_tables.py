"""Drawn, conditioned and completed tables."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

from manidiff import CoarseScoreDiffusion, EmpiricalScoreDiffusion, metrics
from manidiff.datasets import make_mixed_table
from manidiff.tabular import SyntheticTable
from manidiff.tabular._replacement import draw_by_replacement


@pytest.fixture(scope="module")
def table():
    return make_mixed_table(1500, random_state=0)


@pytest.fixture(scope="module")
def model(table):
    return SyntheticTable(random_state=0).fit(table)


def test_what_transformers_return_elsewhere_changes_nothing(table, model):
    with config_context(transform_output="pandas"):
        other = SyntheticTable(random_state=0).fit(table)
        drawn = other.sample(20, random_state=0)
        assert other.score(table[:50]) == model.score(table[:50])
    pd.testing.assert_frame_equal(drawn, model.sample(20, random_state=0))


def test_drawn_columns_have_the_laws_of_the_training_columns(table, model):
    """Each of eight tests raises a false alarm in fewer than 1 of 10 000 seeds."""
    drawn = model.sample(1500, random_state=0)
    assert (drawn.dtypes == table.dtypes).all()
    for name in ("age", "income", "visits", "spending", "loyalty"):
        assert ks_2samp(drawn[name], table[name]).pvalue > 1e-4
    for name in ("city", "member", "churned"):
        shares = drawn[name].value_counts(normalize=True)
        expected = table[name].value_counts(normalize=True)
        assert (shares - expected).abs().max() < 0.07
    assert (drawn.loc[drawn["visits"] > 0, "spending"] > 0).mean() > 0.9


@pytest.mark.parametrize("others", ["category", "rare", "missing"])
def test_what_ties_columns_holds_where_others_make_parallel_planes(others):
    """With two numbers, such rows lie on planes, so exactly that surfaces would do."""
    rng = np.random.default_rng(0)
    x, noise, z = rng.normal(size=(3, 1000))
    is_rare = rng.random(1000) < 0.02
    more = {
        "category": rng.choice(list("abc"), 1000),
        "rare": is_rare.astype(int),
        "missing": np.where(is_rare, np.nan, z),
    }
    train = pd.DataFrame({"x": x, "y": 2 * x + 0.1 * noise, "z": z})
    train["more"] = more[others]
    model = SyntheticTable(random_state=0).fit(train)
    drawn = model.sample(4000, random_state=0)
    assert (drawn["y"] - 2 * drawn["x"]).std() < 0.13
    given = model.sample(300, conditions={"x": 1.0}, random_state=0)["y"]
    assert abs(given.mean() - 2) < 0.15
    assert given.std() < 0.25
    if others != "category":
        share = (drawn["more"].isna() | (drawn["more"] == 1)).mean()
        assert abs(share - is_rare.mean()) < 0.005


def test_few_drawn_rows_are_training_rows(table, model):
    drawn = model.sample(1500, random_state=1)
    both = pd.concat([table, drawn]).duplicated()[len(table) :]
    assert both.mean() < 0.01


@pytest.mark.parametrize(
    "conditions",
    [
        {"city": "Funchal"},
        {"member": True, "visits": 3},
        {"rating": None},
        {"income": 40_000.0, "education": "master"},
        {"joined": pd.Timestamp("2020-02-01")},
    ],
    ids=str,
)
def test_rows_of_a_condition_have_its_values(model, conditions):
    # The values are put in; what they do to other columns is tested below.
    drawn = model.sample(60, conditions=conditions, random_state=0)
    assert len(drawn) == 60
    for name, value in conditions.items():
        missing = drawn[name].isna()
        assert missing.all() if value is None else (drawn[name] == value).all()
    assert drawn["age"].nunique() > 5


@pytest.mark.parametrize(
    ("conditions", "name", "least"),
    [
        ({"visits": 0}, "spending", 0.95),
        ({"spending": 0.0}, "visits", 0.95),
        ({"rating": None}, "visits", 0.8),
        ({"city": "Funchal"}, "joined", 0.8),
    ],
    ids=str,
)
def test_conditions_reach_other_columns(table, model, conditions, name, least):
    """The share of a value, or of the later half, which the table ties to a condition.

    Without the condition it is .35, or .56 for the later half, with it at least .98 or
    .88. Of 400 draws it is beyond a bound by chance in fewer than 1 of 10 000 seeds.
    """
    half = pd.Timestamp("2015-01-01") + pd.Timedelta(days=1825)
    drawn = model.sample(400, conditions=conditions, random_state=0)[name]
    is_tied = drawn >= half if name == "joined" else drawn == 0
    assert is_tied.mean() > least


def test_conditions_change_the_other_columns_as_in_the_table(table, model):
    for name in ("spending", "age", "loyalty"):
        for member in (True, False):
            drawn = model.sample(1000, conditions={"member": member}, random_state=0)
            same = table.loc[table["member"] == member, name]
            assert abs(drawn[name].mean() - same.mean()) < 0.2 * table[name].std()


def test_conditional_mixture_matches_the_exact_gaussian():
    rng = np.random.default_rng(0)
    x = rng.normal(size=4000)
    rows = pd.DataFrame({"x": x, "y": 0.8 * x + 0.6 * rng.normal(size=4000)})
    model = SyntheticTable(random_state=0).fit(rows)
    drawn = model.sample(4000, conditions={"x": 1.0}, random_state=0)["y"]
    # Exact: mean .8 and deviation .6; the law of the rows is smoothed a little.
    assert abs(drawn.mean() - 0.8) < 0.08
    assert abs(drawn.std() - 0.6) < 0.08


def test_impute_fills_what_is_missing_and_nothing_else(table, model):
    holes = table.copy()
    rng = np.random.default_rng(0)
    for name in ("age", "city", "spending"):
        holes[name] = holes[name].astype(object).where(rng.uniform(size=1500) > 0.2)
    found = model.impute(holes, random_state=0)
    assert not found.isna().any().any()
    for name in ("age", "city", "spending"):
        known = holes[name].notna()
        assert (found.loc[known, name] == table.loc[known, name]).all()
        assert found[name].dtype == table[name].dtype
    # Rows without visits spend nothing.
    asked = holes["spending"].isna() & (table["visits"] == 0)
    assert (found.loc[asked, "spending"] == 0).mean() > 0.8


def test_seeds_repeat_and_models_can_be_copied(table, model):
    expected = model.sample(20, random_state=0)
    pd.testing.assert_frame_equal(model.sample(20, random_state=0), expected)
    again = clone(model).fit(table).sample(20, random_state=0)
    pd.testing.assert_frame_equal(again, expected)
    loaded = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(loaded.sample(20, random_state=0), expected)


def test_other_estimators_draw_by_replacement(table):
    small = CoarseScoreDiffusion(
        max_iter=100, width=32, depth=1, n_steps=5, scaling=None, random_state=0
    )
    for estimator in (small, EmpiricalScoreDiffusion(scaling=None, random_state=0)):
        model = SyntheticTable(estimator, random_state=0).fit(table[:200])
        drawn = model.sample(20, conditions={"city": "Cork"}, random_state=0)
        assert (drawn["city"] == "Cork").all()
        assert len(model.sample(15, random_state=0)) == 15


@pytest.mark.parametrize("asked", [-1.5, 0.0, 1.5])
def test_replacement_draws_from_about_the_exact_conditional_normal(asked):
    """Three correlated normal columns, the score of which is known in closed form.

    The bounds hold what 200 evaluations leave of bias, at most .1 of a deviation in the
    means and a quarter of the variances, and 5 standard errors of 4000 draws: fewer
    than 1 of 100 000 seeds fail. Without the condition means are off by up to 1.2.
    """
    covariance = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.0], [0.3, 0.0, 1.0]])

    def denoise(x, sigma):
        return x @ np.linalg.solve(covariance + sigma**2 * np.eye(3), covariance)

    given = np.full((4000, 3), np.nan)
    given[:, 0] = asked
    x = draw_by_replacement(denoise, given, 50.0, 0.01, np.random.default_rng(0))
    slope = covariance[1:, 0]
    exact = covariance[1:, 1:] - np.outer(slope, slope)
    found = np.cov(x[:, 1:].T)
    np.testing.assert_array_equal(x[:, 0], asked)
    error = 5 * np.sqrt(exact.diagonal() / len(x))
    bias = np.abs(x[:, 1:].mean(axis=0) - asked * slope)
    assert (bias < 0.1 * abs(asked) + error).all()
    shares = found.diagonal() / exact.diagonal()
    assert (shares > 0.75 - 0.1).all()
    assert (shares < 1 + 0.1).all()
    # Given the first column the others differ in sign.
    assert -0.28 < found[0, 1] < -0.14


def test_other_estimators_draw_about_the_exact_conditional_normal():
    """The same of a fitted score; fewer than 1 of 10 000 seeds fail by chance.

    Exact are the mean .8 x and the deviation .6; the bias is about .1 of each.
    """
    rng = np.random.default_rng(0)
    x = rng.normal(size=600)
    rows = pd.DataFrame({"x": x, "y": 0.8 * x + 0.6 * rng.normal(size=600)})
    estimator = EmpiricalScoreDiffusion(coarseness=4, scaling=None, random_state=0)
    model = SyntheticTable(estimator, random_state=0).fit(rows)
    for asked in (-1.5, 1.5):
        y = model.sample(400, conditions={"x": asked}, random_state=0)["y"]
        assert abs(y.mean() - 0.8 * asked) < 0.3
        assert abs(y.std() - 0.6) < 0.15


def test_an_estimator_of_scikit_learn_draws_without_conditions(table):
    model = SyntheticTable(GaussianMixture(3, random_state=0)).fit(table[:300])
    assert len(model.sample(10, random_state=0)) == 10
    with pytest.raises(TypeError, match="GaussianMixture"):
        model.sample(10, conditions={"member": True})


def test_score_ranks_tables(table, model):
    fresh = make_mixed_table(300, random_state=5)
    mixed = fresh.copy()
    mixed["spending"] = fresh["spending"].sample(frac=1, random_state=0).to_numpy()
    assert model.score(fresh) > model.score(mixed)
    assert model.score_samples(fresh[:7]).shape == (7,)


def test_digits_are_drawn_as_whole_numbers_and_not_copied():
    X = pd.DataFrame(load_digits().data).rename(columns=str)
    train, held_out = train_test_split(X, test_size=0.5, random_state=0)
    drawn = SyntheticTable(random_state=0).fit(train).sample(898, random_state=0)
    sets = (drawn.to_numpy(), train.to_numpy(), held_out.to_numpy())
    assert (sets[0] == sets[0].round()).all()
    assert metrics.excess_memorization(*sets) < 0.03
    # A continuous generator scores 1.
    assert metrics.two_sample_auc(*sets, random_state=0) <= 0.8


@pytest.mark.parametrize(
    ("conditions", "says"),
    [
        ({"nation": "Utopia"}, "nation"),
        ({"city": "Atlantis"}, "Atlantis"),
        ({"age": 400}, "400"),
        ({"age": 30.5}, "'age'.*nearest is 30"),
        ({"age": "old"}, "'age'.*no finite number"),
        ({"age": None}, "age"),
        ({"country": "Erewhon"}, "Erewhon"),
    ],
    ids=str,
)
def test_conditions_that_cannot_hold(model, conditions, says):
    with pytest.raises(ValueError, match=says):
        model.sample(5, conditions=conditions)


@pytest.mark.parametrize("conditions", [["age"], "age", 30, [], ""])
def test_conditions_are_a_dict(model, conditions):
    with pytest.raises(TypeError, match="must be a dict of values by column"):
        model.sample(5, conditions=conditions)


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        ("2021-03-04 05:00", "whole multiples of 1 days"),
        ("1999-01-01", "outside the range"),
        ("soon", "no moment"),
    ],
)
def test_moments_that_cannot_be(moment, says):
    days = pd.date_range("2021-01-01", periods=200)
    table = pd.DataFrame({"day": days, "level": np.linspace(0, 1, 200) ** 2})
    with pytest.raises(ValueError, match=says):
        SyntheticTable().fit(table).sample(5, conditions={"day": moment})


def test_tables_that_cannot_be_learned(table):
    with pytest.raises(ValueError, match="no two differ"):
        SyntheticTable().fit(table[:1])
    with pytest.raises(TypeError, match="DataFrame"):
        SyntheticTable().fit(np.zeros((5, 2)))
    with pytest.raises(ValueError, match="empty"):
        SyntheticTable().fit(table[:0])


def test_impute_names_the_columns_that_are_not_there(table, model):
    with pytest.raises(ValueError, match="'age'"):
        model.impute(table.drop(columns="age"))
    turned = table[table.columns[::-1]]
    pd.testing.assert_frame_equal(
        model.impute(turned, random_state=0)[table.columns],
        model.impute(table, random_state=0),
    )


def test_impute_checks_every_row_and_casts_every_column(table, model):
    holes = table.astype({"age": float, "city": object, "member": object})
    holes.loc[3, "income"] = np.nan
    found = model.impute(holes, random_state=0)
    assert (found.dtypes == table.dtypes).all()
    # Not in the row that has the hole.
    broken = holes.copy()
    broken.loc[0, "city"] = "Atlantis"
    with pytest.raises(ValueError, match=r"'city'.*Atlantis"):
        model.impute(broken)
    whole = table.astype({"age": float, "city": object})
    whole["rating"] = 3.0
    assert (model.impute(whole).dtypes == table.dtypes).all()
    whole.loc[0, "city"] = "Atlantis"
    with pytest.raises(ValueError, match=r"'city'.*Atlantis"):
        model.impute(whole)
    with pytest.raises(ValueError, match=r"'age' holds 2\.5"):
        model.impute(holes.assign(age=holes["age"].where(holes.index > 0, 2.5)))


def test_numbers_that_do_not_fit_the_dtype_are_named():
    table = pd.DataFrame(
        {"x": np.arange(100, dtype=np.int8), "y": np.linspace(0, 1, 100)}
    )
    model = SyntheticTable(random_state=0).fit(table)
    with pytest.raises(ValueError, match="'x' does not fit int8"):
        model.impute(table.astype({"x": int}).assign(x=300))


def test_impute_of_no_rows_is_a_table_of_no_rows(table, model):
    found = model.impute(table[:0])
    assert len(found) == 0
    assert (found.dtypes == table.dtypes).all()
    with pytest.raises(ValueError, match="'age'"):
        model.impute(table[:0].drop(columns="age"))


@pytest.mark.parametrize("value", [1, 1.0, np.True_, np.int64(1)])
def test_numbers_stand_for_truth_values_in_conditions(model, value):
    drawn = model.sample(5, conditions={"member": value}, random_state=0)
    assert drawn["member"].tolist() == [True] * 5


def test_conditions_are_shown_without_the_types_of_numpy(model):
    with pytest.raises(ValueError, match=r"\{'age': 400\}"):
        model.sample(5, conditions={"age": np.int64(400)})


def test_a_time_zone_in_a_condition_is_refused_where_the_column_has_none(model):
    moment = pd.Timestamp("2020-02-01", tz="UTC")
    with pytest.raises(ValueError, match=r"'joined'.*has a time zone"):
        model.sample(5, conditions={"joined": moment})
