"""The errors of reading and writing files."""

from os import PathLike
from typing import Any


class FileFormatError(ValueError):
    """A file is not one that `save` wrote, or not as it was written.

    Parameters
    ----------
    path : str or path-like
        The file.
    problem : str
        What is wrong with it.
    remedy : str
        What to do.

    Examples
    --------
    >>> from manidiff.persistence import FileFormatError
    >>> print(FileFormatError("model.manidiff", "it is empty", "Save it again."))
    'model.manidiff' cannot be loaded: it is empty. Save it again.
    """

    def __init__(self, path: str | PathLike[str], problem: str, remedy: str) -> None:
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        """Name the file, the problem and the remedy."""
        return f"{str(self.path)!r} cannot be loaded: {self.problem}. {self.remedy}"


class MalformedError(ValueError):
    """What was read, or is to be written, is not what a file may hold."""


def require(condition: Any, problem: str) -> None:
    """Raise `MalformedError` with the problem unless the condition holds."""
    if not condition:
        raise MalformedError(problem)
