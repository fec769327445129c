"""Losses of the library pytorch-metric-learning, applied to each part and averaged over parts.

They need the extra `metric-learning`.

Source: Deng, Guo, Xue, Zafeiriou, "ArcFace", CVPR 2019; Wang et al., "CosFace", CVPR 2018; Sun et al., "Circle loss",
CVPR 2020; Khosla et al., "Supervised contrastive learning", NeurIPS 2020.
Deviations: those of the library. Its means exclude samples with a loss of 0, e.g. those without a positive.
It waits for a GPU several times a part, with `within` and without.
"""

import importlib
from collections.abc import Sequence
from typing import Annotated, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import NonNegative, Positive, Range, Subjects, Width
from walkprint.core.errors import RecipeError
from walkprint.losses.base import Field, Loss, LossValue, PairLoss, check_subjects, no_loss
from walkprint.losses.pairs import by_part, positives


class _MarginSoftmax(Loss):
    """Base of classifiers with a margin: one trained direction per part and subject; see `ArcFaceLoss`.

    The library has a class of the same name.
    """

    def __init__(
        self, num_subjects: Subjects, parts: Width, features: Width, margin: NonNegative, scale: Positive
    ) -> None:
        super().__init__()
        name = type(self).__name__
        make, self.num_subjects = _library(name, name), num_subjects
        self.by_part = nn.ModuleList(make(num_subjects, features, margin=margin, scale=scale) for _ in range(parts))

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; numbers: `accuracy`, the share of parts whose closest direction is the right subject's.

        Args:
            output: its embeddings (batch, part, feature).
            subjects: int64 (batch,), from 0 to below the number of subjects.

        Raises:
            RecipeError: embeddings of other sizes.
            DataError: a subject is out of range (checked on the CPU only).
        """
        name, embeddings = type(self).__name__, by_part(output.embeddings, subjects)
        weight: Tensor = self.by_part[0].W  # type: ignore[assignment]
        if (len(embeddings), embeddings.shape[2]) != (len(self.by_part), len(weight)):
            raise RecipeError(
                f"{name}: embeddings of {len(embeddings)} parts and {embeddings.shape[2]} features, but it was built "
                f"for {len(self.by_part)} and {len(weight)}; set parts and features to the network's"
            )
        if not len(subjects):
            return no_loss(embeddings, "accuracy")
        check_subjects(name, subjects, self.num_subjects, "set num_subjects to that of the training split")
        with torch.autocast(embeddings.device.type, enabled=False):
            losses = [loss(part, subjects) for loss, part in zip(self.by_part, embeddings, strict=True)]
            right = [self._right(loss, part, subjects) for loss, part in zip(self.by_part, embeddings, strict=True)]
        return LossValue(torch.stack(losses).mean(), {"accuracy": torch.stack(right).mean()})

    @staticmethod
    @torch.no_grad()
    def _right(loss: Any, part: Tensor, subjects: Tensor) -> Tensor:
        chosen: Tensor = loss.get_logits(part).argmax(1)
        return (chosen == subjects).to(torch.float32).mean()


class ArcFaceLoss(_MarginSoftmax):
    """Classifies the training subject, with a margin on the angle of the right one.

    Args:
        num_subjects: number of training subjects.
        parts, features: sizes of the network's embeddings.
        margin: degrees added to the angle.
        scale: of the cosines.

    Raises:
        RecipeError: a setting is out of range, or the library is absent.
    """

    def __init__(
        self, *, num_subjects: Subjects, parts: Width, features: Width, margin: NonNegative = 28.6,
        scale: Positive = 64.0,
    ) -> None:  # fmt: skip
        super().__init__(num_subjects, parts, features, margin, scale)


class CosFaceLoss(_MarginSoftmax):
    """Classifies the training subject, with a margin on the cosine of the right one.

    Args:
        num_subjects, parts, features, scale: as of `ArcFaceLoss`.
        margin: subtracted from the cosine.
    """

    def __init__(
        self, *, num_subjects: Subjects, parts: Width, features: Width, margin: NonNegative = 0.35,
        scale: Positive = 64.0,
    ) -> None:  # fmt: skip
        super().__init__(num_subjects, parts, features, margin, scale)


class _Pairs(PairLoss):
    """Base of the library's losses over the pairs of a batch."""

    loss: nn.Module

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`; numbers: `mean_cosine` over all pairs."""
        embeddings = by_part(output.embeddings, subjects)
        if not embeddings.numel():
            return no_loss(embeddings, "mean_cosine")
        pairs = None
        if self.within:
            barred, positive = positives(subjects, self_pairs=False, apart=self.apart(recordings))
            positive = positive & (~barred).any(1, keepdim=True)  # anchors without a negative take no part
            pairs = (*torch.where(positive), *torch.where(~barred))
        with torch.autocast(embeddings.device.type, enabled=False):
            value = torch.stack([self.loss(part, subjects, pairs) for part in embeddings]).mean()
            cosines = F.normalize(embeddings.detach(), dim=-1).mean(1).square().sum(1)
        return LossValue(value, {"mean_cosine": cosines.mean()})


class CircleLoss(_Pairs):
    """Circle loss: the further the cosine of a pair is from its optimum, the larger its gradient.

    Args:
        margin: how far from 1 and 0 the cosines of positives and negatives may stay.
        scale: of the cosines.
        within: negatives come only from clips that share these with the anchor, see `PairLoss`.

    Raises:
        RecipeError: a setting is out of range, or the library is absent.
    """

    def __init__(
        self,
        *,
        margin: Annotated[float, Range(0, 1, below=True)] = 0.25,
        scale: Positive = 128.0,
        within: Sequence[Field] | None = None,
    ) -> None:
        super().__init__(within)
        self.loss = _library("CircleLoss", "CircleLoss")(m=margin, gamma=scale)


class SupervisedContrastiveLoss(_Pairs):
    """Contrasts each positive with all other samples of the batch.

    Args:
        temperature: divides the cosines.
        within: as of `CircleLoss`.

    Raises:
        RecipeError: a temperature that is not positive, or the library is absent.
    """

    def __init__(self, *, temperature: Positive = 0.1, within: Sequence[Field] | None = None) -> None:
        super().__init__(within)
        self.loss = _library("SupervisedContrastiveLoss", "SupConLoss")(temperature=temperature)


def _library(ours: str, theirs: str) -> Any:
    """A loss class of the library, imported only when needed.

    Raises:
        RecipeError: it is not installed.
    """
    try:
        return getattr(importlib.import_module("pytorch_metric_learning.losses"), theirs)
    except ImportError as error:
        raise RecipeError(
            f"{ours}: needs pytorch-metric-learning ({error}); install it with pip install 'walkprint[metric-learning]'"
        ) from error
