"""Singling out against copies, a binomial law and rows counted by hand."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from manidiff.datasets import make_torus
from manidiff.metrics import singling_out_attack

pytest.importorskip("anonymeter")


@pytest.fixture
def sets():
    X, _ = make_torus(600, random_state=0)
    return X[:150], X[150:300], X[300:]


def test_copies_are_singled_out_and_fresh_rows_are_not(sets):
    fresh, training, heldout = sets
    copies = singling_out_attack(training[:150], training, heldout, random_state=0)
    assert copies.risk > 0.9
    assert copies.low <= copies.risk <= copies.high
    found = singling_out_attack(fresh, training, heldout, random_state=0)
    assert found.low < 0.05
    assert found.train_rate < 0.1


def test_one_column_by_hand():
    # x <= 0, x >= 9 and x = 0, 5, 9 are true of one generated row each. All but x = 5
    # are true of one training row; x >= 9 and x = 0 are of one held-out row. Wilson's
    # estimate adds about two successes and two failures.
    generated, training = [[0.0], [5.0], [9.0]], [[0.0], [6.0], [9.0]]
    heldout = [[-1.0], [0.0], [9.5]]
    found = singling_out_attack(
        generated, training, heldout, n_columns=1, random_state=0
    )
    z2 = norm.ppf(0.975) ** 2
    rates = found.train_rate, found.heldout_rate
    np.testing.assert_allclose(rates, (np.array([4, 2]) + z2 / 2) / (5 + z2))


def test_intervals_of_fresh_rows_begin_at_nothing():
    n_runs = 60
    found = [
        singling_out_attack(
            *np.random.RandomState(seed).normal(size=(3, 100, 20)),
            n_attacks=100,
            random_state=seed,
        )
        for seed in range(n_runs)
    ]
    alarms = sum(result.low > 0 for result in found)
    # Intervals at 95 %, one side of which counts: more by chance one time in 10 000.
    assert alarms <= binom.ppf(1 - 1e-4, n_runs, 0.05)


@pytest.mark.parametrize("bad", [{"level": 1.0}, {"n_columns": 0}, {"n_attacks": 0}])
def test_bad_numbers_are_named(bad, sets):
    with pytest.raises(ValueError, match="{}={}".format(*next(iter(bad.items())))):
        singling_out_attack(*sets, **bad)
