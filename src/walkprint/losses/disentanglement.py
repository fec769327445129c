"""The losses of GaitNet, which separate codes of appearance, body and pose.

Source: Zhang, Tran, Yin, Atoum, Liu, Wan, Wang, "Gait recognition via disentangled representation learning", CVPR 2019;
Zhang, Tran, Liu, Liu, "On learning disentangled representations for gait recognition", TPAMI 2020; reductions and
weights as in the authors' released code.
Deviations: both clips of a pair are reconstructed and identified, not only the first. With more than two clips of a
subject in a batch, all pairs weigh the same. The canonical loss uses every frame; the released code uses one random
frame, which is the same on average. The weights of the identity loss sum to 1.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from walkprint.core.batch import DisentangledCodes, GaitOutput
from walkprint.core.errors import RecipeError
from walkprint.losses.base import Loss, LossValue, no_loss, widened

RECOMMENDED_WEIGHTS = {"reconstruction": 1.0, "similarity": 10.0, "identity": 0.5, "canonical": 1.0}
"""Weights in the sum, from the code of the TPAMI paper; it has 0.494 for the identity with clips of 20 frames.

The published scripts disagree: those of the CVPR paper weigh the similarity 1e-5, 0.01 or 10, and the identity 0.1.
"""


class CrossReconstructionLoss(Loss):
    """Reconstructs a frame from its own pose and the appearance and body of another frame of the clip.

    Mean squared error over pixels, summed over the frames of a clip, mean over clips. So its weight depends on the
    length of clips.
    """

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `error`, the root of the mean squared error, pixels from 0 to 1.

        Raises:
            RecipeError: the network gives no reconstruction.
        """
        codes = _codes_of(output)
        frames, rebuilt = _needed(codes.frames), widened(_needed(codes.reconstruction))
        if not rebuilt.numel():
            return no_loss(rebuilt, "error")
        error = F.mse_loss(rebuilt, widened(frames))
        return LossValue(error * rebuilt.shape[1], {"error": error.detach().sqrt()})


class PoseSimilarityLoss(Loss):
    """Clips of one subject have the same mean pose code, whatever they wear or carry.

    The mean squared difference over features, mean over pairs of clips of one subject; 0 without a pair.
    """

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `distance`, the mean of Euclidean distances.

        Raises:
            RecipeError: the network gives no codes.
        """
        means = widened(_codes_of(output).pose).mean(1)
        first, second = _pairs(subjects)
        if not len(first):
            return no_loss(means, "distance")
        difference = means[first] - means[second]
        return LossValue(difference.square().mean(), {"distance": difference.detach().norm(dim=1).mean()})


class IncrementalIdentityLoss(Loss):
    """Identity after every frame: cross entropy of the gait of the frames so far; later ones weigh more.

    Args:
        weights: "square" of the number of frames so far, or "even".

    Raises:
        RecipeError: other weights.
    """

    def __init__(self, *, weights: Literal["square", "even"] = "square") -> None:
        super().__init__()
        self.weights = weights

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `accuracy` of whole clips.

        Raises:
            RecipeError: the network gives no such logits.
        """
        logits = widened(_needed(_codes_of(output).gait_logits))
        if not logits.numel():
            return no_loss(logits, "accuracy")
        count = torch.arange(1, logits.shape[1] + 1, device=logits.device, dtype=logits.dtype)
        weights = count.square() if self.weights == "square" else torch.ones_like(count)
        losses = _cross_entropies(logits, subjects).mean(0)
        accuracy = (logits[:, -1].detach().argmax(1) == subjects).float().mean()
        return LossValue((weights * losses).sum() / weights.sum(), {"accuracy": accuracy})


class CanonicalConsistencyLoss(Loss):
    """A body stays the same within a clip and between clips of one subject, and it identifies the subject.

    Sum of three means: squared difference of the codes of two frames of a clip; of frames at the same position in two
    clips of one subject; cross entropy of each frame's canonical code.
    """

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: the three means `within`, `across`, `identity`.

        Raises:
            RecipeError: the network has no canonical code.
        """
        codes = _codes_of(output)
        canonical, logits = widened(_needed(codes.canonical)), widened(_needed(codes.canonical_logits))
        if not canonical.numel():
            return no_loss(canonical + logits.sum(), "within", "across", "identity")
        # The mean squared difference of all pairs of frames is twice their variance.
        within = 2 * canonical.var(1, correction=0).mean()
        first, second = _pairs(subjects)
        across = (canonical[first] - canonical[second]).square().mean() if len(first) else 0 * canonical.sum()
        identity = _cross_entropies(logits, subjects).mean()
        numbers = {"within": within.detach(), "across": across.detach(), "identity": identity.detach()}
        return LossValue(within + across + identity, numbers)


def _codes_of(output: GaitOutput) -> DisentangledCodes:
    if output.codes is None:
        raise RecipeError("losses of disentanglement: the network gives no codes; use GaitNet")
    return output.codes


def _needed(tensor: Tensor | None) -> Tensor:
    if tensor is None:
        raise RecipeError(
            "losses of disentanglement: the network gives only some of the codes; GaitNet gives all in training mode, "
            "canonical ones if their size is not 0"
        )
    return tensor


def _pairs(subjects: Tensor) -> tuple[Tensor, Tensor]:
    """Positions of both clips of every pair of one subject, each pair once."""
    same = subjects.unsqueeze(0) == subjects.unsqueeze(1)
    first, second = same.triu(1).nonzero(as_tuple=True)
    return first, second


def _cross_entropies(logits: Tensor, subjects: Tensor) -> Tensor:
    """(batch, time, subject) to (batch, time)."""
    return F.cross_entropy(logits.transpose(1, 2), subjects.unsqueeze(1).expand(logits.shape[:2]), reduction="none")
