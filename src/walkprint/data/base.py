"""What every raw benchmark promises: a catalogue of sequences, clips on request, a split and its protocols."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey

Split = Literal["train", "test"]


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What came of reading one sequence.

    Attributes:
        clip: its usable frames, or None when there is none.
        dropped: why frames were left out -> how many.
        faults: one line for each thing that should have been readable and was not.
    """

    clip: Clip | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[str] = ()


class GaitDataset(ABC):
    """Base of all benchmarks as they are published, raw; `prepare` packs one, and `Packed` is what training reads.

    Attributes:
        PROTOCOLS: the benchmark's protocols by name; the first is its default. Without any, a packed store makes one
            from the recordings that it holds.
        LAYOUT: how its raw files lie, in words for messages; "" when it has none.
    """

    PROTOCOLS: ClassVar[Mapping[str, Protocol]] = {}
    LAYOUT: ClassVar[str] = ""

    @abstractmethod
    def catalogue(self) -> Sequence[SequenceKey]:
        """Every sequence there is, sorted and unique."""

    @abstractmethod
    def read(self, key: SequenceKey) -> Clip:
        """One sequence, aligned to the benchmark's frame size.

        Raises:
            DataError: there is no such sequence, or none of its frames can be used.
        """

    @abstractmethod
    def subjects(self, split: Split) -> Sequence[str]:
        """The subjects of one side of the split, sorted."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What decides how the frames look, as plain data: a store of other settings is another store."""
        return {}

    @property
    def place(self) -> str:
        """Where raw data is read from on this machine; "" when nowhere."""
        return ""

    def misplaced(self) -> Sequence[str]:
        """Files that look like frames but lie where the layout has none, below the root; no sequence holds them."""
        return ()

    def examine(self, key: SequenceKey) -> Reading:
        """Read one sequence and report what was left out of it; unlike `read`, damage is reported, not raised."""
        try:
            return Reading(self.read(key))
        except DataError as error:
            return Reading(None, {"unreadable sequence": 1}, (str(error),))

    def check(self) -> None:
        """The one gate: the catalogue is sorted and unique, and no subject is on both sides of the split.

        Raises:
            DataError: says which promise is broken.
        """
        keys = list(self.catalogue())
        name = type(self).__name__
        if not keys:
            raise DataError(f"{name}: no sequence found; check the folder and its layout")
        if keys != sorted(set(keys)):
            raise DataError(f"{name}: the catalogue is not sorted and unique")
        shared = set(self.subjects("train")) & set(self.subjects("test"))
        if shared:
            raise DataError(f"{name}: {', '.join(sorted(shared))} in both training and test subjects")


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
