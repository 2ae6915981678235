"""Leaves out the doctests that need what is not installed."""

from importlib.util import find_spec

collect_ignore = []
if find_spec("anonymeter") is None:
    collect_ignore.append("manidiff/metrics/_singling_out.py")
