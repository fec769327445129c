"""What losses over pairs share: distances per part, who is whose positive, and all triplets in little memory."""

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from walkprint.core.errors import DataError
from walkprint.losses.base import widened

Weighting = Callable[[Tensor], Tensor]
Acting = Literal["both", "pull", "margin"]
_CPU_CHUNK, _GPU_CHUNK = 2**16, 2**25


def by_part(embeddings: Tensor, subjects: Tensor) -> Tensor:
    """Embeddings with the part first, in float32 or better.

    Args:
        embeddings: (batch, part, feature).
        subjects: int64 (batch,).

    Returns:
        (part, batch, feature).

    Raises:
        DataError: the two do not agree.
    """
    if embeddings.ndim != 3 or subjects.shape != embeddings.shape[:1]:
        raise DataError(
            f"loss: embeddings {tuple(embeddings.shape)} and subjects {tuple(subjects.shape)}, "
            "expected (batch, part, feature) and (batch,)"
        )
    return widened(embeddings).transpose(0, 1)


def pair_distances(embeddings: Tensor) -> Tensor:
    """Euclidean distances within each part.

    They are roots of `x2 + y2 - 2xy` in the reference's order, so that a sample's distance to itself is that of its
    rounding, up to 1e-3 of its length in float32.

    Args:
        embeddings: (part, batch, feature).

    Returns:
        (part, batch, batch).
    """
    with torch.autocast(embeddings.device.type, enabled=False):
        squares = embeddings.square().sum(-1)
        inner = embeddings @ embeddings.transpose(1, 2)
        squared = (squares.unsqueeze(2) + squares.unsqueeze(1) - 2 * inner).relu_()
    return roots(squared)


def roots(squared: Tensor) -> Tensor:
    """Square roots without slope at zero: samples that coincide get zero gradient instead of an infinite one."""
    flat = squared == 0
    return squared.masked_fill(flat, 1.0).sqrt().masked_fill(flat, 0.0)


