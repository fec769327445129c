"""From a store to batches: training clips by step, embedding clips by length; uint8 all along."""

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.batch import ClipBatch
from walkprint.core.embedding import pieces
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.augment import Augmentation
from walkprint.data.frames import FrameChooser
from walkprint.data.packed import Packed
from walkprint.data.sampling import Sampler, step_generators
from walkprint.data.store import Store

_AHEAD = 2  # batches


class TrainingBatches:
    """Training batches as a pure function of seed and step.

    The global batch of a step is the same however many processes share it, so that resuming needs only the step and
    N processes see what one would see.

    Args:
        store: where frames come from: a packed data set, or its store.
        keys: the training sequences; those of the data set's training subjects by default.
        chooser: which frames a clip takes; all clips of a batch must come out equally long.
        sampler: which sequences a batch holds.
        augmentations: applied to each clip in this order.
        seed: of everything random.
        width_px: take only so many central columns; all when None.

    Attributes:
        subjects: names of the training subjects, sorted; the class index is the position.

    Raises:
        DataError: no sequence, or one that the store does not hold.
    """

    def __init__(
        self,
        store: Store | Packed,
        keys: Sequence[SequenceKey] | None = None,
        *,
        chooser: FrameChooser,
        sampler: Sampler,
        augmentations: Sequence[Augmentation] = (),
        seed: int = 0,
        width_px: int | None = None,
    ) -> None:
        if keys is None:
            keys = store.keys("train") if isinstance(store, Packed) else store.keys
        store = store.store() if isinstance(store, Packed) else store
        if not keys:
            raise DataError(f"{store.path}: no training sequence; check the split")
        if seed < 0:
            raise RecipeError(f"seed is {seed}, expected at least 0")
        self.store = store
        self.keys = tuple(keys)
        self.subjects = tuple(sorted({key.subject for key in keys}))
        self.chooser, self.sampler, self.augmentations = chooser, sampler.for_keys(self.keys), tuple(augmentations)
        self.seed, self.width_px = seed, width_px
        self._sequences = np.array([store.index(key) for key in keys], dtype=np.int64)
        place = {name: i for i, name in enumerate(self.subjects)}
        self._labels = np.array([place[key.subject] for key in keys], dtype=np.int64)
        self._recordings = recording_codes(self.keys)
        self._lengths = store.lengths[self._sequences]

    def draw(self, step: int, rank: int = 0, processes: int = 1) -> "Draws":
        """All that is random in the batch of a step, or in one process's contiguous slice of it.

        Args:
            step: number of the training step, at least 0.
            rank: which process asks.
            processes: how many share the batch.

        Raises:
            RecipeError: the batch has fewer clips than processes, or the chooser's clips differ in length.
        """
        picks = self.sampler.draw(step, self._labels, self.seed)
        if not 0 <= rank < processes <= len(picks):
            raise RecipeError(f"process {rank} of {processes}: a batch of {len(picks)} clips cannot be shared that way")
        start, stop = len(picks) * rank // processes, len(picks) * (rank + 1) // processes
        picks = picks[start:stop]
        width = self.store.width_px if self.width_px is None else self.width_px
        shape = (self.store.channels, self.store.height_px, width)
        chosen: list[NDArray[np.int64]] = []
        changes: list[list[tuple[int, Any]]] = [[] for _ in self.augmentations]
        generators = step_generators(self.seed, step, range(1 + start, 1 + stop))
        for clip, (length, rng) in enumerate(zip(self._lengths[picks].tolist(), generators, strict=True)):
            chosen.append(self.chooser.positions(length, rng))
            for augmentation, changed in zip(self.augmentations, changes, strict=True):
                if augmentation.happens(rng):
                    changed.append((clip, augmentation.draw(rng, (len(chosen[-1]), *shape))))
        if len({len(positions) for positions in chosen}) > 1:
            raise RecipeError(f"{self.chooser!r}: clips of different length cannot form a batch; choose a fixed count")
        return Draws(picks, np.stack(chosen), changes)

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> ClipBatch:
        """The batch of a step, or one process's contiguous slice of it; see `draw`."""
        drawn = self.draw(step, rank, processes)
        frames = self.store.gather(self._sequences[drawn.picks], drawn.positions, width_px=self.width_px)
        for augmentation, changes in zip(self.augmentations, drawn.changes, strict=True):
            for clip, parameters in changes:
                augmentation.apply(frames[clip], parameters)
        return ClipBatch(
            torch.from_numpy(frames),
            torch.from_numpy(self._labels[drawn.picks]),
            [self.keys[i] for i in drawn.picks.tolist()],
            torch.from_numpy(self._recordings[drawn.picks]),
        )


