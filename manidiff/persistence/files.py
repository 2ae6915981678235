"""Whole files, read at once and written so that none is ever half there."""

import os
import secrets
import stat
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

from manidiff.persistence.errors import FileFormatError


def write_atomically(
    path: str | PathLike[str], parts: Iterable[bytes | memoryview]
) -> None:
    """Write the parts one after the other as the file at path.

    A process killed at any moment leaves the file as it was, or the whole new one; at
    worst a file `.name.*.tmp` stays beside it, which may be deleted.

    Parameters
    ----------
    path : str or path-like
        Where to write. A link is followed; the folder must exist. A file that is there
        keeps who may read and write it.
    parts : iterable of bytes-like
        The content.
    """
    # What replaces a file has to come from the same file system.
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    try:
        with open(draft, "xb", opener=_open_own if mode is not None else None) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(draft, mode)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def read_whole(path: str | PathLike[str]) -> bytes:
    """Return the content of a regular file.

    Raises
    ------
    OSError
        If there is no file, or it may not be read.
    FileFormatError
        If it is no regular file: reading a pipe might never end.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise FileFormatError(
            path, "it is not a regular file", "Pass the path that was saved to."
        )
    return Path(path).read_bytes()


def _open_own(path: str, flags: int) -> int:
    """Open a file that nobody else may read: the one it replaces may be private."""
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """Make the new name outlast a power failure, where folders can be synced."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
