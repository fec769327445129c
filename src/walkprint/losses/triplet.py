"""Triplet loss per part.

Source: Hermans, Beyer, Leibe, "In defense of the triplet loss for person re-identification", 2017; per part as in
Chao et al., "GaitSet", AAAI 2019.
Deviations: none. A sample's pair with itself counts as a positive pair of distance 0 by default, as in the runs that
published numbers come from; `self_pairs=False` leaves these out.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import NonNegative
from walkprint.losses.base import Field, LossValue, PairLoss, no_loss
from walkprint.losses.pairs import AllTriplets, by_part, count_triplets, mean_of_active, pair_distances, positives


class TripletLoss(PairLoss):
    """Positives are closer than negatives by a margin, in every part.

    Any number of samples per subject may be in the batch. A batch without a triplet gives 0.

    Args:
        margin: the required difference of distances.
        mining: "all" averages over all active triplets of a part, "hard" over the anchors with their farthest
            positive and nearest negative; then comes the mean over parts.
        distance: "euclidean" of the embeddings as they are, or "cosine": Euclidean on the unit sphere.
        self_pairs: whether a sample is its own positive.
        within: negatives come only from clips that share these with the anchor, see `PairLoss`.

    Raises:
        RecipeError: an unknown mining, distance or `within`, or a negative margin.
    """

    def __init__(
        self,
        *,
        margin: NonNegative = 0.2,
        mining: Literal["all", "hard"] = "all",
        distance: Literal["euclidean", "cosine"] = "euclidean",
        self_pairs: bool = True,
        within: Sequence[Field] | None = None,
    ) -> None:
        super().__init__(within)
        self.margin, self.mining, self.distance, self.self_pairs = margin, mining, distance, self_pairs

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`; numbers: `active`, the fraction of triplets (anchors) above 0, and `mean_distance`.

        Args:
            output: its embeddings (batch, part, feature).
            subjects: int64 (batch,).
            recordings: int64 (batch, 3), for `within`.
        """
        embeddings = by_part(output.embeddings, subjects)
        if embeddings.numel() == 0:
            return no_loss(embeddings, "active", "mean_distance")
        if self.distance == "cosine":
            embeddings = F.normalize(embeddings, dim=-1)
        loss = self._all if self.mining == "all" else self._hard
        return loss(embeddings, *positives(subjects, self_pairs=self.self_pairs, apart=self.apart(recordings)))

    def _all(self, embeddings: Tensor, barred: Tensor, positive: Tensor) -> LossValue:
        totals, actives, means = AllTriplets.apply(embeddings, barred, positive, self.margin, None)  # type: ignore[no-untyped-call]
        numbers = {"active": actives.mean() / count_triplets(barred, positive), "mean_distance": means.mean()}
        return LossValue(mean_of_active(totals, actives).mean(), numbers)

    def _hard(self, embeddings: Tensor, barred: Tensor, positive: Tensor) -> LossValue:
        distances = pair_distances(embeddings)
        farthest = distances.masked_fill(~positive, -torch.inf).amax(2)
        nearest = distances.masked_fill(barred, torch.inf).amin(2)
        terms = (farthest - nearest + self.margin).clamp_min(0)  # without positive or negative: 0
        anchors = (positive.any(1) & ~barred.all(1)).sum().clamp_min(1)
        numbers = {
            "active": (terms.detach() > 0).sum() / (anchors * len(distances)),
            "mean_distance": distances.detach().mean(),
        }
        return LossValue(terms.sum() / (anchors * len(distances)), numbers)
