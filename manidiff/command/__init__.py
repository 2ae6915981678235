"""The command ``manidiff``: synthetic tables without a line of Python."""

import os
import sys

from manidiff.command._actions import demo, evaluate, synthesize
from manidiff.command._arguments import make_parser
from manidiff.command._errors import CommandError, is_out_of_memory

ACTIONS = {"synthesize": synthesize, "evaluate": evaluate, "demo": demo}


def main(arguments=None):
    """Run the command.

    Parameters
    ----------
    arguments : list of str, default=None
        What follows the name of the command; None takes those of the process.

    Returns
    -------
    status : int
        0 after success, 1 if the data or a file is at fault or memory runs out, 130
        after Ctrl-C, 141 where nobody reads the output to its end. A wrong usage ends
        the process with 2.
    """
    asked = make_parser().parse_args(arguments)
    try:
        ACTIONS[asked.action](asked)
        sys.stdout.flush()
    except CommandError as error:
        return _fail(error)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return _fail("not enough memory; ask for fewer --rows, or pass a smaller table")
    except BrokenPipeError:
        _give_up_output()
        return 141
    except KeyboardInterrupt:
        print("manidiff: interrupted", file=sys.stderr)
        return 130
    return 0


def _fail(reason):
    print(f"manidiff: {reason}", file=sys.stderr)
    return 1


def _give_up_output():
    """Let Python close its outputs at the end without another error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
