"""What every raw benchmark promises: a catalogue of sequences, clips on request, a split and its protocols."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self

import numpy as np

from walkprint.core.described import Described
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
        doubtful: what is odd about frames that are kept -> how many of those that were looked at; see `masks.doubts`.
        looked_at: how many frames were looked at for that.
    """

    clip: Clip | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[str] = ()
    doubtful: Mapping[str, int] = field(default_factory=dict)
    looked_at: int = 0


class GaitDataset(Described, ABC):
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
    def protocols(self) -> Mapping[str, Protocol]:
        """The protocols by name, where a list of sequences or the recordings decide; else those of the class."""
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

    def unlisted(self) -> Sequence[str]:
        """Subjects that are there but belong to neither side of the split, so that the catalogue lacks them."""
        return ()

    def examine(self, key: SequenceKey) -> Reading:
        """Read one sequence and report what was left out of it; unlike `read`, damage is reported, not raised."""
        try:
            return Reading(self.read(key))
        except DataError as error:
            return Reading(None, {"unreadable sequence": 1}, (str(error),))

    def cleaned(self) -> Self:
        """The same data set, which cleans each mask while reading: its largest piece, with holes filled.

        Raises:
            RecipeError: there are no masks to clean.
        """
        raise RecipeError(f"{type(self).__name__}: there are no masks to clean; leave clean out")

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


def clip_of(frames: Sequence[Any], key: SequenceKey, frame_rate_hz: float | None = None) -> Clip | None:
    """A clip of frames of one size, uint8 (height, width) or (height, width, channel) each; None without frames."""
    if not frames:
        return None
    stacked = np.stack(frames)
    channels_first = stacked[:, None] if stacked.ndim == 3 else np.ascontiguousarray(stacked.transpose(0, 3, 1, 2))
    return Clip(channels_first, key, frame_rate_hz)
