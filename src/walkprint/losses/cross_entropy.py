"""Cross entropy per part.

Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016 (label smoothing); the
scale goes with cosine logits as in Fan et al., "OpenGait", CVPR 2023.
Deviations: none.
"""

from typing import Annotated

import torch.nn.functional as F
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Positive, Range
from walkprint.core.errors import RecipeError
from walkprint.losses.base import Loss, LossValue, check_subjects, no_loss, widened


class CrossEntropyLoss(Loss):
    """Classifies the training subject: cross entropy of scaled logits, mean over batch and parts.

    Args:
        scale: factor of the logits; 16 suits cosines, 1 plain logits.
        smoothing: share of the target spread evenly over all subjects, 0 to below 1.

    Raises:
        RecipeError: a scale that is not positive, or a smoothing out of range.
    """

    def __init__(self, *, scale: Positive = 16.0, smoothing: Annotated[float, Range(0, 1, below=True)] = 0.1) -> None:
        super().__init__()
        self.scale, self.smoothing = scale, smoothing

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `accuracy`, the share of parts that predict the right subject.

        Args:
            output: its logits (batch, part, subject).
            subjects: int64 (batch,), from 0 to below the number of subjects.

        Raises:
            RecipeError: the network has no classifier.
            DataError: a subject is out of range (checked on the CPU only).
        """
        logits = output.logits
        if logits is None:
            raise RecipeError("CrossEntropyLoss: the network gives no logits; give it num_subjects")
        logits = widened(logits)
        if logits.numel() == 0:
            return no_loss(logits, "accuracy")
        known = logits.shape[2]
        check_subjects("CrossEntropyLoss", subjects, known, "give the network the num_subjects of the training split")
        targets = subjects.unsqueeze(1).expand(-1, logits.shape[1])
        value = F.cross_entropy(self.scale * logits.flatten(0, 1), targets.flatten(), label_smoothing=self.smoothing)
        return LossValue(value, {"accuracy": (logits.detach().argmax(2) == targets).float().mean()})
