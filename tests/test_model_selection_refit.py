import copy
import pickle

import numpy as np
import pytest

from manidiff.model_selection import refit_novel


def cv_results(excess, fidelity, name="energy_distance"):
    """Return what a search gives for values (n_candidates, n_folds)."""
    excess, fidelity = np.asarray(excess, float), np.asarray(fidelity, float)
    results = {"params": [{"coarseness": i} for i in range(len(excess))]}
    for i, column in enumerate(excess.T):
        results[f"split{i}_test_excess_memorization"] = -column
    for i, column in enumerate(fidelity.T):
        results[f"split{i}_test_{name}"] = column
    return results


ONE_FOLD = cv_results([[0.9], [0.021], [0.02], [0.0]], [[-1], [-2], [-3], [-4]])


def test_the_most_faithful_of_those_within_the_limit_is_taken():
    assert refit_novel()(ONE_FOLD) == 2
    assert refit_novel(0.5)(ONE_FOLD) == 1
    assert refit_novel(1.0)(ONE_FOLD) == 0
    assert refit_novel(0.01)(ONE_FOLD) == 3


def test_fidelity_may_be_another_score():
    results = cv_results([[0.0], [0.0]], [[1], [2]], name="score")
    assert refit_novel(fidelity="score")(results) == 1


def test_a_mean_above_the_limit_is_not_excused_by_its_error():
    # The standard error of the mean, .04, is .02: it lies anywhere from .02 to .06.
    results = cv_results([[0.02, 0.06], [0.0, 0.0]], [[-1, -1], [-2, -2]])
    assert refit_novel(0.0401)(results) == 0
    assert refit_novel(0.0399)(results) == 1


def test_candidates_that_failed_are_passed_over():
    nan = np.nan
    assert refit_novel()(cv_results([[nan], [0], [0]], [[0], [nan], [-1]])) == 2
    with pytest.raises(ValueError, match="No candidate has scores"):
        refit_novel()(cv_results([[nan], [nan]], [[nan], [nan]]))


def test_nothing_is_taken_where_all_copy():
    results = cv_results([[0.9, 0.9], [0.4, 0.6]], [[-1, -1], [-2, -2]])
    with pytest.raises(ValueError, match=r"0\.5 ± 0\.1, of \{'coarseness': 1\}"):
        refit_novel()(results)


def test_a_missing_score_is_named():
    with pytest.raises(ValueError, match="no score 'precision'"):
        refit_novel(fidelity="precision")(ONE_FOLD)
    with pytest.raises(ValueError, match="no score 'excess_memorization'"):
        refit_novel()({"params": [], "split0_test_energy_distance": []})


@pytest.mark.parametrize("limit", ["0.02", True, 1.5, np.nan])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match=f"max_excess_memorization={limit!r}"):
        refit_novel(limit)


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_the_rule_survives_clone_and_pickle(copied):
    assert copied(refit_novel())(ONE_FOLD) == 2
