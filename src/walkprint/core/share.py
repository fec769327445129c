"""A job's share of work that several jobs divide."""

import re
from collections.abc import Sequence
from typing import TypeVar

from walkprint.core.errors import RecipeError

Share = tuple[int, int]
"""(i, n): the i-th of n shares, counted from 0."""

Item = TypeVar("Item")


def parse_share(text: str) -> Share:
    """The share that "i/n" spells.

    Raises:
        RecipeError: the text is something else, or there is no such share.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    share = (int(found[1]), int(found[2])) if found else (0, 0)
    return check_share(share, text)


def check_share(share: Share, written: str | None = None) -> Share:
    """The share itself.

    Raises:
        RecipeError: there is no such share.
    """
    number, count = share
    if not 0 <= number < count:
        raise RecipeError(f"share is {written or f'{number}/{count}'}; expected i/n from 0/n to n-1/n, e.g. 0/4")
    return share


def share_of(items: Sequence[Item], share: Share) -> list[Item]:
    """Every n-th item from the i-th on.

    Raises:
        RecipeError: there is no such share.
    """
    number, count = check_share(share)
    return list(items[number::count])
