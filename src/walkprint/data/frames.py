"""Which frames of a sequence a clip takes: small choosers, each a pure function of length and random generator.

Source: the two customs of training in C. Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better
Practicality", CVPR 2023: any frames (sets), or a run of frames from a window (sequences).
Deviations: `Contiguous` needs no window setting; a window is a class of its own.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import Frames
from walkprint.core.described import Described
from walkprint.core.errors import RecipeError

Positions = NDArray[np.int64]


class FrameChooser(Described, ABC):
    """Base of all choosers.

    Attributes:
        ordered: whether the chosen frames keep their order in time; networks that heed order need it.
    """

    ordered: ClassVar[bool] = True

    @abstractmethod
    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """Choose frames of a sequence.

        Args:
            length: how many frames it has, at least 1.
            rng: where chance comes from.

        Returns:
            int64 (time,), each from 0 to length - 1.
        """


class _Counted(FrameChooser):
    def __init__(self, count: Frames) -> None:
        self.count = count

    def __repr__(self) -> str:
        return f"{type(self).__name__}(count={self.count})"


class Contiguous(_Counted):
    """A run of `count` neighboring frames from a random start; a shorter sequence is looped."""

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        if length < self.count:
            return np.arange(self.count, dtype=np.int64) % length
        start = int(rng.integers(length - self.count + 1))
        return np.arange(start, start + self.count, dtype=np.int64)


class RandomSubset(_Counted):
    """`count` frames in random order, none twice unless the sequence is shorter; for networks that see a set."""

    ordered = False

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        if length < self.count:
            return rng.integers(length, size=self.count)
        return rng.permutation(length)[: self.count]


class OrderedWindow(_Counted):
    """`count` frames in order, drawn from a random run of `window` frames; a shorter sequence is looped first.

    Args:
        count: frames to take.
        window: length of the run they are drawn from, at least `count`.
    """

    def __init__(self, count: Frames, window: Frames) -> None:
        super().__init__(count)
        if window < count:
            raise RecipeError(f"OrderedWindow: window is {window}, expected at least count, {count} frames")
        self.window = window

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        start = int(rng.integers(max(length - self.window, 0) + 1))
        chosen = np.sort(rng.permutation(self.window)[: self.count])
        return (start + chosen) % length


class EvenlySpaced(_Counted):
    """`count` frames spread evenly from the first to the last; nothing random, frames repeat in short sequences."""

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        return np.linspace(0, length - 1, self.count).round().astype(np.int64)


class AllFrames(FrameChooser):
    """Every frame in order: for embedding, one sequence or sequences of one length at a time."""

    def __repr__(self) -> str:
        return "AllFrames()"

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        return np.arange(length, dtype=np.int64)
