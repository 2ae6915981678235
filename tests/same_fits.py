"""Whether two fits of a network ended alike."""

import numpy as np
import torch


def without_seconds(history):
    return [{k: v for k, v in entry.items() if k != "seconds"} for entry in history]


def assert_same_fit(first, second):
    weights = [one.net_.module_.state_dict() for one in (first, second)]
    assert weights[0].keys() == weights[1].keys()
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name
    assert without_seconds(first.history_) == without_seconds(second.history_)
    np.testing.assert_array_equal(
        first.sample(9, random_state=0), second.sample(9, random_state=0)
    )
