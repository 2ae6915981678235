"""The file: safetensors, with one JSON document in its metadata.

The document names the format, its version, the versions of the packages that wrote it,
and a SHA-256 of the whole file in which the digest itself counts as zeros.
"""

import hashlib
import json
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import version
from os import PathLike
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from manidiff.persistence.errors import FileFormatError, MalformedError, require

# Version 2 added attributes: the last layer that was fitted anew, pairs of networks and
# the order of many rows. Files of version 1 are read as those that have none.
FORMAT_VERSION = 2
# The key of the metadata that holds the document.
_KEY = "manidiff"
_LENGTH_BYTES = 8
# That of safetensors.
_MAX_HEADER = 100_000_000
_NO_DIGEST = "0" * hashlib.sha256().digest_size * 2
# The document is text inside a JSON text, where quotation marks are escaped; those of
# text inside the document are escaped twice.
_BEFORE_DIGEST = rb"\"sha256\":\""
_PACKAGES = ("numpy", "scikit-learn", "torch")
_DAMAGED = "Take it from a backup, or save the estimator again."
_FOREIGN = "Pass a file that was written by the method save of an estimator."


def pack(
    kind: str, content: Any, arrays: dict[str, np.ndarray]
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file that holds the content and the arrays.

    Parameters
    ----------
    kind : str
        What the content is.
    content : object
        What JSON can hold.
    arrays : dict of C-contiguous ndarrays
        By their names.
    """
    document = {
        "sha256": _NO_DIGEST,
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "versions": _versions(),
        "content": content,
    }
    text = json.dumps(document, separators=(",", ":"), allow_nan=False)
    whole = memoryview(safetensors.save(arrays, {_KEY: text}))
    start, end = _digest_place(whole)
    if start > _MAX_HEADER:
        raise MalformedError("the parameters and names take more than 100 MB")
    yield whole[:start]
    yield _digest(whole, start, end).encode()
    yield whole[end:]


def unpack(
    path: str | PathLike[str], raw: bytes, kind: str
) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the content and the arrays of a file of a kind, given its bytes.

    Raises
    ------
    FileFormatError
        If the bytes are not exactly those that `pack` made, or of a later format.
    """
    try:
        document = _document(raw)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(
            path,
            f"it is no file of manidiff, or its header is damaged: {error}",
            _FOREIGN,
        ) from error
    found = document.get("format_version")
    if type(found) is int and found > FORMAT_VERSION:
        raise FileFormatError(
            path,
            f"its format version is {found}, and the newest that this manidiff knows "
            f"is {FORMAT_VERSION}",
            "Upgrade manidiff.",
        )
    try:
        start, end = _digest_place(memoryview(raw))
        require(
            document["sha256"] == _digest(raw, start, end),
            "the checksum does not match the content",
        )
        require(
            type(found) is int and 1 <= found <= FORMAT_VERSION,
            f"format version {found!r} does not exist",
        )
        require(
            document["kind"] == kind,
            f"it holds {document['kind']!r} instead of {kind!r}",
        )
        return document["content"], safetensors.load(raw)
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise FileFormatError(path, f"it is damaged: {error}", _DAMAGED) from error


def _document(raw: bytes) -> dict[str, Any]:
    """Return the document in the header of the bytes of a file."""
    require(len(raw) > _LENGTH_BYTES, "it has no header")
    length = int.from_bytes(raw[:_LENGTH_BYTES], "little")
    require(
        length <= min(len(raw) - _LENGTH_BYTES, _MAX_HEADER),
        "its header does not end within it",
    )
    header = _parse(raw[_LENGTH_BYTES : _LENGTH_BYTES + length].decode())
    metadata = header.get("__metadata__")
    text = metadata.get(_KEY) if isinstance(metadata, dict) else None
    if not isinstance(text, str):
        raise MalformedError(f"its metadata has no entry {_KEY!r}")
    return _parse(text)


def _parse(text: str) -> dict[str, Any]:
    """Return the object that a JSON text holds, each of its keys once."""
    found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    require(isinstance(found, dict), "its JSON is no object")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    require(len(found) == len(pairs), "its JSON repeats a key")
    return found


def _refuse(constant: str) -> NoReturn:
    raise MalformedError(f"its JSON holds {constant}")


def _digest_place(whole: memoryview) -> tuple[int, int]:
    """Return where the digest begins and ends."""
    length = int.from_bytes(whole[:_LENGTH_BYTES], "little")
    header = bytes(whole[: _LENGTH_BYTES + length])
    start = header.find(_BEFORE_DIGEST)
    require(start >= 0, "it has no checksum")
    start += len(_BEFORE_DIGEST)
    return start, start + len(_NO_DIGEST)


def _digest(whole: bytes | memoryview, start: int, end: int) -> str:
    whole = memoryview(whole)
    digest = hashlib.sha256(whole[:start])
    digest.update(_NO_DIGEST.encode())
    digest.update(whole[end:])
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    # Nothing in the package may import the package itself, which is loaded by now.
    own = sys.modules["manidiff"].__version__
    others = {name: version(name) for name in _PACKAGES}
    return {"manidiff": own, "python": platform.python_version(), **others}
