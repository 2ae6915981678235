"""Training that can go on after its process was killed."""

import os
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from manidiff._training_state import State, check_state
from manidiff.persistence.container import pack, unpack
from manidiff.persistence.errors import FileFormatError, MalformedError
from manidiff.persistence.files import read_whole, write_atomically
from manidiff.persistence.fingerprints import digest_of_weights, fingerprint
from manidiff.persistence.values import Decoder, Encoder

_KIND = "checkpoint"
_START = "starting weights"


class TrainingCheckpoint:
    """A file from which training goes on, if it is of the same fit.

    Parameters
    ----------
    path : str or path-like
        The file; it need not be there.
    made_of : dict of str
        What the fit is made of: data, parameters and chance. A file of anything else
        is refused.
    digest_now : callable
        Returns the digest of the weights that the estimator has.

    Attributes
    ----------
    is_needed : bool
        Whether training has not ended.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        made_of: Mapping[str, str],
        digest_now: Callable[[], str],
    ) -> None:
        self.path = path
        self.made_of = dict(made_of)
        self.digest_now = digest_now
        self.is_needed = True
        self._is_of_this_process = False

    def read(self) -> State | None:
        """Return the state of training that the file holds; None without a file.

        Raises
        ------
        FileFormatError
            If the file is no checkpoint, or not as it was written.
        ValueError
            If it is one of another fit, or could not be written.
        """
        self._check_place()
        if not os.path.exists(self.path):
            return None
        content, arrays = unpack(self.path, read_whole(self.path), _KIND)
        try:
            state = Decoder(arrays).decode(content["state"])
            check_state(state)
            others = self._others(content["made_of"], content.get("ended_with"))
        # Whatever a false file makes fail, it is the file that is wrong.
        except Exception as error:
            self.refuse(error)
        if others:
            raise ValueError(
                f"checkpoint={str(self.path)!r} was written by a fit with other "
                f"{', '.join(others)}. Fit as then to go on from it; delete it, or "
                "choose another path, to begin anew."
            )
        self._is_of_this_process = True
        return state

    def refuse(self, error: Exception) -> NoReturn:
        """Raise, as what the file holds is no state of the training at hand.

        Raises
        ------
        FileFormatError
            With the error as its cause.
        """
        problem = str(error) or type(error).__name__
        raise FileFormatError(
            self.path, f"what it holds is no checkpoint: {problem}", "Delete it."
        ) from error

    def write(self, state: State) -> None:
        """Keep a state in place of the one before, whole or not at all.

        Raises
        ------
        ValueError
            If something in it is no data.
        """
        encoder = Encoder()
        try:
            encoded = encoder.encode(state, "")
        except MalformedError as error:
            problem = str(error).lstrip(".")
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot keep training: {problem}. Let "
                "callbacks write only numbers, text and arrays of them into history_, "
                "use an optimizer and a module whose state is such data, or set "
                "checkpoint=None."
            ) from error
        content = {"made_of": self.made_of, "state": encoded}
        write_atomically(self.path, pack(_KIND, content, encoder.arrays))
        self._is_of_this_process = True

    def close(self) -> None:
        """Remove the file if training has ended; else note what it was left with."""
        if not self.is_needed:
            Path(self.path).unlink(missing_ok=True)
        elif self._is_of_this_process:
            # With warm_start=True the fit that goes on starts from there.
            content, arrays = unpack(self.path, read_whole(self.path), _KIND)
            content["ended_with"] = self.digest_now()
            write_atomically(self.path, pack(_KIND, content, arrays))

    def _check_place(self) -> None:
        """Raise unless a file can be there, before an epoch is lost."""
        target = Path(os.path.realpath(self.path))
        problem = None
        if target.is_dir():
            problem = "is a folder"
        elif not target.parent.is_dir():
            problem = "lies in a folder that does not exist"
        if problem is not None:
            raise ValueError(
                f"checkpoint={str(self.path)!r} {problem}. Pass the path of a file in "
                "a folder that exists."
            )

    def _others(self, found: Mapping[str, str], ended_with: str | None) -> list[str]:
        """Return what another fit was made of that is not the same here."""
        names = found.keys() | self.made_of.keys()
        if ended_with is not None and self.made_of.get(_START) == ended_with:
            names -= {_START}
        return sorted(n for n in names if found.get(n) != self.made_of.get(n))


def open_checkpoint(
    estimator: Any,
    arrays: Mapping[str, np.ndarray | None],
    rng: np.random.Generator,
) -> TrainingCheckpoint | None:
    """Return the checkpoint of an estimator whose training is to begin, if any.

    Parameters
    ----------
    estimator : estimator
        With a parameter `checkpoint`.
    arrays : dict of arrays
        What it is trained on.
    rng : numpy.random.Generator
        What the rest of the fit will draw from.

    Raises
    ------
    ValueError
        If nothing fixes what the fit draws.
    """
    if estimator.checkpoint is None:
        return None
    if estimator.random_state is None:
        raise ValueError(
            f"checkpoint={str(estimator.checkpoint)!r} needs random_state: without one "
            "a fit draws anew each time, and cannot go on where another ended. Set "
            "random_state to an int."
        )
    made_of = fingerprint(estimator, arrays, rng)

    def digest_now() -> str:
        return digest_of_weights(estimator.net_.module_.state_dict())

    if estimator.warm_start and hasattr(estimator, "net_"):
        made_of[_START] = digest_now()
    return TrainingCheckpoint(estimator.checkpoint, made_of, digest_now)
