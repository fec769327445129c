"""Suggestions for misspelled names."""

import difflib
from collections.abc import Iterable


def did_you_mean(written: str, names: Iterable[str]) -> str:
    """The suggestion of the most similar name, or "" where none is similar."""
    near = difflib.get_close_matches(written, sorted(set(names) - {written}), 1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