def positives(subjects: Tensor, *, self_pairs: bool, apart: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Which samples are positives of each, and which are no negatives.

    Args:
        subjects: int64 (batch,).
        self_pairs: whether a sample is its own positive.
        apart: bool (batch, batch), which samples are no negatives of each even where the subject is another.

    Returns:
        Two of bool (batch, batch): the barred, which are no negatives, because they are of one subject (diagonal
        included) or apart; and the positives of each.
    """
    same = subjects.unsqueeze(0) == subjects.unsqueeze(1)
    barred = same if apart is None else same | apart
    if self_pairs:
        return barred, same
    return barred, same & ~torch.eye(len(subjects), dtype=torch.bool, device=subjects.device)


def listed(positive: Tensor) -> Tensor:
    """Positives as lists; a GPU is waited for, to know how long they are.

    Args:
        positive: bool (batch, batch) of `positives`.

    Returns:
        int64 (batch, most), positions of each sample's positives, -1 where it has fewer.
    """
    most = int(positive.cpu().numpy().sum(1).max(initial=0))
    held, order = positive.to(torch.uint8).topk(most, dim=1) if most else (positive[:, :0], positive[:, :0].long())
    return order.masked_fill(held == 0, -1)


def count_triplets(barred: Tensor, positive: Tensor) -> Tensor:
    """How many triplets a batch holds, at least 1: scalar."""
    return (positive.sum(1) * (~barred).sum(1)).sum().clamp_min(1)


class AllTriplets(torch.autograd.Function):
    """Hinge terms of all triplets per part: their sum, how many are active, and the mean distance.

    Parts are taken a few at a time, and the gradient is made along with the value, so that memory is that of a few
    distance matrices instead of one number per triplet.
    """

    @staticmethod
    def forward(
        ctx: Any,
        embeddings: Tensor,
        barred: Tensor,
        positive: Tensor,
        margin: float,
        weighting: Weighting | None,
        acting: Acting = "both",
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Terms `distance(anchor, positive) - distance(anchor, negative) + margin` above 0.

        Args:
            embeddings: (part, batch, feature).
            barred, positive: bool (batch, batch) of `positives`.
            margin: of the hinge.
            weighting: factors (part, batch, batch) of the distances from embeddings, constant to the gradient.
            acting: whether the factors multiply gradients ("pull"), move the margin of each triplet ("margin"), which
                is what multiplying distances does to the hinge, or both.

        Returns:
            Three of (part,): sum of the terms, number of active terms, mean of all distances.
        """
        parts, batch, _ = embeddings.shape
        on_cpu = embeddings.device.type == "cpu"
        step = max(1, (_CPU_CHUNK if on_cpu else _GPU_CHUNK) // max(1, batch * batch))
        lists = listed(positive) if on_cpu else None
        gradient = torch.empty_like(embeddings) if ctx.needs_input_grad[0] else None
        results = []
        for start in range(0, parts, step):
            chunk = embeddings[start : start + step].contiguous()
            distances = pair_distances(chunk)
            factors = None if weighting is None else weighting(chunk)
            scaled = distances if factors is None or acting == "pull" else distances * factors
            if lists is not None:
                total, active, slope = _terms_by_list(scaled, barred, lists, margin)
            else:
                total, active, slope = _terms_by_order(scaled, barred, positive, margin)
            results.append((total, active, distances.mean((1, 2))))
            if gradient is not None:
                slope = slope if factors is None or acting == "margin" else slope * factors
                gradient[start : start + step] = _through_distances(chunk, distances, slope)
        ctx.save_for_backward(gradient)
        totals, actives, means = (torch.cat(list(column)) for column in zip(*results, strict=True))
        ctx.mark_non_differentiable(actives, means)
        return totals, actives, means

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient made in `forward`, times that of the sums."""
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0].view(-1, 1, 1), None, None, None, None, None


def _terms_by_list(distances: Tensor, barred: Tensor, lists: Tensor, margin: float) -> tuple[Tensor, Tensor, Tensor]:
    """Sum and number of active terms (part,), and the sum's slope in each distance (part, batch, batch).

    Positives are taken one by one: quick where a call costs little.
    """
    negatives = distances.masked_fill(barred, torch.inf)
    slope = torch.zeros_like(distances)
    total, active = distances.new_zeros(len(distances)), distances.new_zeros(len(distances))
    for column in lists.T:
        index = column.clamp_min(0).expand(len(distances), -1).unsqueeze(2)
        reach = (distances.gather(2, index) + margin).masked_fill((column < 0).unsqueeze(1), -torch.inf)
        terms = reach - negatives
        counted = (terms > 0).to(distances.dtype)
        slope -= counted
        number = counted.sum(2, keepdim=True)
        slope.scatter_add_(2, index, number)
        total += terms.clamp_min_(0).sum((1, 2))
        active += number.sum((1, 2))
    return total, active, slope


def _terms_by_order(
    distances: Tensor, barred: Tensor, positive: Tensor, margin: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As `_terms_by_list`, in a few calls of fixed shapes, so that a GPU is neither waited for nor kept waiting.

    A positive's active negatives are the first ones in the order of distance, so their number and the sum of their
    distances, in float64, are enough.
    """
    negatives = distances.masked_fill(barred, torch.inf)
    reach = (distances + margin).masked_fill(~positive, -torch.inf)
    ordered = negatives.sort(2).values
    number = torch.searchsorted(ordered, reach)
    sums = F.pad(ordered.double().cumsum(2), (1, 0)).gather(2, number)
    total = torch.where(positive, number * reach.double() - sums, 0.0).sum((1, 2))
    beaten = len(barred) - torch.searchsorted(reach.sort(2).values, negatives, right=True)
    slope = (number - beaten).to(distances.dtype)
    return total.to(distances.dtype), number.sum((1, 2)).to(distances.dtype), slope


def _through_distances(embeddings: Tensor, distances: Tensor, slope: Tensor) -> Tensor:
    """From slopes in the distances to the gradient in the embeddings (part, batch, feature)."""
    pull = torch.where(distances > 0, slope / distances, 0.0)
    pull.diagonal(dim1=1, dim2=2).zero_()  # moving a sample leaves its distance to itself
    pull = pull + pull.transpose(1, 2)
    with torch.autocast(embeddings.device.type, enabled=False):
        return pull.sum(2, keepdim=True) * embeddings - pull @ embeddings


def mean_of_active(totals: Tensor, actives: Tensor) -> Tensor:
    """Per part the mean over its active terms; 0, still on the graph, where there is none."""
    return totals / actives.clamp_min(1)
