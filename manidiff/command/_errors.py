"""Errors of one line."""

import torch


class CommandError(Exception):
    """What the command cannot do, in one line for its user."""


def checked(call, *args, where="", **kwargs):
    """Call, and turn an error about the data into one line.

    Parameters
    ----------
    call : callable
        What to call.
    *args, **kwargs
        What to call it with.
    where : str, default=""
        What the error is in, such as a file.

    Raises
    ------
    CommandError
        If the call raises an error that its arguments are to blame for.
    """
    try:
        return call(*args, **kwargs)
    except torch.linalg.LinAlgError as error:
        raise CommandError(
            f"{_prefix(where)}the rows are too alike or too far apart to compute with: "
            f"{first_line(error)}"
        ) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise CommandError(_prefix(where) + " ".join(str(error).split())) from error


def is_out_of_memory(error):
    """Return whether an error says that memory cannot be had."""
    return isinstance(error, MemoryError) or "can't allocate memory" in str(error)


def first_line(error):
    """Return the first line of what an error says."""
    return str(error).strip().splitlines()[0] if str(error).strip() else repr(error)


def _prefix(where):
    return f"{where}: " if where else ""
