"""Ctrl-C: noticed while a network trains, and said when the estimator is fitted."""

import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class CtrlC:
    """Whether the user has interrupted.

    skorch ends training at any KeyboardInterrupt and is silent, and its callbacks raise
    one to stop early: only the signal tells the user's from theirs.
    """

    def __init__(self) -> None:
        self.is_pressed = False


@contextmanager
def noticing_ctrl_c() -> Iterator[CtrlC]:
    """Give a `CtrlC` that knows of interruptions in the body."""
    noticed = CtrlC()
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread is interrupted, and may say what a signal does.
    is_main_thread = threading.current_thread() is threading.main_thread()
    if not callable(before) or not is_main_thread:
        yield noticed
        return

    def notice(number: int, frame: FrameType | None) -> Any:
        try:
            return before(number, frame)
        except KeyboardInterrupt:
            noticed.is_pressed = True
            raise

    signal.signal(signal.SIGINT, notice)
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, before)


def warn_of_interruption(
    n_iter: int, max_iter: int, history: list[dict[str, Any]]
) -> None:
    """Say that the user ended training; raise if that was in its first epoch."""
    if not history:
        raise KeyboardInterrupt
    warnings.warn(
        f"Training was interrupted after {n_iter} of {max_iter} steps. The estimator "
        "is fitted, with what it had learned by then.",
        UserWarning,
        stacklevel=3,
    )


def warn_of_interrupted_choice(final_step: str) -> None:
    """Say that the user ended the choice of what the score is frozen to."""
    warnings.warn(
        "The choice of the last step was interrupted, after training. The estimator is "
        f"fitted, with final_step_={final_step!r}, which may not be the best one. Fit "
        "again to have it chosen.",
        UserWarning,
        stacklevel=4,
    )
