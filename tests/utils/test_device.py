"""The parameter `device`."""

import pytest
import torch

from manidiff._utils.device import resolve_device


def test_auto_takes_what_there_is():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_devices_are_taken_by_name_or_as_they_are(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "", "cuda:999", "cpu:x", None])
def test_unavailable_devices_are_refused_by_name(device):
    with pytest.raises(ValueError, match=r"device=.* not available.*device='cpu'"):
        resolve_device(device)
