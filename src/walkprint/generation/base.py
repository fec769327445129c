"""Base of all generators: stages of phases for one shared training loop, and sampled frames."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from walkprint.core.described import Described
from walkprint.core.errors import DataError, RecipeError
from walkprint.generation.batches import SIZE_PX, FrameBatches, GeneratorBatch
from walkprint.generation.labels import LabelNames, Labels
from walkprint.losses.base import LossValue


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """Part of a training step: one loss trains some of the parameters.

    Attributes:
        name: its name in the log.
        parameters: gives the parameters that it trains; all others stay fixed.
        loss: of a batch, whose frames are on the device. All randomness comes from the generator, on the CPU.
        optimizer: called with the parameters, e.g. `partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.9))`.
        repeats: how often per step, each time with its own batch.
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
        name: its name in the log.
        share: of all steps; the shares of a model sum to 1.
        phases: run one after another in every step.
        begin: called once before the first step, in evaluation mode and without gradients, e.g. to copy weights or to
            fit Gaussians. Its results belong in parameters or buffers, which checkpoints hold.
    """

    name: str
    share: float
    phases: tuple[Phase, ...]
    begin: Callable[[FrameBatches], None] | None = None


class GenerativeModel(Described, nn.Module, ABC):
    """Base of all generators.

    Subclasses have keyword-only settings with defaults, and pass these arguments on (`**names`).

    Args:
        subjects: names of the subjects; the class index is the position.
        conditions: names of the conditions.
        views: names of the views.
        source_condition: the condition that frames are generated from.

    Attributes:
        ordered: whether generated frames follow their sources one by one, so that gait phase and order survive.
        names: the names of subjects, conditions and views.
        recordings: the `fingerprint` of the training data; empty if none was kept.

    Raises:
        RecipeError: a factor has no name or a repeated one, or the source condition is unknown.
    """

    ordered: bool
    recordings: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, *, subjects: Sequence[str], conditions: Sequence[str], views: Sequence[str], source_condition: str = "nm"
    ) -> None:
        super().__init__()
        self.names = LabelNames(tuple(subjects), tuple(conditions), tuple(views))
        self.source_condition = source_condition
        for factor, names in (("subjects", subjects), ("conditions", conditions), ("views", views)):
            if not names or len(set(names)) < len(names):
                raise RecipeError(f"{type(self).__name__}: {factor} are {list(names)}; expected names, each once")
        if source_condition not in conditions:
            raise RecipeError(
                f"{type(self).__name__}: source_condition is {source_condition!r}, "
                f"expected one of {', '.join(conditions)}"
            )

    @abstractmethod
    def stages(self) -> Sequence[Stage]:
        """The training stages; equal at every call, so that a resumed run continues with them."""

    @abstractmethod
    def generate(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """Generate frames; `sample` calls it in evaluation mode and without gradients.

        Args:
            sources: uint8 (batch, 1, 64, 64), real frames of the source condition; consecutive frames of one take to
                generate a sequence.
            labels: what the frames should show.
            generator: on the CPU; the only source of randomness.

        Returns:
            (batch, 1, 64, 64), -1 background to 1 person.
        """

    def sample(self, sources: Tensor, labels: Labels, generator: torch.Generator) -> Tensor:
        """Generate frames; the same generator state gives the same frames.

        Args:
            sources: uint8 (batch, 1, 64, 64), see `generate`.
            labels: what the frames should show.
            generator: on the CPU; the only source of randomness.

        Returns:
            uint8 (batch, 1, 64, 64) on the CPU, gray, not yet cleaned.

        Raises:
            DataError: sources of another type or size, or not one label for each.
        """
        if sources.dtype != torch.uint8 or sources.shape != (len(labels), 1, SIZE_PX, SIZE_PX):
            raise DataError(
                f"{type(self).__name__}: sources are {sources.dtype} {tuple(sources.shape)} for {len(labels)} labels; "
                f"expected uint8 (batch, 1, {SIZE_PX}, {SIZE_PX}) and one label for each"
            )
        if not len(sources):
            return sources.cpu()
        training, device = self.training, next(self.parameters()).device
        if training:  # `eval` visits every layer, which takes time
            self.eval()
        try:
            with torch.no_grad():
                return self.to_bytes(self.generate(sources.to(device), labels.to(device), generator)).cpu()
        finally:
            if training:
                self.train()

    def classify_conditions(self, frames: Tensor) -> Tensor | None:
        """Conditions of frames by a frozen classifier of real frames; None if the generator has none.

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
