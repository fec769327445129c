"""Advice to those who misspelled a name."""

import difflib
from collections.abc import Iterable


def nearest(written: str, names: Iterable[str]) -> str:
    """The advice to take the name that is spelled most alike, or nothing where none is alike."""
    near = difflib.get_close_matches(written, sorted(set(names) - {written}), 1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
