"""How a file is refused."""

import pytest

import manidiff
from manidiff.persistence import FileFormatError


def header_end(raw):
    return 8 + int.from_bytes(raw[:8], "little")


def assert_refused(path, content, match=None):
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=match) as error:
        manidiff.load(path)
    assert str(path) in str(error.value)
    assert error.value.problem and error.value.remedy
    assert isinstance(error.value, ValueError)
