"""Which frames of a sequence a clip takes: small choosers, each a pure function of length and random generator.

Source: the two customs of training in C. Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better
Practicality", CVPR 2023: any frames (sets), or a run of frames from a window (sequences); S. Hou et al., "GaitSnippet:
Gait Recognition Beyond Unordered Sets and Ordered Sequences", ICLR 2026 (`Snippets`).
Deviations: `Contiguous` needs no window setting; a window is a class of its own. `Snippets` only chooses frames; the
paper's network, which treats each snippet by itself, is not here.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import Count, Frames
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


class Snippets(_Counted):
    """`count` frames in order, equally many at random from each of some short windows; a short sequence is looped.

    The sequence is cut into consecutive windows from a random start. As many of them as there are snippets are drawn,
    none twice unless there are fewer.

    Args:
        count: frames to take, a multiple of `snippets`.
        snippets: how many windows they come from.
        window: length of each in frames, at least `count / snippets`; about half a step cycle or less.

    Raises:
        RecipeError: the numbers do not fit together.
    """

    def __init__(self, count: Frames, snippets: Count, window: Frames) -> None:
        super().__init__(count)
        if count % snippets or window < count // snippets:
            raise RecipeError(
                f"Snippets: {count} frames of {snippets} snippets from windows of {window}; expected as many frames of "
                "each, and windows no shorter"
            )
        self.snippets, self.window = snippets, window

    def positions(self, length: int, rng: np.random.Generator) -> Positions:
        """See `FrameChooser`."""
        windows = max(length // self.window, 1)
        start = int(rng.integers(max(length - windows * self.window, 0) + 1))
        drawn = np.sort(np.resize(rng.permutation(windows), self.snippets))
        inside = rng.permuted(np.tile(np.arange(self.window), (self.snippets, 1)), axis=1)
        inside = np.sort(inside[:, : self.count // self.snippets], axis=1)
        return np.asarray((start + self.window * drawn[:, None] + inside).ravel() % length, np.int64)


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
