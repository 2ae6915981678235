"""What the command understands."""

import argparse

_EPILOG = """\
Files are CSV or Parquet, by their suffix. Columns of text that are all ISO 8601 dates
are taken for dates.
"""


def make_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="manidiff", description="Synthetic rows of a table.", epilog=_EPILOG
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    synthesize = actions.add_parser(
        "synthesize",
        help="learn a table, write new rows, and say how good and how new they are",
        epilog=_EPILOG,
    )
    synthesize.add_argument("data", help="table to learn")
    synthesize.add_argument("output", help="table to write")
    synthesize.add_argument(
        "--rows", type=_count, help="rows to draw (default: as many as in the table)"
    )
    synthesize.add_argument(
        "--estimator",
        choices=("local", "coarse"),
        default="local",
        help="local: closed form, seconds, holds the rows (default); coarse: a network",
    )
    synthesize.add_argument(
        "--types",
        nargs="+",
        type=_pair,
        action=_ExtendPairs,
        default={},
        metavar="COLUMN=TYPE",
        help="numeric, categorical, ordered or datetime, where the dtype misleads",
    )
    synthesize.add_argument(
        "--set",
        nargs="+",
        type=_pair,
        action=_ExtendPairs,
        default={},
        metavar="COLUMN=VALUE",
        help="draw rows that have these values",
    )
    _add_common(synthesize)

    evaluate = actions.add_parser(
        "evaluate",
        help="compare a synthetic table with the real one",
        epilog=_EPILOG,
    )
    evaluate.add_argument("synthetic", help="table of generated rows")
    evaluate.add_argument("real", help="table that they were learned from")
    evaluate.add_argument(
        "--heldout",
        help="real rows that were not learned from (default: half of the real ones "
        "stand in, and copies of that half are not found)",
    )
    _add_common(evaluate)

    demo = actions.add_parser("demo", help="learn a table that is made up; no file")
    demo.add_argument("--rows", type=_count, default=1000, help="default: 1000")
    _add_common(demo, drop=False)
    return parser


class _ExtendPairs(argparse.Action):
    """Gather what columns are given; an option that is repeated adds to it."""

    def __call__(self, parser, namespace, values, option_string=None):
        # The default belongs to the parser, so it is not written to.
        given = dict(getattr(namespace, self.dest))
        for name, value in values:
            if given.setdefault(name, value) != value:
                raise argparse.ArgumentError(
                    self,
                    f"column {name!r} is given {given[name]!r} and {value!r}; leave "
                    "one of them out",
                )
        setattr(namespace, self.dest, given)


def _add_common(parser, *, drop=True):
    if drop:
        parser.add_argument(
            "--drop",
            nargs="+",
            action="extend",
            default=[],
            metavar="COLUMN",
            help="columns to leave out, such as names and identifiers",
        )
    parser.add_argument("--report", help="HTML page of all measures to write")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--seed", type=_seed, default=0, help="default: 0")
    parser.add_argument(
        "--quiet", action="store_true", help="do not say what is being done"
    )


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _seed(text):
    if not text.isdecimal() or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 0 to 2**32 - 1"
        )
    return int(text)


def _pair(text):
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form COLUMN=VALUE")
    return name, value
