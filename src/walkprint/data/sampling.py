"""Which sequences a training batch holds: some subjects, some clips of each."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import RecipeError


def step_generator(seed: int, step: int, stream: int) -> np.random.Generator:
    """The generator that belongs to (seed, step, stream): counter-based, so that no state has to be kept.

    Stream 0 draws the batch, stream 1 + b everything about its clip b.
    """
    return np.random.Generator(np.random.Philox(key=[seed, step], counter=[0, 0, stream, 0]))


class Sampler(ABC):
    """Base of all samplers: pure functions of step and seed, so that resuming needs the step alone."""

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

    def __init__(self, subjects_per_batch: int, clips_per_subject: int) -> None:
        if subjects_per_batch < 1 or clips_per_subject < 1:
            raise RecipeError(
                f"SubjectSampler: {subjects_per_batch} subjects of {clips_per_subject} clips; expected at least 1 each"
            )
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
            group = groups[subject]
            if len(group) >= self.clips_per_subject:
                batch[row] = rng.permutation(group)[: self.clips_per_subject]
            else:
                # All of them as often as possible, the remainder by lot.
                rounds = -(-self.clips_per_subject // len(group))
                batch[row] = np.concatenate([rng.permutation(group) for _ in range(rounds)])[: self.clips_per_subject]
        return batch.reshape(-1)
