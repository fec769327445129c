"""Training data that lies packed on the device: the host draws, the device gathers, unpacks and augments."""

from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.batch import ClipBatch
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.augment import Augmentation
from walkprint.data.loading import TrainingBatches
from walkprint.data.store import Store

_STAGED_BYTES = 1 << 26


class PackedFrames:
    """Sequences of a store on a device, as they are packed there: 8 bits or 1 bit a pixel.

    Args:
        store: where they come from.
        sequences: int64 (sequence,), positions in the store's keys; each is kept once.
        device: where they go.

    Attributes:
        packed: uint8 (frame, byte), all frames of all sequences one after another.

    Raises:
        RecipeError: the device's memory is too small.
    """

    def __init__(self, store: Store, sequences: NDArray[np.int64], device: torch.device | str) -> None:
        self.device = torch.device(device)
        self._shape = (store.channels, store.height_px, store.width_px)
        self._bits = store.bits
        kept = np.unique(sequences)
        lengths = store.lengths[kept]
        self._first = np.full(len(store), -1, dtype=np.int64)
        self._first[kept] = np.cumsum(lengths) - lengths
        size = packed_bytes(store, kept)
        try:
            self.packed = torch.empty(size, dtype=torch.uint8, device=self.device).view(int(lengths.sum()), -1)
        except torch.OutOfMemoryError as error:
            raise RecipeError(
                f"{store.path}: {size / 1e9:.3g} GB of packed frames do not fit on {self.device}; "
                "keep the data on the host (resident: host)"
            ) from error
        self._fill(store, kept)
        self._masks = torch.tensor([128, 64, 32, 16, 8, 4, 2, 1], dtype=torch.uint8, device=self.device)
        if self.device.type == "cuda":  # other streams will read them
            torch.cuda.synchronize(self.device)

    def _fill(self, store: Store, kept: NDArray[np.int64]) -> None:
        """Copy sequences over, many at a time."""
        waiting: list[NDArray[np.uint8]] = []
        done = frames = 0
        for number, sequence in enumerate(kept.tolist(), start=1):
            waiting.append(store.packed(sequence))
            frames += len(waiting[-1])
            if number == len(kept) or frames * self.packed.shape[1] >= _STAGED_BYTES:
                self.packed[done : done + frames] = torch.from_numpy(np.concatenate(waiting))
                done, frames, waiting = done + frames, 0, []

    def place(self, sequences: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where frames lie in `packed`.

        Args:
            sequences: int64 (batch,), positions in the store's keys.
            positions: int64 (batch, time), frames of each.

        Returns:
            int64 (batch, time).
        """
        return self._first[sequences][:, None] + positions

    def gather(self, places: Tensor, width_px: int | None = None) -> Tensor:
        """Frames, unpacked.

        Args:
            places: int64 (batch, time) from `place`, on the device.
            width_px: take only so many central columns; all when None.

        Returns:
            uint8 (batch, time, channel, height, width), contiguous.
        """
        rows = self.packed.index_select(0, places.flatten())
        if self._bits == 1:
            rows = rows.unsqueeze(2).bitwise_and(self._masks).ne(0).to(torch.uint8).mul_(255).flatten(1)
            rows = rows[:, : int(np.prod(self._shape))]
        frames = rows.reshape(*places.shape, *self._shape)
        columns = self._shape[2] if width_px is None else width_px
        left = (self._shape[2] - columns) // 2
        return frames[..., left : left + columns].contiguous()


class ResidentBatches(TrainingBatches):
    """The batches of `TrainingBatches`, made on a device that holds the packed sequences.

    Chance is drawn on the host from the same streams, so that every step has the same clips, augmented with the same
    parameters; pixels are the same to one gray level. A batch costs the host one small copy.

    Args:
        store, keys, settings: see `TrainingBatches`.
        device: where the sequences lie and batches are made.

    Raises:
        RecipeError: an augmentation that a device cannot do, or too many frames for the device.
    """

    def __init__(
        self, store: Store, keys: Sequence[SequenceKey], *, device: torch.device | str, **settings: Any
    ) -> None:
        super().__init__(store, keys, **settings)
        for one in self.augmentations:
            if not on_device(one):
                raise RecipeError(
                    f"{type(one).__name__}: has no apply_on_device; keep the data on the host (resident: host)"
                )
        self._packed = PackedFrames(store, self._sequences, device)

    @classmethod
    def of(cls, batches: TrainingBatches, device: torch.device | str) -> Self:
        """The same batches, made on a device."""
        return cls(
            batches.store,
            batches.keys,
            chooser=batches.chooser,
            sampler=batches.sampler,
            augmentations=batches.augmentations,
            seed=batches.seed,
            width_px=batches.width_px,
            device=device,
        )

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> ClipBatch:
        """The batch of a step, or one process's slice of it, on the device; see `TrainingBatches.draw`."""
        drawn = self.draw(step, rank, processes)
        places = self._packed.place(self._sequences[drawn.picks], drawn.positions)
        arrays: list[NDArray[Any]] = [places, self._labels[drawn.picks], self._recordings[drawn.picks]]
        changing = []
        for augmentation, changes in zip(self.augmentations, drawn.changes, strict=True):
            if changes:
                changing.append(augmentation)
                arrays.append(np.array([clip for clip, _ in changes], dtype=np.int64))
                arrays.append(np.stack([_flat(parameters) for _, parameters in changes]))
        sent = iter(send(arrays, self._packed.device))
        frames, labels, recordings = self._packed.gather(next(sent), self.width_px), next(sent), next(sent)
        for augmentation in changing:
            clips, numbers = next(sent), next(sent)
            changed = augmentation.apply_on_device(frames.index_select(0, clips), numbers)
            frames.index_copy_(0, clips, changed)
        return ClipBatch(frames, labels, [self.keys[i] for i in drawn.picks.tolist()], recordings)


def placed(batches: TrainingBatches, where: Literal["auto", "device", "host"], device: torch.device) -> TrainingBatches:
    """The same batches, made on the host or on the device.

    Args:
        batches: as they are.
        where: "device", "host", or "auto": the device if it is a GPU, can do the augmentations, and has twice the
            memory that the frames take.
        device: that trains.

    Raises:
        RecipeError: as for `ResidentBatches`, where the device is asked for.
    """
    if where == "auto":
        fits = device.type == "cuda" and all(map(on_device, batches.augmentations))
        if fits:
            sequences = np.array([batches.store.index(key) for key in batches.keys], dtype=np.int64)
            fits = 2 * packed_bytes(batches.store, sequences) < torch.cuda.mem_get_info(device)[0]
        where = "device" if fits else "host"
    return ResidentBatches.of(batches, device) if where == "device" else batches


def on_device(augmentation: Augmentation) -> bool:
    """Whether a device can do an augmentation."""
    return type(augmentation).apply_on_device is not Augmentation.apply_on_device


def packed_bytes(store: Store, sequences: NDArray[np.int64]) -> int:
    """What sequences of a store take on a device."""
    kept = np.unique(sequences)
    return int(store.lengths[kept].sum()) * int(store.packed(int(kept[0])).shape[1])


def send(arrays: Sequence[NDArray[Any]], device: torch.device) -> list[Tensor]:
    """Arrays of int64 or float64 as tensors on a device: one copy from pinned memory, which nothing waits for."""
    host = torch.from_numpy(np.concatenate([one.reshape(-1).view(np.int64) for one in arrays]))
    if device.type == "cuda":
        host = host.pin_memory()
    sent = torch.split(host.to(device, non_blocking=True), [one.size for one in arrays])
    return [
        (flat if one.dtype == np.int64 else flat.view(torch.float64)).view(one.shape)
        for flat, one in zip(sent, arrays, strict=True)
    ]


def _flat(parameters: Any) -> NDArray[np.float64]:
    """Parameters of one clip as one row; None as an empty one."""
    return np.zeros(0) if parameters is None else np.asarray(parameters, dtype=np.float64).reshape(-1)
