"""Training frames of generators: real ones, all conditions equally frequent, and source frames to generate from."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.sampling import step_generator
from walkprint.data.store import Store
from walkprint.generation.labels import LabelNames, Labels

SIZE_PX = 64
"""Height and width of the frames of generators."""


@dataclass(frozen=True, slots=True, eq=False)
class GeneratorBatch:
    """A training batch of one phase.

    Attributes:
        frames: uint8 (batch, 1, 64, 64), real; all conditions are equally likely, however rare.
        labels: of `frames`.
        sources: uint8 (batch, 1, 64, 64), real, of the source condition and of the subjects and views of `targets`.
        targets: labels to generate from the sources; all conditions are equally likely.
    """

    frames: Tensor
    labels: Labels
    sources: Tensor
    targets: Labels

    def __len__(self) -> int:
        """Number of real frames, and of sources."""
        return int(self.frames.shape[0])

    def to(self, device: torch.device | str) -> "GeneratorBatch":
        """The same batch on `device`."""
        return GeneratorBatch(
            self.frames.to(device, non_blocking=True),
            self.labels.to(device),
            self.sources.to(device, non_blocking=True),
            self.targets.to(device),
        )


class FrameBatches:
    """Batches of single frames, a pure function of seed, step and repeat: resuming needs only the step.

    Args:
        store: where frames come from; one channel, 64 high, 64 wide or wider.
        keys: the training sequences.
        batch_size: real frames in a batch, and source frames.
        source_condition: the condition to generate from.
        seed: of everything random.

    Attributes:
        names: every subject, condition and view of `keys`.

    Raises:
        DataError: no sequence of the source condition, frames of another size, or a generated take.
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        store: Store,
        keys: Sequence[SequenceKey],
        *,
        batch_size: int = 64,
        source_condition: str = "nm",
        seed: int = 0,
    ) -> None:
        if batch_size < 1 or seed < 0:
            raise RecipeError(f"batch_size is {batch_size}, seed {seed}; expected at least 1 and at least 0")
        if store.channels != 1 or store.height_px != SIZE_PX or store.width_px < SIZE_PX:
            raise DataError(
                f"{store.path}: frames are {store.channels} x {store.height_px} x {store.width_px} (channel, height, "
                f"width), expected 1 x {SIZE_PX} x {SIZE_PX} or wider: prepare the data at that size"
            )
        if made := [key for key in keys if key in store.generated]:
            raise DataError(
                f"{store.path}: {len(made)} of the training sequences are generated, e.g. {made[0]}; train on the "
                "original store instead"
            )
        self.store, self.keys = store, tuple(keys)
        self.batch_size, self.source_condition, self.seed = batch_size, source_condition, seed
        self.names = LabelNames.of(self.keys)
        if source_condition not in self.names.conditions:
            raise DataError(
                f"{store.path}: no training sequence of the source condition {source_condition!r}; "
                f"found {', '.join(self.names.conditions) or 'no sequence at all'}"
            )
        self._labels = self.names.labels(self.keys)
        self._rows = np.array([store.index(key) for key in self.keys], dtype=np.int64)
        conditions = self._labels.conditions.numpy()
        self._by_condition = [np.flatnonzero(conditions == i) for i in range(len(self.names.conditions))]

    def batch(self, step: int, repeat: int = 0) -> GeneratorBatch:
        """The batch of a step, and of each repeat of a phase within it."""
        rng = step_generator(self.seed, step, repeat)
        conditions = rng.integers(0, len(self._by_condition), self.batch_size)
        picks = np.array([rng.choice(self._by_condition[i]) for i in conditions], dtype=np.int64)
        frames = self._frames(self._rows[picks], rng)
        starts = rng.choice(self._by_condition[self.names.conditions.index(self.source_condition)], self.batch_size)
        sources = self._frames(self._rows[starts], rng)
        of_sources = self._labels[torch.from_numpy(starts)]
        wanted = torch.from_numpy(rng.integers(0, len(self.names.conditions), self.batch_size))
        targets = Labels(of_sources.subjects, wanted, of_sources.views)
        return GeneratorBatch(frames, self._labels[torch.from_numpy(picks)], sources, targets)

    def takes(self, frames: int = 16) -> Iterator[tuple[Tensor, Labels]]:
        """Evenly spaced frames of every training sequence, at most `frames` of each, with their labels."""
        for row, key in zip(self._rows.tolist(), self.keys, strict=True):
            length = int(self.store.lengths[row])
            positions = np.unique(np.linspace(0, length - 1, frames).round().astype(np.int64))
            found = self.store.gather([row], positions[None], width_px=SIZE_PX)[0]
            yield torch.from_numpy(found), self.names.labels([key] * len(found))

    def draw(self, keys: Sequence[SequenceKey], rng: np.random.Generator) -> Tensor:
        """One random frame of each sequence, uint8 (batch, 1, 64, 64)."""
        return self._frames(np.array([self.store.index(key) for key in keys], dtype=np.int64), rng)

    def _frames(self, rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        positions = rng.integers(0, self.store.lengths[rows])[:, None]
        return torch.from_numpy(self.store.gather(rows, positions, width_px=SIZE_PX)[:, 0])
