"""The people of the cloth study: rendered, or recorded ones in a packed store, of whose coats most are left out."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median_low
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.data.packed import Packed
from walkprint.studies.recognition import WALKERS, rendered_people

_SIZE_PX = 64
_OF_RENDERED_PEOPLE = ("re-rendered", "recorded-fresh")


def all_people(people: Mapping[str, Any], out: Path) -> Packed:
    """The people with all their coats.

    Args:
        people: the arguments of `Walkers`; or `store`, the folder of a packed one, and its `fingerprint`.
        out: the study's folder.
    """
    return Packed(people["store"]) if "store" in people else rendered_people(people, out)


@dataclass(frozen=True, slots=True)
class RecordedPeople:
    """What a study knows of the people in a store.

    Attributes:
        coats: how many takes in a coat each training person has, in order of their names.
        test: how many people test.
        fingerprint: of the store.
        rendered: whether they are rendered people all the same.
    """

    coats: tuple[int, ...]
    test: int
    fingerprint: str
    rendered: bool


@cache
def recorded_people(store: Path) -> RecordedPeople:
    """The people of a store.

    Raises:
        DataError: it is no packed store.
        RecipeError: its frames have another size, or its people were not recorded in normal walking and in coats.
    """
    people = Packed(store)
    there, keys = people.store(), people.keys("train")
    conditions = {key.condition for key in keys}
    if there.height_px != _SIZE_PX or not {"nm", "cl"} <= conditions:
        raise RecipeError(
            f"study: {store}: frames of {there.height_px} px, training people in {', '.join(sorted(conditions))}; "
            f"expected {_SIZE_PX} px, nm and cl among the conditions"
        )
    worn = Counter(subject for subject, _ in {(key.subject, key.take) for key in keys if key.condition == "cl"})
    coats = tuple(worn[name] for name in people.subjects("train"))
    return RecordedPeople(coats, len(people.subjects("test")), there.fingerprint, people.benchmark in WALKERS)


def check_variants(variants: Collection[str], people: RecordedPeople, wanted: int) -> None:
    """Refuse variants that only rendering can make, and more coats than were recorded of most people who have any.

    Raises:
        RecipeError: names them.
    """
    if found := [one for one in variants if one.startswith(_OF_RENDERED_PEOPLE)]:
        raise RecipeError(f"study: {', '.join(found)}: only of rendered people; leave out with store")
    most = median_low([number for number in people.coats if number])
    if wanted > most and any(one.startswith("recorded") for one in variants):
        raise RecipeError(
            f"study: recorded: {wanted} takes in a coat wanted, but the store has {most} takes in a coat of each "
            f'person; set wanted={most}, and coats rarer than "2"'
        )
