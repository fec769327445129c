"""Losses for open sets: every batch is a small identification with strangers.

Source: Su, Kim, Liu, Jain, Liu, "Open-set biometrics: beyond good closed-set models", ECCV 2024, arXiv 2407.16133, and
its released code for the scales.
Deviations: the release splits each subject's clips into enrolled ones and probes; here every clip is a probe, compared
with the mean of its subject's other clips and with the means of the other subjects, so that the order of a batch does
not matter. Every fold counts the same, whatever the number of its strangers. The two losses are apart; released
recipes weight the second one with 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Count, Positive
from walkprint.losses.base import Loss, LossValue, no_loss
from walkprint.losses.pairs import by_part, roots


class IdentificationDetectionLoss(Loss):
    """Probes of enrolled subjects score higher than the strangers do, and come first.

    One fold of the subjects after the other is taken for strangers. The scores of the strangers' clips are the
    thresholds. A probe counts by how many of them its own subject's score exceeds, times how near it is to rank 1,
    both made smooth; the loss is 1 minus the mean. A GPU is waited for, to know who is in the batch.

    Args:
        folds: into how many groups the subjects of a batch are divided; no more than there are subjects.
        score_scale: steepness of the comparison of scores with thresholds.
        rank_scale: steepness of the comparison of a rank with 1.
        difference_scale: steepness of the comparison of scores that makes up the rank.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        folds: Count = 4,
        score_scale: Positive = 6.0,
        rank_scale: Positive = 0.2,
        difference_scale: Positive = 6.0,
    ) -> None:
        super().__init__()
        self.folds, self.score_scale = folds, score_scale
        self.rank_scale, self.difference_scale = rank_scale, difference_scale

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; number: `detected`, the smooth rate of detection and identification."""
        embeddings = by_part(output.embeddings, subjects)
        found = []
        for fold in _folds(embeddings, subjects, self.folds):
            if not fold.own.numel():
                continue
            ahead = torch.sigmoid(self.difference_scale * (fold.scores - fold.own.unsqueeze(2)))
            rank = 0.5 + (ahead * fold.others).sum(2)
            first = torch.sigmoid(self.rank_scale * (1 - rank))
            thresholds = fold.strangers.flatten(1).unsqueeze(1)
            detected = torch.sigmoid(self.score_scale * (fold.own.unsqueeze(2) - thresholds)).mean(2)
            found.append((first * detected).mean())
        if not found:
            return no_loss(embeddings, "detected")
        rate = torch.stack(found).mean()
        return LossValue(1 - rate, {"detected": rate.detach()})


class RelativeThresholdLoss(Loss):
    """The best score that a stranger's clip reaches is low: relative threshold minimization.

    The best of the scores with all enrolled subjects is taken as their mean, weighted by the softmax of the negative
    distances. A GPU is waited for, to know who is in the batch.

    Args:
        folds: see `IdentificationDetectionLoss`.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(self, *, folds: Count = 4) -> None:
        super().__init__()
        self.folds = folds

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; number: `best_score` of strangers, smooth as above."""
        embeddings = by_part(output.embeddings, subjects)
        found = [
            ((1 - 1 / fold.strangers).softmax(2) * fold.strangers).sum(2).mean()  # 1 - 1 / score: minus the distance
            for fold in _folds(embeddings, subjects, self.folds)
        ]
        if not found:
            return no_loss(embeddings, "best_score")
        best = torch.stack(found).mean()
        return LossValue(best, {"best_score": best.detach()})


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """Scores of one fold, in (0, 1]: 1 / (1 + distance).

    Attributes:
        own: (part, probe), of probes of enrolled subjects with the mean of their subject's other clips.
        scores: (part, probe, subject), of the same probes with the means of all enrolled subjects.
        others: (probe, subject), 1 where a subject is not the probe's own.
        strangers: (part, clip, subject), of strangers' clips with the means of all enrolled subjects.
    """

    own: Tensor
    scores: Tensor
    others: Tensor
    strangers: Tensor


def _folds(embeddings: Tensor, subjects: Tensor, folds: int) -> Iterator[_Fold]:
    """Every fold of a batch, in the order of the class indices; none where there is only one subject.

    Args:
        embeddings: (part, batch, feature).
        subjects: int64 (batch,).
        folds: how many.
    """
    names, place, counts = np.unique(subjects.cpu().numpy(), return_inverse=True, return_counts=True)
    if len(names) < 2 or not embeddings.numel():
        return
    device = embeddings.device
    index, clips = (torch.from_numpy(one).to(device) for one in (place, counts))
    sums = embeddings.new_zeros(len(embeddings), len(names), embeddings.shape[2]).index_add(1, index, embeddings)
    rest = (sums.index_select(1, index) - embeddings) / (clips[index] - 1).clamp_min(1).unsqueeze(1)
    own = 1 / (1 + roots((rest - embeddings).square().sum(-1)))
    scores = 1 / (1 + _distances(embeddings, sums / clips.unsqueeze(1)))
    fold_of = np.arange(len(names)) // -(-len(names) // min(folds, len(names)))
    for number in range(fold_of.max() + 1):
        enrolled = np.flatnonzero(fold_of != number)
        strangers = np.flatnonzero(fold_of[place] == number)
        probes = np.flatnonzero((fold_of[place] != number) & (counts[place] > 1))
        if not len(enrolled):
            continue
        columns, rows, probing = (torch.from_numpy(one).to(device) for one in (enrolled, strangers, probes))
        yield _Fold(
            own.index_select(1, probing),
            scores.index_select(1, probing).index_select(2, columns),
            (index[probing].unsqueeze(1) != columns).to(scores.dtype),
            scores.index_select(1, rows).index_select(2, columns),
        )


def _distances(clips: Tensor, means: Tensor) -> Tensor:
    """(part, batch, feature) and (part, subject, feature) to (part, batch, subject)."""
    with torch.autocast(clips.device.type, enabled=False):
        inner = clips @ means.transpose(1, 2)
        squared = clips.square().sum(-1).unsqueeze(2) + means.square().sum(-1).unsqueeze(1) - 2 * inner
    return roots(squared.relu())
