"""The generalized inter-class loss and its terms.

Source: Yu, Yu, Huang, Wang, "Generalized inter-class loss for gait recognition", ACM Multimedia 2022, and its released
code for the weighted triplet and the pairwise softmax; uniformity after Wang, Isola, "Understanding contrastive
representation learning through alignment and uniformity on the hypersphere", ICML 2020.
Deviations: the released code has no uniformity term; here it acts on the means of the classes of a batch. The released
losses see batch-normalized features, which are long; on networks whose embeddings are short, the gradient of the
uniformity is bounded (`bounded`). The pairwise softmax compares cosines by default, which cannot overflow;
`similarity="dot"` is the released form.
"""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from walkprint.core.batch import GaitOutput
from walkprint.core.bounds import Fraction, NonNegative, Positive
from walkprint.losses.base import Field, Loss, LossValue, PairLoss, no_loss
from walkprint.losses.cross_entropy import CrossEntropyLoss
from walkprint.losses.pairs import (
    Acting,
    AllTriplets,
    by_part,
    count_triplets,
    listed,
    mean_of_active,
    pair_distances,
    positives,
)


class WeightedTripletLoss(PairLoss):
    """Triplet loss whose distances are multiplied by up to two, growing with the dissimilarity of the pair.

    Dissimilar positives and similar negatives get larger gradients, and every triplet has its own margin; its mean is
    the number `automatic_margin`.

    Args:
        margin: of the hinge, before weighting.
        self_pairs: whether a sample is its own positive.
        acting: effect of the weights. They multiply the gradients of pairs ("pull") and shift the margin of each
            triplet ("margin"); "both" is the published loss, the others separate its two effects.
        within: negatives come only from clips that share these with the anchor, see `PairLoss`.

    Raises:
        RecipeError: a negative margin, or an unknown effect.
    """

    def __init__(
        self,
        *,
        margin: NonNegative = 0.2,
        self_pairs: bool = True,
        acting: Acting = "both",
        within: Sequence[Field] | None = None,
    ) -> None:
        super().__init__(within)
        self.margin, self.self_pairs, self.acting = margin, self_pairs, acting

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`."""
        embeddings = by_part(output.embeddings, subjects)
        if embeddings.numel() == 0:
            return no_loss(embeddings, "active", "automatic_margin")
        barred, positive = positives(subjects, self_pairs=self.self_pairs, apart=self.apart(recordings))
        largest = torch.stack([_dissimilarity(part).max() for part in torch.split(embeddings.detach(), 4)]).max()

        def weigh(chunk: Tensor) -> Tensor:
            return 1 + _dissimilarity(chunk) / largest

        totals, actives, _ = AllTriplets.apply(embeddings, barred, positive, self.margin, weigh, self.acting)  # type: ignore[no-untyped-call]
        extra = _mean_extra_margin(embeddings.detach(), barred, positive, largest)
        if self.acting == "pull":  # whose hinges keep their margin
            extra = 0 * extra
        numbers = {"active": actives.mean() / count_triplets(barred, positive), "automatic_margin": self.margin + extra}
        return LossValue(mean_of_active(totals, actives).mean(), numbers)


class PairwiseSoftmaxLoss(PairLoss):
    """A smooth triplet: the cross entropy of a positive against a negative, for every triplet.

    Args:
        temperature: divides the similarities.
        similarity: "cosine", or "dot" as released.
        noisy_weight: weight of triplets whose negative is more similar than the positive in one random part; 1 is no
            filter. The draw depends only on the number of earlier batches, so all processes draw the same.
        self_pairs: whether a sample is its own positive.
        within: negatives come only from clips that share these with the anchor, see `PairLoss`.

    Raises:
        RecipeError: a setting is out of range.
    """

    def __init__(
        self,
        *,
        temperature: Positive = 0.1,
        similarity: Literal["cosine", "dot"] = "cosine",
        noisy_weight: Fraction = 1.0,
        self_pairs: bool = True,
        within: Sequence[Field] | None = None,
    ) -> None:
        super().__init__(within)
        self.temperature, self.similarity = temperature, similarity
        self.noisy_weight, self.self_pairs = noisy_weight, self_pairs
        self.batches: Tensor
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`."""
        embeddings = by_part(output.embeddings, subjects)
        if embeddings.numel() == 0:
            return no_loss(embeddings, "beaten")
        barred, positive = positives(subjects, self_pairs=self.self_pairs, apart=self.apart(recordings))
        directions = F.normalize(embeddings, dim=-1) if self.similarity == "cosine" else embeddings
        with torch.autocast(embeddings.device.type, enabled=False):
            similar = directions @ directions.transpose(1, 2) / self.temperature
        deciding = self._draw(len(similar)) if self.noisy_weight < 1 else None
        total, beaten = similar.new_zeros(len(similar)), similar.new_zeros(())
        triplets = count_triplets(barred, positive)
        for column in listed(positive).T:
            index = column.clamp_min(0).expand(len(similar), -1).unsqueeze(2)
            excess = similar - similar.gather(2, index)
            counts = (~barred & (column >= 0).unsqueeze(1)).to(similar.dtype)
            beaten = beaten + ((excess.detach() > 0) * counts).sum()
            if deciding is not None:
                counts = counts * torch.where(excess[deciding].detach() > 0, self.noisy_weight, 1.0)
            total = total + (F.softplus(excess) * counts).sum((1, 2))
        return LossValue((total / triplets).mean(), {"beaten": beaten / (triplets * len(similar))})

    def _draw(self, parts: int) -> int:
        """The random part of this batch, see `noisy_weight`."""
        generator = torch.Generator().manual_seed(int(self.batches))
        self.batches += 1
        return int(torch.randint(parts, (), generator=generator))


class ClassUniformityLoss(Loss):
    """Spread the directions of class means over the hypersphere.

    Args:
        sharpness: of the kernel exp(-sharpness * squared distance).
        bounded: multiply the gradient of each part by the mean length of its embeddings if that is below 1. The
            gradient of a direction grows as an embedding shrinks, that of a distance does not: combined with a triplet
            loss, the unbounded term shrinks short embeddings to zero length.

    Raises:
        RecipeError: a sharpness that is not positive.
    """

    def __init__(self, *, sharpness: Positive = 2.0, bounded: bool = True) -> None:
        super().__init__()
        self.sharpness, self.bounded = sharpness, bounded

    def forward(self, output: GaitOutput, subjects: Tensor) -> LossValue:
        """See `Loss`; 0 with fewer than two subjects."""
        embeddings = by_part(output.embeddings, subjects)
        if embeddings.numel() == 0:
            return no_loss(embeddings, "mean_distance_of_classes")
        same = subjects.unsqueeze(0) == subjects.unsqueeze(1)
        # The first clip of each class stands for it: shapes that do not depend on the data keep a GPU running.
        first = same.to(torch.uint8).argmax(1)
        place = torch.arange(len(subjects), device=subjects.device)
        stands = first == place
        apart = stands.unsqueeze(0) & stands.unsqueeze(1) & (place.unsqueeze(0) != place.unsqueeze(1))
        pairs = apart.sum()
        sums = torch.zeros_like(embeddings).index_add(1, first, F.normalize(embeddings, dim=-1))
        means = F.normalize(sums, dim=-1)
        with torch.autocast(embeddings.device.type, enabled=False):
            squared = 2 - 2 * means @ means.transpose(1, 2)
        exponents = (-self.sharpness * squared).masked_fill(~apart & (pairs > 0), -torch.inf)
        value = (torch.logsumexp(exponents, dim=(1, 2)) - pairs.clamp_min(1).log()) * (pairs > 0)
        distances = squared.detach().relu().sqrt() * apart
        if self.bounded:
            share = embeddings.detach().norm(dim=2).mean(1).clamp_max(1)
            value = share * value + ((1 - share) * value).detach()  # the same value, a smaller gradient
        mean = distances.sum() / (pairs.clamp_min(1) * len(embeddings))
        return LossValue(value.mean(), {"mean_distance_of_classes": mean})


class GeneralizedInterClassLoss(PairLoss):
    """Weighted triplet and class uniformity; the softmax form adds pairwise softmax and cross entropy.

    Args:
        form: "margin" or "softmax".
        margin: of the weighted triplet.
        temperature: of the pairwise softmax.
        uniformity: weight of the class uniformity.
        bounded: see `ClassUniformityLoss`.
        scale, smoothing: of the cross entropy.
        within: of the weighted triplet and the pairwise softmax, see `PairLoss`.

    Raises:
        RecipeError: an unknown form.
    """

    def __init__(
        self,
        *,
        form: Literal["margin", "softmax"] = "margin",
        margin: NonNegative = 0.2,
        temperature: Positive = 0.1,
        uniformity: NonNegative = 0.1,
        bounded: bool = True,
        scale: Positive = 1.0,
        smoothing: Fraction = 0.0,
        within: Sequence[Field] | None = None,
    ) -> None:
        super().__init__(within)
        terms: dict[str, tuple[float, Loss]] = {
            "triplet": (1.0, WeightedTripletLoss(margin=margin, within=within)),
            "uniformity": (uniformity, ClassUniformityLoss(bounded=bounded)),
        }
        if form == "softmax":
            terms["softmax"] = (1.0, PairwiseSoftmaxLoss(temperature=temperature, within=within))
            terms["identity"] = (1.0, CrossEntropyLoss(scale=scale, smoothing=smoothing))
        self.terms = terms

    def forward(self, output: GaitOutput, subjects: Tensor, recordings: Tensor | None = None) -> LossValue:
        """See `Loss`; numbers: those of the terms, under their names."""
        values = {name: loss(output, subjects, recordings) for name, (_, loss) in self.terms.items()}
        weighted = [self.terms[name][0] * one.value for name, one in values.items()]
        numbers = {name: one.value.detach() for name, one in values.items()}
        for name, one in values.items():
            numbers |= {f"{name}_{number}": value for number, value in one.numbers.items()}
        return LossValue(torch.stack(weighted).sum(), numbers)


def _dissimilarity(embeddings: Tensor) -> Tensor:
    """From 0.01 for equal directions to 1.01 for opposite ones: (part, batch, feature) to (part, batch, batch)."""
    with torch.autocast(embeddings.device.type, enabled=False):
        directions = F.normalize(embeddings, dim=-1)
        return 1 - (directions @ directions.transpose(1, 2) + 1) / 2 + 0.01


def _mean_extra_margin(embeddings: Tensor, barred: Tensor, positive: Tensor, largest: Tensor) -> Tensor:
    """What the weights add to the margin, mean over triplets and parts."""
    near, far = positive.sum(1).to(embeddings.dtype), (~barred).sum(1).to(embeddings.dtype)
    extra = embeddings.new_zeros(())
    for chunk in torch.split(embeddings, 4):
        added = pair_distances(chunk) * _dissimilarity(chunk) / largest
        per_anchor = (added * positive).sum(2) * far - (added * ~barred).sum(2) * near
        extra = extra + per_anchor.sum()
    return extra / ((near * far).sum().clamp_min(1) * len(embeddings))
