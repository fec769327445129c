"""The triplet loss one triplet at a time; a negative whose `origin` is not the anchor's does not count."""

from collections.abc import Sequence

import torch
from torch import Tensor


def triplet(
    embeddings: Tensor, subjects: Tensor, *, margin: float, self_pairs: bool, origin: Sequence[object] | None = None
) -> tuple[Tensor, float]:
    """Mean over parts of the mean over active triplets, and the fraction that is active; (batch, part, feature)."""
    batch, parts, _ = embeddings.shape
    means, active, triplets = [], 0, 0
    for part in range(parts):
        terms = []
        for a in range(batch):
            for p in range(batch):
                if subjects[p] != subjects[a] or (a == p and not self_pairs):
                    continue
                for n in range(batch):
                    if subjects[n] == subjects[a] or (origin is not None and origin[n] != origin[a]):
                        continue
                    triplets += 1
                    near = _distance(embeddings[a, part], embeddings[p, part])
                    far = _distance(embeddings[a, part], embeddings[n, part])
                    if near - far + margin > 0:
                        terms.append(near - far + margin)
        active += len(terms)
        means.append(torch.stack(terms).mean() if terms else 0 * embeddings.sum())
    return torch.stack(means).mean(), active / max(1, triplets)


def hard_triplet(
    embeddings: Tensor, subjects: Tensor, *, margin: float, origin: Sequence[object] | None = None
) -> Tensor:
    """Farthest positive against nearest negative, mean over the anchors that have a negative, and over parts."""
    terms = []
    for part in range(embeddings.shape[1]):
        for a in range(len(embeddings)):
            distances = [_distance(embeddings[a, part], other) for other in embeddings[:, part]]
            positive = [d for d, s in zip(distances, subjects, strict=True) if s == subjects[a]]
            negative = [
                d
                for n, (d, s) in enumerate(zip(distances, subjects, strict=True))
                if s != subjects[a] and (origin is None or origin[n] == origin[a])
            ]
            if negative:
                terms.append((max(positive) - min(negative) + margin).clamp_min(0))
    return torch.stack(terms).mean()


def textbook_triplet(embeddings: Tensor, subjects: Tensor, margin: float = 0.2) -> Tensor:
    """Every triplet in one tensor, as it is commonly written; needs equally many samples of every subject."""
    parts = embeddings.transpose(0, 1)
    squares = (parts**2).sum(-1)
    squared = squares.unsqueeze(2) + squares.unsqueeze(1) - 2 * parts @ parts.transpose(1, 2)
    distances = torch.sqrt(torch.relu(squared))
    same = subjects.unsqueeze(0) == subjects.unsqueeze(1)
    batch = len(subjects)
    positive = distances[:, same].view(len(parts), batch, -1, 1)
    negative = distances[:, ~same].view(len(parts), batch, 1, -1)
    terms = torch.relu(positive - negative + margin).flatten(1)
    return (terms.sum(1) / (terms > 0).sum(1).clamp_min(1)).mean()


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return torch.linalg.vector_norm(one - other)
