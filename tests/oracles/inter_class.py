"""The inter-class losses one triplet or one pair of classes at a time; all take (batch, part, feature).

A negative whose `origin` is not the anchor's does not count.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor


def _cosine(one: Tensor, other: Tensor) -> Tensor:
    return torch.dot(one, other) / (one.norm() * other.norm())


def _triplets(subjects: Tensor, origin: Sequence[object] | None = None) -> list[tuple[int, int, int]]:
    origin = [None] * len(subjects) if origin is None else origin
    all_of_them = itertools.product(range(len(subjects)), repeat=3)
    return [
        (a, p, n)
        for a, p, n in all_of_them
        if subjects[a] == subjects[p] and subjects[a] != subjects[n] and origin[a] == origin[n]
    ]


def weighted_triplet(
    embeddings: Tensor, subjects: Tensor, margin: float, origin: Sequence[object] | None = None
) -> tuple[Tensor, float]:
    """Its value, and the mean over all triplets of the margin that the weights make."""
    parts = [embeddings[:, i] for i in range(embeddings.shape[1])]
    unlike = [[[1.01 - (float(_cosine(x, y)) + 1) / 2 for y in part] for x in part] for part in parts]
    largest = max(max(max(row) for row in part) for part in unlike)
    values, margins = [], []
    for part, factors in zip(parts, unlike, strict=True):
        terms = []
        for a, p, n in _triplets(subjects, origin):
            near, far = (part[a] - part[p]).norm(), (part[a] - part[n]).norm()
            more_near, more_far = factors[a][p] / largest, factors[a][n] / largest
            margins.append(margin + float(more_near * near - more_far * far))
            term = (1 + more_near) * near - (1 + more_far) * far + margin
            terms += [term] if term > 0 else []
        values.append(torch.stack(terms).mean() if terms else embeddings.new_zeros(()))
    return torch.stack(values).mean(), sum(margins) / len(margins)


def pairwise_softmax(
    embeddings: Tensor,
    subjects: Tensor,
    temperature: float,
    *,
    cosine: bool = True,
    noisy_weight: float = 1.0,
    origin: Sequence[object] | None = None,
) -> Tensor:
    """Triplets whose negative is the more similar count `noisy_weight`, each part judging itself."""
    similar = _cosine if cosine else torch.dot
    terms = []
    for i in range(embeddings.shape[1]):
        part = embeddings[:, i]
        for a, p, n in _triplets(subjects, origin):
            excess = (similar(part[a], part[n]) - similar(part[a], part[p])) / temperature
            terms.append(torch.log1p(torch.exp(excess)) * (noisy_weight if excess > 0 else 1))
    return torch.stack(terms).mean()


def class_uniformity(embeddings: Tensor, subjects: Tensor, sharpness: float) -> float:
    """Over the means of unit vectors, class by class."""
    values = []
    known = sorted(set(subjects.tolist()))
    for i in range(embeddings.shape[1]):
        units = [x / x.norm() for x in embeddings[:, i]]
        sums = [sum(u for u, s in zip(units, subjects, strict=True) if s == one) for one in known]
        means = [total / total.norm() for total in sums]
        pairs = [(k, other) for k in means for other in means if k is not other]
        kernel = [math.exp(-sharpness * float((k - other).square().sum())) for k, other in pairs]
        values.append(math.log(sum(kernel) / len(kernel)))
    return sum(values) / len(values)


def weighted_triplet_apart(embeddings: Tensor, subjects: Tensor, margin: float, acting: str) -> Tensor:
    """A scalar whose gradient is that of the weighted triplet with only one of the weights' effects, or both."""
    parts = [embeddings[:, i] for i in range(embeddings.shape[1])]
    unlike = [[[1.01 - (float(_cosine(x, y)) + 1) / 2 for y in part] for x in part] for part in parts]
    largest = max(max(max(row) for row in part) for part in unlike)
    values = []
    for part, factors in zip(parts, unlike, strict=True):
        terms = []
        for a, p, n in _triplets(subjects):
            near, far = ((part[a] - part[i]).norm() for i in (p, n))
            more_near, more_far = (1 + factors[a][i] / largest for i in (p, n))
            if acting == "pull":
                active, term = near - far + margin > 0, more_near * near - more_far * far
            else:
                active = more_near * near - more_far * far + margin > 0
                term = near - far if acting == "margin" else more_near * near - more_far * far
            terms += [term] if active else []
        values.append(torch.stack(terms).mean() if terms else embeddings.new_zeros(()))
    return torch.stack(values).mean()
