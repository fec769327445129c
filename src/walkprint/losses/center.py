"""Center loss per part.

Source: Wen, Zhang, Li, Qiao, "A discriminative feature learning approach for deep face recognition", ECCV 2016.
Deviations: the centers are parameters that the optimizer updates along with the network; the paper has a separate rule
and rate for them.
"""

import torch
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.losses.base import Loss, LossValue, check_subjects, no_loss
from walkprint.losses.pairs import by_part


class CenterLoss(Loss):
    """Half the squared distance of each clip to its subject's center, mean over batch and parts.

    Alone it would pull all embeddings to one point; combine it with a loss that separates subjects.

    Args:
        num_subjects: number of training subjects.
        parts, features: sizes of the network's embeddings.

    Raises:
        RecipeError: a size below 1.
    """

    def __init__(self, *, num_subjects: Subjects, parts: Width, features: Width) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.zeros(parts, num_subjects, features))

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `mean_distance` to the center.

        Args:
            output: its embeddings (batch, part, feature).
            subjects: int64 (batch,), from 0 to below the number of subjects.

        Raises:
            RecipeError: embeddings of other sizes.
            DataError: a subject is out of range (checked on the CPU only).
        """
        embeddings = by_part(output.embeddings, subjects)
        parts, known, features = self.centers.shape
        if (len(embeddings), embeddings.shape[2]) != (parts, features):
            raise RecipeError(
                f"CenterLoss: embeddings of {len(embeddings)} parts and {embeddings.shape[2]} features, but it was "
                f"built for {parts} and {features}; set parts and features to the network's"
            )
        if not len(subjects):
            return no_loss(embeddings, "mean_distance")
        check_subjects("CenterLoss", subjects, known, "set num_subjects to that of the training split")
        squares = (embeddings - self.centers.index_select(1, subjects)).square().sum(2)
        return LossValue(squares.mean() / 2, {"mean_distance": squares.detach().sqrt().mean()})
