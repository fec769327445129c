"""What goes into a network and what comes out: rectangular batches, no length vector."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

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
        recordings: int64 (batch, 3), codes of each clip's condition, take and view: equal codes for equal names.

    Raises:
        DataError: they do not agree.
    """

    frames: Tensor
    subjects: Tensor
    keys: Sequence[SequenceKey]
    recordings: Tensor | None = None

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
        recordings = self.recordings
        if recordings is not None and (recordings.dtype, recordings.shape) != (torch.int64, (len(self.keys), 3)):
            raise DataError(
                f"clip batch: recordings are {recordings.dtype} {tuple(recordings.shape)}, "
                f"expected int64 ({len(self.keys)}, 3)"
            )

    def __len__(self) -> int:
        """How many clips it holds."""
        return int(self.frames.shape[0])

    def to(self, device: torch.device | str) -> "ClipBatch":
        """The same batch with its tensors on `device`."""
        return self.each(lambda tensor: tensor.to(device, non_blocking=True))

    def each(self, change: Callable[[Tensor], Tensor], keys: Sequence[SequenceKey] | None = None) -> "ClipBatch":
        """The same batch with every tensor changed, and with other keys if given."""
        recordings = None if self.recordings is None else change(self.recordings)
        kept = self.keys if keys is None else keys
        return ClipBatch(change(self.frames), change(self.subjects), kept, recordings)

    def slice(self, start: int, stop: int) -> "ClipBatch":
        """The clips from `start` up to, not including, `stop`."""
        return self.each(lambda tensor: tensor[start:stop], self.keys[start:stop])


@dataclass(frozen=True, slots=True, eq=False)
class DisentangledCodes:
    """What a disentangling network makes of every frame; training adds what its losses judge.

    Attributes:
        appearance: (batch, time, feature), clothes and colors.
        pose: (batch, time, feature), the phase of the gait.
        canonical: (batch, time, feature), build of the body; None for networks without it.
        frames: (batch, time, channel, height, width), 0 to 1: what the reconstruction should look like.
        reconstruction: as `frames`: each frame from its own pose and what is static in another frame of its clip.
        gait_logits: (batch, time, subject), from the frames up to each.
        canonical_logits: (batch, time, subject), from the canonical code of each frame alone.
    """

    appearance: Tensor
    pose: Tensor
    canonical: Tensor | None = None
    frames: Tensor | None = None
    reconstruction: Tensor | None = None
    gait_logits: Tensor | None = None
    canonical_logits: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class GaitOutput:
    """What every network returns.

    Attributes:
        embeddings: (batch, part, feature); part is 1 for networks with a single vector. What recognition compares.
        logits: (batch, part, subject) before any scale of the loss, or None for networks without a classifier.
        codes: of networks that take clips apart; None for all others.
    """

    embeddings: Tensor
    logits: Tensor | None = None
    codes: DisentangledCodes | None = None

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name, each with the batch first; `from_tensors` puts them together again."""
        every = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "codes"}
        if self.codes is not None:
            every |= {f"codes.{one.name}": getattr(self.codes, one.name) for one in fields(self.codes)}
        return {name: tensor for name, tensor in every.items() if tensor is not None}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "GaitOutput":
        """The output whose tensors these are."""
        codes = {name.removeprefix("codes."): one for name, one in tensors.items() if name.startswith("codes.")}
        own = {name: one for name, one in tensors.items() if not name.startswith("codes.")}
        return cls(**own, codes=DisentangledCodes(**codes) if codes else None)
