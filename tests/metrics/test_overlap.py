"""Held-out rows that were used to fit are noticed, and chance is not blamed."""

import warnings

import numpy as np
import pandas as pd
import pytest

from manidiff.metrics import energy_distance, excess_memorization, report
from manidiff.metrics._overlap import count_shared


@pytest.fixture
def rows():
    return np.random.RandomState(0).normal(size=(400, 3))


def integers(n_values, n_features):
    return lambda rng, n: rng.randint(n_values, size=(n, n_features)).astype(float)


# Which rows fresh ones share with the training rows is chance. About 1 in 100 sets is
# taken for training rows: of 300 more than 14 would be with a probability of 1e-6.
@pytest.mark.parametrize(
    "draw",
    [
        integers(5, 3),
        integers(30, 2),
        integers(1000, 1),
        lambda rng, n: rng.zipf(2.0, size=(n, 2)).clip(max=1e6).astype(float),
        lambda rng, n: np.round(rng.normal(size=(n, 2)), 1),
    ],
    ids=["few", "some", "many", "heavy", "rounded"],
)
@pytest.mark.parametrize("n_heldout", [75, 300])
def test_equal_values_are_not_taken_for_training_rows(draw, n_heldout):
    rng = np.random.RandomState(0)
    alarms = sum(
        not count_shared(draw(rng, 75), draw(rng, n_heldout))[1] for _ in range(300)
    )
    assert alarms <= 14


@pytest.mark.parametrize("n_shared", [1, 5, 90])
def test_every_training_row_of_a_continuous_law_is_noticed(n_shared, rows):
    heldout = np.vstack([rows[:n_shared], rows[200:310]])
    assert count_shared(rows[:200], heldout) == (n_shared, False)
    # Also where training rows were repeated to weigh more.
    assert count_shared(np.repeat(rows[:200], 3, axis=0), heldout) == (n_shared, False)


def test_training_rows_are_noticed_among_rounded_values(rows):
    rounded = np.round(rows, 1)
    heldout = np.vstack([rounded[:90], rounded[200:310]])
    n_shared, by_chance = count_shared(rounded[:200], heldout)
    assert n_shared >= 90
    assert not by_chance


def test_half_a_set_of_training_rows_hides_nothing(rows):
    training, fresh = rows[:200], rows[200:]
    heldout = np.vstack([training[:90], fresh[:110]])
    generated = np.vstack([training[100:190], fresh[90:]])
    with pytest.warns(UserWarning, match="90 of 200 rows of X_heldout"):
        hidden = excess_memorization(generated, training, heldout)
    assert hidden < 0.1 < 0.4 < excess_memorization(generated, training, fresh)


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X.astype(np.float32),
        lambda X: X.astype(np.float16),
        lambda X: pd.DataFrame(X).astype({0: np.float32}),
        lambda X: X.astype(np.float32).astype(np.float64),
    ],
    ids=["single", "half", "one column", "there and back"],
)
def test_fewer_digits_do_not_hide_training_rows(change, rows):
    with pytest.warns(UserWarning, match="200 of 200 rows of X_heldout"):
        energy_distance(rows[200:], rows[:200], change(rows[:200]))
    with pytest.warns(UserWarning, match="200 of 200 rows of X_heldout"):
        energy_distance(rows[200:], change(rows[:200]), rows[:200])


def test_signs_of_zeros_do_not_hide_training_rows(rows):
    with pytest.warns(UserWarning, match="200 of 200 rows of X_heldout"):
        energy_distance(rows, rows[:200] * [0.0, 1, 1], rows[:200] * [-0.0, 1, 1])


def test_values_beyond_a_format_are_no_training_rows(rows):
    large = 1e200 * rows
    assert count_shared(large[:200], large[200:]) == (0, True)
    assert count_shared(large[:200], np.full((3, 3), 1e300)) == (0, True)
    assert count_shared(large[:200], np.full((3, 3), 0.0)) == (0, True)


def test_the_report_notes_shared_rows(rows):
    training = rows[:60]
    with pytest.warns(UserWarning, match="4 of 64 rows of X_heldout") as caught:
        found = report(
            rows[60:120],
            training,
            np.vstack([training[:4], rows[120:180]]),
            random_state=0,
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert found.notes[0].startswith("4 of 64 held-out rows are training rows, more")
    few = np.round(rows[:, :2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = report(few[:60], few[60:120], few[120:180], random_state=0)
    assert "held-out rows are training rows, as equal values" in found.notes[0]
