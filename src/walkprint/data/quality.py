"""What was seen of the quality of frames while a store was made, in words."""

from collections.abc import Mapping
from typing import Any

from walkprint.core.summary import counted

LOOKED_AT = "looked at"
NOBODY_TESTS = "all subjects train by this split, none is left to test"
_IN_WORDS = {
    "specks": "specks beside the person",
    "two people?": "two large pieces in one mask (two people?)",
    "cut": "a person cut by the border of the frame",
}


def doubtful_shares(doubtful: Mapping[str, int]) -> list[str]:
    """A line for each thing that is odd about kept frames.

    Args:
        doubtful: what is odd -> how many frames, of those "looked at".
    """
    looked_at = doubtful.get(LOOKED_AT, 0)
    return [
        f"doubtful: {count:,} of {looked_at:,} frames looked at ({100 * count / looked_at:.1f} %), "
        f"{_IN_WORDS.get(what, what)}"
        for what, count in sorted(doubtful.items())
        if what != LOOKED_AT and looked_at
    ]


def quality(meta: Mapping[str, Any]) -> str:
    """One line on the frames of a store: how many, which were left out and why, which are doubtful.

    Args:
        meta: `meta.json` of the store.
    """
    dropped, empty = dict(meta.get("dropped", {})), meta.get("empty", [])
    parts = [f"{counted(meta.get('sequences', 0), 'sequence')}, {counted(meta.get('frames', 0), 'frame')}"]
    if dropped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))
        parts.append(f"left out: {counted(sum(dropped.values()), 'frame')} ({reasons})")
    if empty:
        parts.append(f"without a usable frame: {counted(len(empty), 'sequence')}")
    return "; ".join([*parts, *doubtful_shares(meta.get("doubtful", {}))])
