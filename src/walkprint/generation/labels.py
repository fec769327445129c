"""Labels of frames: subject, condition and view, as names and as class indices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey

Factor = Literal["subject", "condition", "view"]
FACTORS: tuple[Factor, ...] = get_args(Factor)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Labels with one entry for each frame.

    Attributes:
        subjects, conditions, views: int64 (batch,), positions in the tuples of `LabelNames`.
    """

    subjects: Tensor
    conditions: Tensor
    views: Tensor

    def __len__(self) -> int:
        """Number of frames."""
        return int(self.subjects.shape[0])

    def __getitem__(self, rows: Tensor | slice) -> "Labels":
        """The labels of some frames."""
        return Labels(self.subjects[rows], self.conditions[rows], self.views[rows])

    def to(self, device: torch.device | str) -> "Labels":
        """The same labels on `device`."""
        return Labels(*(one.to(device, non_blocking=True) for one in (self.subjects, self.conditions, self.views)))

    def of(self, factor: Factor) -> Tensor:
        """The class indices of one factor, int64 (batch,)."""
        return {"subject": self.subjects, "condition": self.conditions, "view": self.views}[factor]

    @staticmethod
    def cat(labels: "Sequence[Labels]") -> "Labels":
        """Concatenates the labels of several batches."""
        return Labels(*(torch.cat([one.of(factor) for one in labels]) for factor in FACTORS))


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The classes of each factor; the class index is the position.

    Attributes:
        subjects, conditions, views: names, sorted and unique.
    """

    subjects: tuple[str, ...]
    conditions: tuple[str, ...]
    views: tuple[str, ...]

    @classmethod
    def of(cls, keys: Sequence[SequenceKey]) -> "LabelNames":
        """All names that occur in `keys`."""
        return cls(*(tuple(sorted({getattr(key, factor) for key in keys})) for factor in FACTORS))

    def names(self, factor: Factor) -> tuple[str, ...]:
        """The classes of one factor."""
        return {"subject": self.subjects, "condition": self.conditions, "view": self.views}[factor]

    def labels(self, keys: Sequence[SequenceKey]) -> Labels:
        """Class indices, one entry for each key.

        Raises:
            DataError: a name is unknown.
        """
        return Labels(*(self._indices(factor, keys) for factor in FACTORS))

    def _indices(self, factor: Factor, keys: Sequence[SequenceKey]) -> Tensor:
        place = {name: i for i, name in enumerate(self.names(factor))}
        for key in keys:
            if getattr(key, factor) not in place:
                raise DataError(
                    f"{key}: {factor} {getattr(key, factor)!r} is none of the {len(place)} that the generator knows "
                    f"({', '.join(list(place)[:5])}{', ...' if len(place) > 5 else ''}); train it on data that has it"
                )
        return torch.tensor([place[getattr(key, factor)] for key in keys], dtype=torch.int64)
