"""The people of the cloth study: rendered, or recorded ones in a packed store, of whose coats most are left out."""

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.data.packed import Packed
from walkprint.studies.recognition import rendered_people

_SIZE_PX = 64
_OF_RENDERED_PEOPLE = ("re-rendered", "recorded-fresh")


def all_people(people: Mapping[str, Any], out: Path) -> Packed:
    """The people with all their coats.

    Args:
        people: the arguments of `Walkers`; or `store`, the folder of a packed one.
        out: the study's folder.
    """
    return Packed(people["store"]) if "store" in people else rendered_people(people, out)


@cache
def numbers_of_people(store: Path) -> tuple[int, int]:
    """How many people of a store train and test.

    Raises:
        DataError: it is no packed store.
        RecipeError: its frames have another size, or its people were not recorded in normal walking and in coats.
    """
    people = Packed(store)
    height, conditions = people.store().height_px, {key.condition for key in people.keys("train")}
    if height != _SIZE_PX or not {"nm", "cl"} <= conditions:
        raise RecipeError(
            f"study: {store}: frames of {height} px, training people in {', '.join(sorted(conditions))}; expected "
            f"{_SIZE_PX} px, nm and cl among the conditions"
        )
    return len(people.subjects("train")), len(people.subjects("test"))


def check_variants(variants: Collection[str]) -> None:
    """Refuse variants that only rendering can make.

    Raises:
        RecipeError: names them.
    """
    if found := [one for one in variants if one.startswith(_OF_RENDERED_PEOPLE)]:
        raise RecipeError(f"study: {', '.join(found)}: only of rendered people; leave out with store")
