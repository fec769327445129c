"""What every generator promises: stages of phases that one training loop carries out, and frames on request."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from walkprint.core.errors import RecipeError
from walkprint.generation.batches import FrameBatches, GeneratorBatch
from walkprint.generation.labels import LabelNames, Labels
from walkprint.losses.base import LossValue


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """One part of a training step: some parameters, moved by one loss.

    Attributes:
        name: what the log calls it.
        parameters: gives what is trained, and nothing else is.
        loss: judges a batch. Its frames lie on the device; all chance comes from the generator that is given, which
            lies on the CPU.
        optimizer: called with the parameters, say `partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.9))`.
        repeats: how often in a step, each time with a batch of its own.
    """

    name: str
    parameters: Callable[[], Iterable[nn.Parameter]]
    loss: Callable[[GeneratorBatch, torch.Generator], LossValue]
    optimizer: Callable[[Sequence[nn.Parameter]], Optimizer]
    repeats: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A stretch of training with its own phases.

    Attributes:
        name: what the log calls it.
        share: of all steps; those of a model sum to 1.
        phases: carried out one after another in every step.
        begin: called once, in evaluation mode and without gradients, before the stage's first step, say to copy weights
            or to fit Gaussians to encodings. What it makes lies in parameters or buffers, which checkpoints hold.
    """

    name: str
    share: float
    phases: tuple[Phase, ...]
    begin: Callable[[FrameBatches], None] | None = None


class GenerativeModel(nn.Module, ABC):
    """Base of all generators.

    Subclasses take these arguments and keyword-only settings with defaults.

    Args:
        subjects: names of the subjects; the class index is the position.
        conditions: names of the conditions.
        views: names of the views.
        source: the condition that frames are generated from.

    Attributes:
        ordered: whether a generated sequence follows its source frame by frame, so that gait phase and order survive.
        names: the three tuples of names.
        recordings: the `fingerprint` of what it was trained on; empty where none was kept.

    Raises:
        RecipeError: a factor has no name or one twice, or the source is none of the conditions.
    """

    ordered: bool
    recordings: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, *, subjects: Sequence[str], conditions: Sequence[str], views: Sequence[str], source: str = "nm"
    ) -> None:
        super().__init__()
        self.names, self.source = LabelNames(tuple(subjects), tuple(conditions), tuple(views)), source
        for factor, names in (("subjects", subjects), ("conditions", conditions), ("views", views)):
            if not names or len(set(names)) < len(names):
                raise RecipeError(f"{type(self).__name__}: {factor} are {list(names)}; expected names, each once")
        if source not in conditions:
            raise RecipeError(f"{type(self).__name__}: source is {source!r}, none of {', '.join(conditions)}")

    def refuse_unless(self, expected: Literal["at least 0", "more than 0", "at least 1"], **settings: float) -> None:
        """Refuse numbers among a generator's settings that are out of range or not finite.

        Raises:
            RecipeError: names the first.
        """
        least = 1 if expected == "at least 1" else 0
        for name, number in settings.items():
            if not (math.isfinite(number) and number >= least) or (expected == "more than 0" and number == 0):
                raise RecipeError(f"{type(self).__name__}: {name} is {number}; expected {expected} and finite")

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """How it is trained; the same at every call, so that a resumed run goes on with it."""

    @abstractmethod
    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """Generate frames for evaluation; called by `sample`, in evaluation mode and without gradients.

        Args:
            sources: uint8 (batch, 1, 64, 64), real frames of the source condition; consecutive frames of one take where
                a sequence is wanted.
            labels: what shall be shown.
            generator: on the CPU, where all chance comes from.

        Returns:
            (batch, 1, 64, 64), -1 background to 1 person.
        """

    def sample(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """Generate frames; the same generator state gives the same frames.

        Args:
            sources: uint8 (batch, 1, 64, 64), real frames of the source condition; consecutive frames of one take where
                a sequence is wanted.
            labels: what shall be shown.
            generator: on the CPU, where all chance comes from.

        Returns:
            uint8 (batch, 1, 64, 64) on the CPU, gray, not yet cleaned.
        """
        training, device = self.training, next(self.parameters()).device
        if training:  # only then: telling every layer so takes longer than one might think
            self.eval()
        try:
            with torch.no_grad():
                return self.to_bytes(self.generate(sources.to(device), labels.to(device), generator)).cpu()
        finally:
            if training:
                self.train()

    def conditions_told(self, frames: Tensor) -> Tensor | None:
        """What a frozen classifier of real frames takes frames for; None from a generator that has none.

        Args:
            frames: uint8 (batch, 1, 64, 64).

        Returns:
            Class indices of conditions, int64 (batch,), on the CPU.
        """
        return None

    @staticmethod
    def to_unit(frames: Tensor) -> Tensor:
        """From uint8 to float, -1 background to 1 person."""
        return frames.float().div_(127.5).sub_(1)

    @staticmethod
    def to_bytes(frames: Tensor) -> Tensor:
        """From -1 to 1 to uint8, 0 to 255; the inverse of `to_unit`."""
        return frames.float().add(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)