def recording_codes(keys: Sequence[SequenceKey]) -> NDArray[np.int64]:
    """Condition, take and view of each key as numbers, counted in the order of the names: int64 (key, 3)."""
    columns = zip(*((key.condition, key.take, key.view) for key in keys), strict=True)
    return np.stack([np.unique(column, return_inverse=True)[1] for column in columns], axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """What chance decided for one batch.

    Attributes:
        picks: int64 (batch,), positions in the keys of the batches.
        positions: int64 (batch, time), frames of each sequence.
        changes: for each augmentation, the clips that it changes (position in the batch) and its parameters for each.
    """

    picks: NDArray[np.int64]
    positions: NDArray[np.int64]
    changes: Sequence[Sequence[tuple[int, Any]]]


def prefetched(
    batches: TrainingBatches,
    start: int,
    stop: int,
    rank: int = 0,
    processes: int = 1,
    device: torch.device | str = "cpu",
) -> Iterator[ClipBatch]:
    """The batches of steps `start` up to, not including, `stop`, made ahead of time in a thread.

    On a GPU the thread works on a stream of its own: from pinned memory, while the device computes. An error in the
    thread is raised here; leaving the loop early ends the thread.
    """
    device = torch.device(device)
    ready: queue.Queue[tuple[ClipBatch, torch.cuda.Event | None] | BaseException] = queue.Queue(maxsize=_AHEAD)
    ended = threading.Event()

    def hand_over(item: tuple[ClipBatch, torch.cuda.Event | None] | BaseException) -> bool:
        while not ended.is_set():
            try:
                ready.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
            with torch.cuda.stream(stream):
                for step in range(start, stop):
                    batch, event = batches.batch(step, rank, processes), None
                    if stream is not None:
                        batch, event = _pinned(batch).to(device), stream.record_event()
                    if not hand_over((batch, event)):
                        return
        except BaseException as error:  # whatever it is, it belongs to whoever waits for the batch
            hand_over(error)

    thread = threading.Thread(target=work, name="walkprint-feed", daemon=True)
    thread.start()
    try:
        for _ in range(start, stop):
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            batch, event = item
            if event is not None:
                now = torch.cuda.current_stream(device)
                now.wait_event(event)
                for tensor in (batch.frames, batch.subjects, batch.recordings):
                    if tensor is not None:
                        tensor.record_stream(now)
            yield batch
    finally:
        ended.set()
        thread.join()


def _pinned(batch: ClipBatch) -> ClipBatch:
    """A batch in memory that a GPU can copy from by itself; one that already lies on a GPU stays as it is."""
    if batch.frames.device.type != "cpu":
        return batch
    return batch.each(torch.Tensor.pin_memory)


@dataclass(frozen=True, slots=True)
class EqualLengths:
    """Which frames a batch of equal lengths holds.

    Attributes:
        keys: of the sequences.
        starts: first frame of each.
        length: frames of each; a sequence that ends before is looped.
    """

    keys: tuple[SequenceKey, ...]
    starts: tuple[int, ...]
    length: int

    def read(self, store: Store) -> ClipBatch:
        """The batch, with subjects -1."""
        rows = np.array([store.index(key) for key in self.keys], dtype=np.int64)
        positions = (np.array(self.starts)[:, None] + np.arange(self.length)) % store.lengths[rows][:, None]
        frames = store.gather(rows, positions)
        unknown = torch.full((len(self.keys),), -1, dtype=torch.int64)
        return ClipBatch(torch.from_numpy(frames), unknown, list(self.keys))


def equal_length_batches(
    store: Store,
    keys: Sequence[SequenceKey],
    *,
    frames_per_batch: int,
    min_frames: int = 1,
    max_frames: int | None = None,
) -> list[EqualLengths]:
    """Whole sequences in batches of equal length, so that no padding is needed, shortest first.

    Every key comes once, or once for each piece of its sequence.

    Args:
        store: where frames will come from.
        keys: the sequences to embed.
        frames_per_batch: about how many frames a batch may hold; a longer sequence is a batch of its own.
        min_frames: a shorter sequence is looped up to it.
        max_frames: a longer sequence is cut into pieces of nearly equal length, none longer; None for no limit.

    Raises:
        RecipeError: a setting is out of range.
        DataError: the store does not hold a key.
    """
    if frames_per_batch < 1 or min_frames < 1 or (max_frames is not None and max_frames < min_frames):
        raise RecipeError(
            f"frames_per_batch is {frames_per_batch}, min_frames {min_frames}, max_frames {max_frames}; "
            "expected at least 1, and max_frames not below min_frames"
        )
    groups: dict[int, list[tuple[SequenceKey, int]]] = {}
    for key in keys:
        for piece in pieces(int(store.lengths[store.index(key)]), max_frames):
            groups.setdefault(max(len(piece), min_frames), []).append((key, piece.start))
    found = []
    for length in sorted(groups):
        size = max(frames_per_batch // length, 1)
        for first in range(0, len(groups[length]), size):
            chosen, starts = zip(*groups[length][first : first + size], strict=True)
            found.append(EqualLengths(chosen, starts, length))
    return found
