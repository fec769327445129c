"""What every benchmark promises: a catalogue of sequences, clips on request, a split and its protocols."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from walkprint.core.errors import DataError
from walkprint.core.protocol import Protocol
from walkprint.core.sequence import Clip, SequenceKey

Split = Literal["train", "test"]


class GaitDataset(ABC):
    """Base of all benchmarks.

    Attributes:
        PROTOCOLS: the benchmark's protocols by name; the first is its default.
    """

    PROTOCOLS: ClassVar[Mapping[str, Protocol]]

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

    def keys(self, split: Split) -> list[SequenceKey]:
        """The catalogue's sequences of one side of the split."""
        admitted = set(self.subjects(split))
        return [key for key in self.catalogue() if key.subject in admitted]

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
