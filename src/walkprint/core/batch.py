"""What goes into a network and what comes out: rectangular batches, no length vector."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey


@dataclass(frozen=True, slots=True, eq=False)
class ClipBatch:
    """Clips of one length.

    Attributes:
        frames: uint8 (batch, time, channel, height, width); stays uint8 until it is on the device.
        subjects: int64 (batch,), the class index of each clip's subject; -1 where it is not a training subject.
        keys: one per clip.

    Raises:
        DataError: the three do not agree.
    """

    frames: Tensor
    subjects: Tensor
    keys: Sequence[SequenceKey]

    def __post_init__(self) -> None:
        if self.frames.ndim != 5 or self.frames.dtype != torch.uint8:
            raise DataError(
                f"clip batch: frames are {self.frames.dtype} {tuple(self.frames.shape)}, "
                "expected uint8 (batch, time, channel, height, width)"
            )
        if self.subjects.dtype != torch.int64 or self.subjects.shape != self.frames.shape[:1]:
            raise DataError(
                f"clip batch: subjects are {self.subjects.dtype} {tuple(self.subjects.shape)}, "
                f"expected int64 ({self.frames.shape[0]},)"
            )
        if len(self.keys) != self.frames.shape[0]:
            raise DataError(f"clip batch: {len(self.keys)} keys for {self.frames.shape[0]} clips")

    def __len__(self) -> int:
        """How many clips it holds."""
        return int(self.frames.shape[0])

    def to(self, device: torch.device | str) -> "ClipBatch":
        """The same batch with its tensors on `device`."""
        return replace(
            self,
            frames=self.frames.to(device, non_blocking=True),
            subjects=self.subjects.to(device, non_blocking=True),
        )

    def slice(self, start: int, stop: int) -> "ClipBatch":
        """The clips from `start` up to, not including, `stop`."""
        return ClipBatch(self.frames[start:stop], self.subjects[start:stop], self.keys[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class GaitOutput:
    """What every network returns.

    Attributes:
        embeddings: (batch, part, feature); part is 1 for networks with a single vector. What recognition compares.
        logits: (batch, part, subject) before any scale of the loss, or None for networks without a classifier.
    """

    embeddings: Tensor
    logits: Tensor | None = None
