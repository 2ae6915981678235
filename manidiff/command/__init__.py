"""The command ``manidiff``: synthetic tables without a line of Python."""

import sys

from manidiff.command._actions import demo, evaluate, synthesize
from manidiff.command._arguments import make_parser
from manidiff.command._files import CommandError

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
        0 after success, 1 if the data or a file is at fault, 130 after Ctrl-C. A wrong
        usage ends the process with 2.
    """
    asked = make_parser().parse_args(arguments)
    try:
        ACTIONS[asked.action](asked)
    except CommandError as error:
        print(f"manidiff: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("manidiff: interrupted, nothing was written", file=sys.stderr)
        return 130
    return 0
