"""Who trains and who tests, as OpenGait's partition files say: JSON with TRAIN_SET and TEST_SET, lists of names.

Some list sequences as well, "0002-camid33_videoid2-seq0": a PROBE_SET, and every other sequence is in the gallery, or a
GALLERY_SET, and every other one is a probe.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol
from walkprint.core.yaml_json import parse_json


@dataclass(frozen=True, slots=True)
class Partition:
    """A split by names; subjects in neither set take no part.

    Attributes:
        train: names of the training subjects.
        test: names of the test subjects, none of them in both.
        protocol: what a list of sequences in the file means, named after the file; None without a list.
    """

    train: frozenset[str]
    test: frozenset[str]
    protocol: Protocol | None = None


def read_partition(path: str | Path) -> Partition:
    """The split in a partition file.

    Raises:
        RecipeError: the file is missing or no partition, or a name is there twice or in both sets.
        ProtocolError: a listed sequence is none.
    """
    try:
        found = parse_json(Path(path).read_text(encoding="utf-8"), Path(path).name)
    except (OSError, ValueError) as error:
        raise RecipeError(
            f"partition {path}: cannot be read ({error}); expected JSON with TRAIN_SET, TEST_SET"
        ) from error
    sets = [found.get(name) if isinstance(found, dict) else None for name in ("TRAIN_SET", "TEST_SET")]
    if not all(isinstance(one, list) and all(isinstance(name, str) for name in one) for one in sets):
        raise RecipeError(f"partition {path}: found something else; expected TRAIN_SET and TEST_SET, lists of names")
    train, test = (list(one or ()) for one in sets)
    for where, names in (("TRAIN_SET", train), ("TEST_SET", test), ("both sets", [*set(train), *set(test)])):
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            said = "is in both sets" if where == "both sets" else f"is in {where} twice"
            raise RecipeError(f"partition {path}: {twice[0]} {said} ({len(twice)} such names); each belongs once")
    return Partition(frozenset(train), frozenset(test), _listed_protocol(found, Path(path).stem.lower()))


def _listed_protocol(found: Mapping[str, Any], name: str) -> Protocol | None:
    listed = next((one for one in ("PROBE_SET", "GALLERY_SET") if one in found), None)
    if listed is None:
        return None
    those: dict[str, Any] = {"keys": found[listed]}
    rest = {"without": those}
    probes, gallery = (those, rest) if listed == "PROBE_SET" else (rest, those)
    return Protocol.from_dict({"name": name, "gallery": gallery, "probes": {"probe": probes}, "gallery_view": "all"})


def listed_protocols(partition: str | Path | None) -> dict[str, Protocol]:
    """The protocol in a partition file by its name; empty without file or list.

    Raises:
        RecipeError, ProtocolError: as of `read_partition`.
    """
    found = None if partition is None else read_partition(partition).protocol
    return {} if found is None else {found.name: found}


def choose_split(
    names: Sequence[str], train: int | Sequence[str] | None, partition: str | Path | None, where: str
) -> tuple[frozenset[str], frozenset[str] | None]:
    """Who trains, and who tests.

    Args:
        names: all subjects, sorted.
        train: see `choose_training`.
        partition: a partition file instead.
        where: what messages call the data.

    Returns:
        The training subjects, and the test subjects; None there stands for all others.

    Raises:
        RecipeError: both are given, subjects are not there, or the partition cannot be read or names none of them.
    """
    if partition is None:
        return choose_training(names, train, where), None
    if train is not None:
        raise RecipeError(f"{where}: both train and partition say who trains; leave one out")
    split = read_partition(partition)
    train_there, test_there = split.train & set(names), split.test & set(names)
    if not train_there | test_there:
        listed = min(split.train | split.test, default="no name")
        raise RecipeError(
            f"{where}: partition {partition} lists none of its {len(names)} subjects (it lists e.g. {listed}, the data "
            f"have e.g. {names[0]}); it belongs to other data"
        )
    return train_there, test_there


def choose_training(names: Sequence[str], train: int | Sequence[str] | None, where: str) -> frozenset[str]:
    """Who trains.

    Args:
        names: all subjects, sorted.
        train: the first so many, or their names; None for none.
        where: what messages call the data.

    Raises:
        RecipeError: subjects that are not there.
    """
    if isinstance(train, int):
        if not 0 <= train <= len(names):
            raise RecipeError(f"{where}: train is {train}, expected 0 to {len(names)}, the subjects that there are")
        return frozenset(names[:train])
    chosen = frozenset([train] if isinstance(train, str) else train or ())
    if unknown := sorted(chosen - set(names)):
        raise RecipeError(f"{where}: train names {', '.join(map(repr, unknown))}, not among its {len(names)} subjects")
    return chosen
