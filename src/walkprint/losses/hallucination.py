"""Triplets with hallucinated clips: what a change of clothes does to some people's features is done to those of others.

Source: S. Hou, P. Huang, X. Liu, C. Cao and Y. Huang, "Cloth-Imbalanced Gait Recognition via Hallucination", IEEE TCSVT
2024, by its abstract; no code is published.
Deviations: not known. Here a direction is the mean over the people of the batch who show it from one view, all parts
together, and the triplet loss is over recorded and hallucinated clips.
"""

import torch
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import NonNegative
from walkprint.losses.base import Loss, LossValue, no_loss
from walkprint.losses.pairs import by_part
from walkprint.losses.triplet import TripletLoss


class HallucinatedTripletLoss(Loss):
    """The triplet loss over a batch's clips and those that are made from them.

    A subject with clips in two conditions from one view gives a direction: from the mean of those in the one to that of
    those in the other. The mean of these directions is added to the clips in the first condition, from this view, of
    all subjects who have none in the second from there, all within the batch. So a clip is changed at most once for
    each other condition, and normal walking is made of coats too. Draw conditions evenly, or a batch seldom has such a
    subject. A GPU is waited for, to know who is in the batch.

    Args:
        margin: by which positives are closer than negatives.
        through: whether the gradient passes through the directions, too.
        self_pairs: whether a clip is its own positive.

    Raises:
        RecipeError: a negative margin.
    """

    recordings_for = "directions between conditions"

    def __init__(self, *, margin: NonNegative = 0.2, through: bool = True, self_pairs: bool = True) -> None:
        super().__init__()
        self.through, self.triplet = through, TripletLoss(margin=margin, self_pairs=self_pairs)

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`; numbers: those of `TripletLoss`, and `made`, clips hallucinated.

        Args:
            output: its embeddings (batch, part, feature).
            subjects: int64 (batch,).
            recordings: int64 (batch, 3), see `ClipBatch`.
        """
        embeddings = by_part(output.embeddings, subjects)
        if embeddings.numel() == 0 or recordings is None:
            return no_loss(embeddings, "active", "mean_distance", "made")
        made, owners = self._made(embeddings, subjects, recordings)
        every = GaitOutput(torch.cat([embeddings, made], 1).transpose(0, 1))
        judged = self.triplet(every, torch.cat([subjects, owners]))
        return LossValue(judged.value, {**judged.numbers, "made": embeddings.new_tensor(float(len(owners)))})

    def _made(self, embeddings: Tensor, subjects: Tensor, recordings: Tensor) -> tuple[Tensor, Tensor]:
        """Hallucinated clips (part, clip, feature) and their subjects (clip,)."""
        condition, _, view = recordings.T
        groups, place, count = torch.unique(
            torch.stack([subjects, view, condition], 1), dim=0, return_inverse=True, return_counts=True
        )
        who, where, what = groups.T
        changes = (who.unsqueeze(1) == who) & (where.unsqueeze(1) == where) & (what.unsqueeze(1) != what)
        start, end = changes.nonzero().T
        kinds, kind, people = torch.unique(
            torch.stack([where[start], what[start], what[end]], 1), dim=0, return_inverse=True, return_counts=True
        )
        means = _summed(embeddings, place, len(groups)) / count.unsqueeze(1)
        means = means if self.through else means.detach()
        directions = _summed(means.index_select(1, end) - means.index_select(1, start), kind, len(kinds))
        directions = directions / people.unsqueeze(1)
        seen, before, after = kinds.T
        shown = (subjects.view(-1, 1, 1) == who) & (view.view(-1, 1, 1) == where) & (after.unsqueeze(1) == what)
        fits = (view.unsqueeze(1) == seen) & (condition.unsqueeze(1) == before) & ~shown.any(2)
        clip, taken = fits.nonzero().T
        return embeddings.index_select(1, clip) + directions.index_select(1, taken), subjects[clip]


def _summed(values: Tensor, place: Tensor, count: int) -> Tensor:
    """(part, value, feature) to (part, count, feature): the sums of those that share a place."""
    return values.new_zeros(len(values), count, values.shape[2]).index_add(1, place, values)
