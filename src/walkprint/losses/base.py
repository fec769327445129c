"""What every loss promises: a network's output and the subjects in, one number and what it is made of out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.described import Described
from walkprint.core.errors import DataError


@dataclass(frozen=True, slots=True, eq=False)
class LossValue:
    """A loss.

    Attributes:
        value: scalar with gradient; also where nothing is to be learned it hangs on the graph.
        numbers: scalars for the log, detached.
    """

    value: Tensor
    numbers: dict[str, Tensor] = field(default_factory=dict)


def check_subjects(name: str, subjects: Tensor, known: int, remedy: str) -> None:
    """Refuse class indices out of range; only on the processor, as a GPU would have to be waited for.

    Raises:
        DataError: there are some.
    """
    if subjects.device.type != "cpu" or not len(subjects):
        return
    least, most = (int(end) for end in (subjects.numpy().min(), subjects.numpy().max()))
    if not 0 <= least <= most < known:
        raise DataError(f"{name}: subjects from {least} to {most}, expected 0 to {known - 1}: {remedy}")


class Loss(Described, nn.Module, ABC):
    """Base of all losses.

    A loss sees the whole global batch: training gathers outputs over processes before it asks for the loss, so none
    needs to know how many processes there are. It computes in float32 whatever precision the network ran in.
    """

    def __init__(self) -> None:  # torch's takes any arguments and would hide misspelt settings
        super().__init__()

    @abstractmethod
    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """Judge a batch.

        Args:
            output: embeddings (batch, part, feature) and, for classification, logits (batch, part, subject).
            subjects: int64 (batch,), class indices.
        """
