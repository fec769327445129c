"""What every benchmark promises: a catalogue of sequences, clips on request, a split and its protocols."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from walkprint.core.described import Described
from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store

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


class GaitDataset(Described, ABC):
    """Base of all benchmarks.

    Attributes:
        PROTOCOLS: the benchmark's protocols by name; the first is its default.
        LAYOUT: how its raw files lie, in words for messages; "" when it has none.
    """

    PROTOCOLS: ClassVar[Mapping[str, Protocol]]
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
    def protocols(self) -> Mapping[str, Protocol]:
        """The protocols of this benchmark as it was opened; by default those of its class."""
        return self.PROTOCOLS

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
        """Read one sequence and say what was left out of it; unlike `read`, damage is reported, not raised."""
        try:
            return Reading(self.read(key))
        except DataError as error:
            return Reading(None, {"unreadable sequence": 1}, (str(error),))

    def store(self) -> Store:
        """The packed store that training and evaluation read.

        Raises:
            DataError: this data set was not opened on a store.
        """
        raise DataError(
            f"{type(self).__name__}: not a packed store; write one with `walkprint prepare`, then open that folder"
        )

    def keys(self, split: Split) -> list[SequenceKey]:
        """The catalogue's sequences of one side of the split.

        Raises:
            DataError: generated takes would be tested, since the split is not that which they were made for.
        """
        admitted = set(self.subjects(split))
        found = [key for key in self.catalogue() if key.subject in admitted]
        if split == "test":
            self._refuse_generated(found)
        return found

    def _refuse_generated(self, keys: Sequence[SequenceKey]) -> None:
        try:
            generated = self.store().generated
        except DataError:  # raw data: nothing is
            return
        if made := [key for key in keys if key in generated]:
            raise DataError(
                f"{type(self).__name__}: {len(made)} generated sequences are among those of the test, say {made[0]}; "
                "open the store with the split that it was expanded with"
            )

    def check(self) -> None:
        """The one gate: the catalogue is sorted and unique, and the two sides of the split share nobody.

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
