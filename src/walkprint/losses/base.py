"""Base of all losses: from a network's output and the subjects to one number.

Source: none; a base is no published method.
Deviations: none.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.described import Described
from walkprint.core.errors import DataError, RecipeError

Field = Literal["condition", "take", "view"]
_COLUMNS = ("condition", "take", "view")  # of a batch's recordings


@dataclass(frozen=True, slots=True, eq=False)
class LossValue:
    """The value of a loss.

    Attributes:
        value: scalar, always attached to the graph; 0 for a batch without pairs.
        numbers: detached scalars for the log.
    """

    value: Tensor
    numbers: dict[str, Tensor] = field(default_factory=dict)


def no_loss(tensor: Tensor, *names: str) -> LossValue:
    """The value of a batch without anything to learn: 0, attached to the graph of `tensor`, also for all `names`."""
    zero = 0 * tensor.sum()
    return LossValue(zero, {name: zero.detach() for name in names})


def widened(tensor: Tensor) -> Tensor:
    """In float32, or in float64 if it is already."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def check_subjects(name: str, subjects: Tensor, known: int, remedy: str) -> None:
    """Refuse class indices out of range; on the CPU only, because reading them would wait for a GPU.

    Raises:
        DataError: names the lowest and the highest.
    """
    if subjects.device.type != "cpu" or not len(subjects):
        return
    least, most = (int(end) for end in (subjects.numpy().min(), subjects.numpy().max()))
    if not 0 <= least <= most < known:
        raise DataError(f"{name}: subjects from {least} to {most}, expected 0 to {known - 1}: {remedy}")


class Loss(Described, nn.Module, ABC):
    """Base of all losses.

    A loss sees the whole global batch: training gathers outputs over processes first, so a loss does not depend on the
    number of processes. It computes in float32 in any precision of the network.

    Attributes:
        recordings_for: what it needs a batch's recordings for; "" if it does not.
    """

    recordings_for: str = ""

    def __init__(self) -> None:  # torch's accepts any arguments and would hide misspelled settings
        super().__init__()

    def __call__(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """The loss of a batch: `forward` after a check of what it is given, with a value in float32 or wider.

        The check reads shape and type only, so no device has to be waited for.

        Args:
            output, subjects: see `forward`.
            recordings: int64 (batch, 3), see `ClipBatch`; only losses with `recordings_for` need them.

        Raises:
            DataError: not one class index for each clip, or no recordings where they are needed.
        """
        parts = {"embeddings": output.embeddings} | ({} if output.logits is None else {"logits": output.logits})
        fits = all(one.ndim == 3 and one.shape[:1] == subjects.shape for one in parts.values())
        if not fits or subjects.dtype != torch.int64:
            found = ", ".join(f"{name} {tuple(one.shape)}" for name, one in parts.items())
            raise DataError(
                f"{type(self).__name__}: {found}, {subjects.dtype} subjects {tuple(subjects.shape)}; expected (batch, "
                "part, feature), (batch, part, subject) and int64 (batch,)"
            )
        needed = bool(self.recordings_for)
        if needed and (recordings is None or recordings.shape != (len(subjects), len(_COLUMNS))):
            raise DataError(
                f"{type(self).__name__}: {self.recordings_for}, but recordings are "
                f"{None if recordings is None else tuple(recordings.shape)}; expected int64 ({len(subjects)}, 3): "
                "give each ClipBatch its recordings"
            )
        judged: LossValue = super().__call__(output, subjects, *([recordings] if needed else []))
        if judged.value.dtype in (torch.float32, torch.float64):
            return judged
        return LossValue(judged.value.float(), judged.numbers)

    @abstractmethod
    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """The loss of a batch.

        Args:
            output: embeddings (batch, part, feature) and, for classification, logits (batch, part, subject).
            subjects: int64 (batch,), class indices.
        """


class PairLoss(Loss):
    """Base of losses that form pairs, which can take negatives from one source only.

    Args:
        within: negatives come only from clips that share these with the anchor, e.g. its view; positives from all.

    Raises:
        RecipeError: `within` is no list of condition, take and view.
    """

    def __init__(self, within: Sequence[Field] | None = None) -> None:
        super().__init__()
        self.within = () if within is None else tuple(within)
        if isinstance(within, str) or set(self.within) - set(_COLUMNS):
            raise RecipeError(
                f"{type(self).__name__}: within is {within!r}, expected a list of {', '.join(_COLUMNS)}, e.g. [view]"
            )
        if self.within:
            self.recordings_for = f"negatives within one {' and '.join(self.within)}"

    @abstractmethod
    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`.

        Args:
            output, subjects: as of every loss.
            recordings: int64 (batch, 3), see `ClipBatch`; None where `within` is empty.
        """

    def apart(self, recordings: Tensor | None) -> Tensor | None:
        """Which clips differ in what negatives must share: bool (batch, batch), or None where they share nothing."""
        if not self.within or recordings is None:
            return None
        codes = [recordings[:, _COLUMNS.index(name)] for name in self.within]
        return torch.stack([one.unsqueeze(0) != one.unsqueeze(1) for one in codes]).any(0)
