"""Every metric states its range, direction, what fresh rows score, and its source."""

import inspect
import re

import pytest

from manidiff import metrics

NAMES = [name for name in metrics.__all__ if name not in {"SampleReport", "report"}]
DIRECTION = r"([Ll]ow|[Hh]igh)er is\s+better|(Nearest|nearest) to|[Hh]igher is more"
RANGE = (
    r"[Bb]etween \d|[Aa]t least 0|[Aa]t most|[Aa]bove 0|[Aa]ny number|range of the|to 1"
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "wanted",
    [DIRECTION, r"[Ff]resh\s+true\s+rows", "\nReferences\n----------\n"],
    ids=["direction", "fresh rows", "source"],
)
def test_docstrings_say(name, wanted):
    assert re.search(wanted, inspect.getdoc(getattr(metrics, name)))


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_state_the_range_of_what_is_returned(name):
    text = inspect.getdoc(getattr(metrics, name))
    returned = re.split(r"\n[A-Z]\w+\n-+\n", text.split("Returns\n-------\n")[1])[0]
    assert re.search(RANGE, returned)
