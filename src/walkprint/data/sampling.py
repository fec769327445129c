"""Which sequences a training batch holds: some subjects, some clips of each."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import Count
from walkprint.core.described import Described
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey


def step_generator(seed: int, step: int, stream: int) -> np.random.Generator:
    """The generator that belongs to (seed, step, stream): counter-based, so that no state has to be kept.

    Stream 0 draws the batch, stream 1 + b everything about its clip b.
    """
    return np.random.Generator(np.random.Philox(key=[seed, step], counter=[0, 0, stream, 0]))


def step_generators(seed: int, step: int, streams: Iterable[int]) -> Iterator[np.random.Generator]:
    """As `step_generator`, one stream after another, without the cost of a new generator: each ends the one before."""
    bits = np.random.Philox(key=[seed, step])
    generator, state = np.random.Generator(bits), bits.state
    for stream in streams:
        state["state"]["counter"] = np.array([0, 0, stream, 0], dtype=np.uint64)
        bits.state = state
        yield generator


class Sampler(Described, ABC):
    """Base of all samplers: pure functions of step and seed, so that resuming needs the step alone."""

    def for_keys(self, keys: Sequence[SequenceKey]) -> "Sampler":
        """This sampler, or another that knows the training sequences `keys`, where it depends on more than subjects."""
        return self

    @abstractmethod
    def draw(self, step: int, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """The batch of one step.

        Args:
            step: number of the training step, at least 0.
            labels: int64 (sequence,), the class index of each sequence's subject. Pass the same array every step.
            seed: of the run.

        Returns:
            int64 (batch,), positions in `labels`.
        """


class SubjectSampler(Sampler):
    """`subjects_per_batch` different subjects, `clips_per_subject` sequences of each, subject by subject.

    Every subject is equally likely however many sequences it has; a sequence comes twice only for a subject that has
    fewer than `clips_per_subject`.
    """

    def __init__(self, subjects_per_batch: Count, clips_per_subject: Count) -> None:
        self.subjects_per_batch = subjects_per_batch
        self.clips_per_subject = clips_per_subject
        self._labels: NDArray[np.int64] | None = None
        self._groups: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        """Clips in a batch."""
        return self.subjects_per_batch * self.clips_per_subject

    def _group(self, labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        if labels is not self._labels:
            order = np.argsort(labels, kind="stable")
            starts = np.flatnonzero(np.diff(labels[order])) + 1
            self._groups = np.split(order, starts) if len(order) else []
            self._labels = labels
        return self._groups

    def draw(self, step: int, labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
        """See `Sampler`.

        Raises:
            RecipeError: there are fewer subjects than a batch needs.
        """
        groups = self._group(labels)
        if len(groups) < self.subjects_per_batch:
            raise RecipeError(
                f"SubjectSampler: subjects_per_batch is {self.subjects_per_batch}, but the training set has "
                f"{len(groups)} subjects; set subjects_per_batch to {len(groups)} or less"
            )
        rng = step_generator(seed, step, 0)
        batch = np.empty((self.subjects_per_batch, self.clips_per_subject), dtype=np.int64)
        for row, subject in enumerate(rng.permutation(len(groups))[: self.subjects_per_batch].tolist()):
            batch[row] = self._clips(groups[subject], rng)
        return batch.reshape(-1)

    def _clips(self, group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """`clips_per_subject` of one subject's sequences."""
        return _cycled(group, self.clips_per_subject, rng)


class EvenConditions(SubjectSampler):
    """As `SubjectSampler`, but a subject's clips come in equal numbers from all its conditions, however rare one is.

    Every condition gives `clips_per_subject` over the number of the subject's conditions, the rest is
    drawn. A sequence comes twice once all those of its condition have come.
    """

    def __init__(self, subjects_per_batch: Count, clips_per_subject: Count) -> None:
        super().__init__(subjects_per_batch, clips_per_subject)
        self._conditions: NDArray[np.int64] | None = None

    def for_keys(self, keys: Sequence[SequenceKey]) -> Self:
        """See `Sampler`."""
        it = type(self)(self.subjects_per_batch, self.clips_per_subject)
        it._conditions = np.unique([key.condition for key in keys], return_inverse=True)[1]
        return it

    def _clips(self, group: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        if self._conditions is None:
            raise RecipeError("EvenConditions: conditions are not known yet; call for_keys(keys) first")
        of_group = self._conditions[group]
        conditions = rng.permutation(np.unique(of_group))
        shares = [len(range(i, self.clips_per_subject, len(conditions))) for i in range(len(conditions))]
        return np.concatenate(
            [
                _cycled(group[of_group == one], share, rng)
                for one, share in zip(conditions.tolist(), shares, strict=True)
            ]
        )


def _cycled(group: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """`count` of a group: all as often as possible, the remainder at random."""
    rounds = max(-(-count // len(group)), 1)
    return np.concatenate([rng.permutation(group) for _ in range(rounds)])[:count]
