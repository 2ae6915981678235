"""Tables as numbers and back."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from manidiff.datasets import make_mixed_table
from manidiff.tabular import TableEncoder


@pytest.fixture(scope="module")
def table():
    return make_mixed_table(400, random_state=0)


def test_a_table_comes_back_as_it_was(table):
    encoder = TableEncoder().fit(table)
    Z = encoder.transform(table)
    assert Z.shape == (400, encoder.n_features_out_)
    assert np.isfinite(Z).all()
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(Z), table.reset_index(drop=True)
    )


def test_each_column_is_a_step_of_a_column_transformer(table):
    labels = dict(zip(table.columns, [1, ("a", 2), *table.columns[2:]], strict=True))
    encoder = TableEncoder().fit(table.rename(columns=labels))
    steps = encoder.transformer_.named_transformers_
    assert [step.name for step in steps.values()] == list(labels.values())
    widths = [part.stop - part.start for _, part in encoder.parts()]
    assert widths == [step.width_ for step in steps.values()]
    np.testing.assert_array_equal(
        encoder.transform(table.rename(columns=labels)), encoder.fit_transform(table)
    )


@pytest.mark.parametrize("scale", [0.1, 3.0, 1e6])
def test_any_numbers_decode_to_valid_rows(table, scale):
    encoder = TableEncoder().fit(table)
    noise = np.random.default_rng(0).normal(size=(500, encoder.n_features_out_))
    found = encoder.inverse_transform(scale * noise)
    assert (found.dtypes == table.dtypes).all()
    assert list(found.columns) == list(table.columns)
    for name in ("age", "visits", "spending", "income", "loyalty", "joined"):
        assert found[name].min() >= table[name].min()
        assert found[name].max() <= table[name].max()
    assert found["rating"].dropna().isin(table["rating"]).all()
    assert found["city"].isin(table["city"].unique()).all()
    assert found["education"].cat.ordered
    assert (found["country"] == table["country"].iloc[0]).all()
    cents = 100 * found["income"]
    np.testing.assert_allclose(cents, cents.round(), atol=1e-4)


def test_missing_values_have_a_flag_of_their_own(table):
    encoder = TableEncoder().fit(table[["rating"]])
    Z = encoder.transform(table[["rating"]])
    assert Z.shape[1] == 2
    missing = table["rating"].isna().to_numpy()
    assert np.unique(Z[missing, 1]).size == 1
    assert set(Z[missing, 1]).isdisjoint(Z[~missing, 1])
    assert (encoder.inverse_transform(Z)["rating"].isna() == missing).all()


def test_columns_may_come_in_another_order(table):
    encoder = TableEncoder().fit(table)
    turned = table[table.columns[::-1]]
    np.testing.assert_array_equal(encoder.transform(turned), encoder.transform(table))


def test_kinds_can_be_given_and_are_printed(capsys):
    table = pd.DataFrame({"grade": [1, 2, 3, 2], "day": ["2020-01-01"] * 3 + [None]})
    TableEncoder({"grade": "categorical"}, verbose=1).fit(table)
    printed = capsys.readouterr().out
    assert "grade: categorical, 3 values" in printed
    kinds = TableEncoder({"grade": "categorical"}).fit(table).column_kinds_
    assert kinds["grade"] == "categorical"


@pytest.mark.parametrize(
    "dtype", ["int8", "int64", "Int64", "float32", "Float64", "bool", "boolean"]
)
def test_dtypes_are_restored(dtype):
    values = np.random.default_rng(0).integers(0, 2, size=40)
    table = pd.DataFrame({"x": pd.Series(values).astype(dtype), "y": range(40)})
    encoder = TableEncoder().fit(table)
    found = encoder.inverse_transform(encoder.transform(table))
    pd.testing.assert_frame_equal(found, table)


def test_clone_and_two_fits_agree(table):
    encoder = TableEncoder(column_types={"age": "numeric"}).fit(table)
    again = clone(encoder).fit(table)
    np.testing.assert_array_equal(again.transform(table), encoder.transform(table))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda t: t.iloc[:0], "empty"),
        (lambda t: t.assign(age=np.nan), "'age'"),
        (lambda t: pd.concat([t, t[["age"]]], axis=1), "several columns named"),
        (lambda t: t.assign(name=[f"n{i}" for i in range(len(t))]), "'name'"),
        (lambda t: t.assign(age=np.where(t.index > 0, t["age"], np.inf)), "'age'"),
        (lambda t: t.assign(age=2**60 + t.index), r"'age'.* 2\*\*53"),
    ],
    ids=["no rows", "no value", "twice", "identifiers", "infinite", "huge"],
)
def test_tables_that_cannot_be_encoded(table, broken, says):
    with pytest.raises(ValueError, match=says):
        TableEncoder().fit(broken(table))


@pytest.mark.parametrize(
    ("dtype", "remedy"),
    [
        ("timestamp[ns][pyarrow]", "datetime64[ns]"),
        ("timestamp[us, tz=Europe/Paris][pyarrow]", "datetime64[ns, Europe/Paris]"),
        ("date32[day][pyarrow]", "datetime64[ns]"),
    ],
)
def test_moments_of_pyarrow_are_refused_with_a_remedy(dtype, remedy):
    zone = "Europe/Paris" if "Paris" in dtype else None
    moments = pd.Series(pd.date_range("2021-01-01", periods=30, tz=zone))
    table = pd.DataFrame({"when": moments.astype(dtype)})
    says = rf"Column 'when' has dtype {re.escape(dtype)}.*{re.escape(remedy)}"
    with pytest.raises(ValueError, match=says):
        TableEncoder().fit(table)
    TableEncoder().fit(table.astype(remedy))


@pytest.mark.parametrize("dtype", ["float32", "Float32", "float[pyarrow]"])
def test_decimals_of_narrow_floats_are_kept(dtype):
    rng = np.random.default_rng(0)
    prices = pd.Series(rng.gamma(2.0, 10.0, size=300).round(2)).astype(dtype)
    table = pd.DataFrame({"price": prices})
    encoder = TableEncoder().fit(table)
    again = encoder.inverse_transform(encoder.transform(table))
    pd.testing.assert_frame_equal(again, table)
    drawn = encoder.inverse_transform(rng.normal(size=(200, 1)))["price"]
    assert drawn.dtype == prices.dtype
    assert not drawn.isin(prices).all()
    np.testing.assert_array_equal(drawn, drawn.astype(float).round(2).astype(dtype))


@pytest.mark.parametrize("value", [13.27, np.float32(13.27)])
def test_conditions_meet_narrow_floats(value):
    prices = [*np.linspace(1, 20, 191).round(2).tolist(), 13.27]
    table = pd.DataFrame({"price": prices, "other": range(192)})
    encoder = TableEncoder().fit(table.astype({"price": "float32"}))
    encoded = encoder.encode_conditions({"price": value})
    row = encoder.transform(table.astype({"price": "float32"}))[-1]
    assert np.ravel(encoded)[0] == row[0]
    with pytest.raises(ValueError, match="more than the 2 decimals"):
        encoder.encode_conditions({"price": 13.271})
    with pytest.raises(ValueError, match="no finite number"):
        encoder.encode_conditions({"price": pd.Timestamp("2021-01-01")})


def test_arrays_are_refused(table):
    with pytest.raises(TypeError, match="DataFrame"):
        TableEncoder().fit(np.zeros((5, 2)))


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda t: t.drop(columns=["age", "city"]), r"\['age', 'city'\]"),
        (lambda t: t.assign(extra=1), r"\['extra'\]"),
        (lambda t: t.assign(city="Atlantis"), "Atlantis"),
        (lambda t: t.assign(income=np.nan), "'income'"),
    ],
    ids=["absent", "unknown", "category", "missing"],
)
def test_other_tables_are_refused(table, broken, says):
    with pytest.raises(ValueError, match=says):
        TableEncoder().fit(table).transform(broken(table))


def test_unknown_kinds_are_refused(table):
    with pytest.raises(ValueError, match="'size'"):
        TableEncoder({"size": "numeric"}).fit(table)
    with pytest.raises(ValueError, match="'whole'"):
        TableEncoder({"age": "whole"}).fit(table)


def test_values_beyond_the_ends_are_seen_as_such(table):
    encoder = TableEncoder().fit(table[["income"]])
    lowest, highest = table["income"].min(), table["income"].max()
    asked = [lowest - 1e5, lowest, highest, highest + 1e5, highest + 2e5]
    Z = encoder.transform(pd.DataFrame({"income": asked}))[:, 0]
    steps = np.diff(Z)
    assert (steps > 0.5).all()
    assert steps[2] == pytest.approx(steps[3])
    back = encoder.inverse_transform(Z[:, None])["income"]
    assert list(back) == [lowest, lowest, highest, highest, highest]


def test_the_last_gap_has_no_say_in_what_lies_beyond():
    values = np.append(np.linspace(0, 1, 101), 1 + 1e-9)
    Z = TableEncoder().fit(pd.DataFrame({"x": values}))
    assert Z.transform(pd.DataFrame({"x": [1.1]}))[0, 0] < 4


@pytest.mark.parametrize(
    ("zone", "step", "n"),
    [
        ("Europe/Berlin", "D", 400),
        ("Europe/Berlin", "h", 9000),
        # Where the clocks change at midnight.
        ("America/Havana", "h", 9000),
    ],
)
def test_moments_in_a_zone_keep_their_hours(zone, step, n):
    moments = pd.date_range("2021-01-01", periods=n, freq=step, tz=zone)
    table = pd.DataFrame({"when": moments})
    encoder = TableEncoder().fit(table)
    pd.testing.assert_frame_equal(
        encoder.inverse_transform(encoder.transform(table)), table, check_freq=False
    )
    Z = np.random.default_rng(0).normal(size=(500, 1))
    drawn = encoder.inverse_transform(Z)["when"]
    assert drawn.isin(moments).all()


def test_moments_with_and_without_a_zone_are_not_mixed():
    days = pd.Series(pd.date_range("2021-01-01", periods=9), name="day").to_frame()
    aware = days.assign(day=days["day"].dt.tz_localize("Europe/Berlin"))
    with pytest.raises(ValueError, match=r"'day'.*tz_localize"):
        TableEncoder().fit(days).transform(aware)
    with pytest.raises(ValueError, match=r"'day'.*without a time zone"):
        TableEncoder().fit(aware).transform(days)


@pytest.mark.parametrize("values", [[True, 1, "a"], [False, 0, 2], [1, True, True]])
def test_truth_values_are_not_mixed_with_numbers(values):
    table = pd.DataFrame({"odd": pd.Series(values, dtype=object), "x": [1, 2, 3]})
    with pytest.raises(ValueError, match=r"'odd'.*equal"):
        TableEncoder().fit(table)


def test_constants_are_shown_without_the_types_of_numpy(capsys):
    table = pd.DataFrame({"seven": [7, 7], "x": [1, 2]})
    encoder = TableEncoder(verbose=1).fit(table)
    assert "always 7\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"is 7 in every row.*\[8\]"):
        encoder.transform(table.assign(seven=8))
