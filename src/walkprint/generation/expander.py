"""Expanders: what makes takes of a rare condition, and the expander that uses a trained generator."""

import hashlib
import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from walkprint.core.described import Described
from walkprint.core.digest import weights_digest
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.spelling import did_you_mean
from walkprint.data.packed import Packed
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import SIZE_PX
from walkprint.generation.cleaning import clean_frames
from walkprint.generation.fingerprint import check_recordings

Frames = NDArray[np.uint8]


class Expander(Described, ABC):
    """Makes takes of a rare condition.

    Attributes:
        ordered: whether the frames of a generated take are in the order of a walk.
        source_condition: of the takes that it starts from; None for the wanted condition itself.
    """

    ordered: bool
    source_condition: str | None

    @abstractmethod
    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """Make one sequence.

        Args:
            source: a recording of the same subject from the same view.
            wanted: what the sequence should show.
            rng: the only source of randomness; in the same state for all views of a take, so that they agree.

        Returns:
            uint8 (time, channel, height, width), time may be 0; and reason -> number of dropped frames.
        """

    def check(self, dataset: Packed, wanted: Collection[str], takes: Sequence[SequenceKey]) -> None:
        """Refuse a data set or a condition that this expander cannot work with, before anything is written.

        Without a trained generator, a condition without recordings can only be made from another condition. It may
        also be misspelled, hence the warning.

        Args:
            dataset: a packed data set.
            wanted: conditions to make.
            takes: keys of the sequences to make.

        Raises:
            DataError: it cannot.
        """
        store = dataset.store()
        known = sorted({key.condition for key in store.keys})
        for condition in sorted(set(wanted) - set(known)):
            advice = did_you_mean(condition, known)
            if self.source_condition is None:
                raise DataError(
                    f"{store.path}: wanted is {condition!r}, expected one of {', '.join(known)}"
                    + (advice or ", the recorded conditions")
                )
            warnings.warn(
                f"no recording in {condition!r}: a new condition, made from {self.source_condition!r} alone{advice}",
                stacklevel=3,
            )

    @property
    def name(self) -> str:
        """Its name in the store."""
        return type(self).__name__

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that identify its settings or weights."""
        settings = sorted((name, value) for name, value in vars(self).items() if not name.startswith("_"))
        return hashlib.sha256(repr((self.name, settings)).encode()).hexdigest()[:12]

    def description(self) -> dict[str, Any]:
        """What the store records of it, as plain data."""
        return {"name": self.name, "digest": self.digest, "ordered": self.ordered}


class GeneratorExpander(Expander):
    """Generates frame by frame from a take of the generator's source condition; gait phase and order survive.

    Args:
        model: a trained generator.
        bf16: compute in bfloat16, about twice as fast on processors that support it.
        cover: lay each generated frame over its source frame: each pixel is the brighter of the two. Right if the
            condition only adds to a silhouette, e.g. a coat over the same clothes or a bag: what is visible of the
            person stays sharp and their own. Wrong if the condition may remove something.

    Raises:
        RecipeError: `cover` with a generator whose frames do not follow their sources.
    """

    def __init__(self, model: GenerativeModel, *, bf16: bool = False, cover: bool = False) -> None:
        if cover and not model.ordered:
            raise RecipeError(
                f"cover: frames by {type(model).__name__} do not follow their sources, so they cannot be laid over "
                "them; choose an ordered generator, or no cover"
            )
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.model, self.bf16, self.cover = model.eval(), bf16, cover
        self.ordered, self.source_condition = model.ordered, model.source_condition

    @property
    def name(self) -> str:
        """See `Expander`: the generator's class."""
        return type(self.model).__name__

    @property
    def digest(self) -> str:
        """See `Expander`: of the weights."""
        return weights_digest(self.model)

    def description(self) -> dict[str, Any]:
        """See `Expander`."""
        return {**super().description(), "bf16": self.bf16, "cover": self.cover}

    def check(self, dataset: Packed, wanted: Collection[str], takes: Sequence[SequenceKey]) -> None:
        """See `Expander`: nothing learned from test subjects or from other people may reach the training set.

        Raises:
            DataError: the generator was trained on test subjects or on other recordings, or does not know a name.
        """
        seen = sorted(set(self.model.names.subjects) & set(dataset.subjects("test")))
        if seen:
            raise DataError(
                f"{self.name}: was trained on {', '.join(seen[:5])}, test subjects of {dataset.root}; train "
                "it on the training subjects of the same split"
            )
        self.model.names.labels(takes)
        check_recordings(dataset.store(), self.model.recordings, self.name)

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`.

        Raises:
            DataError: the generator does not know the wanted subject, condition or view, or frames of this size.
        """
        chance = torch.Generator().manual_seed(int(rng.integers(2**63)))
        device = next(self.model.parameters()).device.type

        def draw(frames: torch.Tensor) -> torch.Tensor:
            labels = self.model.names.labels([wanted] * len(frames))
            with torch.autocast(device, dtype=torch.bfloat16, enabled=self.bf16):
                return self.model.sample(frames, labels, chance)

        return redraw(source, draw, cover=self.cover)


def redraw(source: Clip, draw: Callable[[torch.Tensor], torch.Tensor], *, cover: bool) -> tuple[Frames, Counter[str]]:
    """A take drawn anew, frame by frame, and cleaned.

    Args:
        source: whose frames are drawn anew.
        draw: from frames to frames, uint8 (time, 1, 64, 64) both.
        cover: lay what is drawn over its source.

    Returns:
        As `Expander.make`, as wide as the source.

    Raises:
        DataError: the frames are of another size.
    """
    width = source.frames.shape[-1]
    if source.frames.shape[1:3] != (1, SIZE_PX) or width < SIZE_PX:
        raise DataError(
            f"{source.key}: frames are {source.frames.shape[1:]} (channel, height, width), expected 1 x {SIZE_PX} "
            f"x {SIZE_PX} or wider: prepare the data at that size"
        )
    left = (width - SIZE_PX) // 2
    frames = torch.from_numpy(np.ascontiguousarray(source.frames[..., left : left + SIZE_PX]))
    gray = draw(frames)
    if cover:
        gray = torch.maximum(gray, frames)
    cleaned, dropped = clean_frames(gray[:, 0].numpy(), SIZE_PX)
    return np.pad(cleaned, ((0, 0), (0, 0), (0, 0), (left, width - SIZE_PX - left))), dropped


class Alternating(Expander):
    """Several expanders in turn, take by take, so that what each does wrong is not learned as the rule.

    Args:
        makers: of the takes, in order of the takes' numbers.

    Raises:
        RecipeError: there is none, or they start from different conditions.
    """

    def __init__(self, makers: Sequence[Expander]) -> None:
        starts = {one.source_condition for one in makers}
        if len(starts) != 1:
            raise RecipeError(
                f"Alternating: makers start from {sorted(map(str, starts))}; expected one condition of all"
            )
        self.makers, (self.source_condition,) = tuple(makers), starts
        self.ordered = all(one.ordered for one in makers)

    @property
    def name(self) -> str:
        """See `Expander`: the names of all."""
        return " and ".join(one.name for one in self.makers)

    @property
    def digest(self) -> str:
        """See `Expander`: of the digests of all."""
        return hashlib.sha256(" ".join(one.digest for one in self.makers).encode()).hexdigest()[:12]

    def description(self) -> dict[str, Any]:
        """See `Expander`."""
        return {**super().description(), "makers": [one.description() for one in self.makers]}

    def check(self, dataset: Packed, wanted: Collection[str], takes: Sequence[SequenceKey]) -> None:
        """See `Expander`."""
        for one in self.makers:
            one.check(dataset, wanted, takes)

    def make(self, source: Clip, wanted: SequenceKey, rng: np.random.Generator) -> tuple[Frames, Counter[str]]:
        """See `Expander`."""
        place = int(wanted.take) if wanted.take.isdecimal() else 0
        return self.makers[place % len(self.makers)].make(source, wanted, rng)
