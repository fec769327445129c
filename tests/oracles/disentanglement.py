"""The losses of GaitNet one frame and one pair of clips at a time, in the letters of the papers."""

import math

from torch import Tensor


def cross_reconstruction(frames: Tensor, reconstruction: Tensor) -> float:
    """(batch, time, channel, height, width) both."""
    total = 0.0
    for clip, rebuilt in zip(frames, reconstruction, strict=True):
        for x, y in zip(clip, rebuilt, strict=True):
            total += sum(float(a - b) ** 2 for a, b in zip(x.flatten(), y.flatten(), strict=True)) / x.numel()
    return total / len(frames)


def pose_similarity(pose: Tensor, subjects: Tensor) -> float:
    """(batch, time, feature)."""
    terms = []
    for i in range(len(pose)):
        for j in range(i):
            if subjects[i] == subjects[j]:
                first = sum(pose[i]) / len(pose[i])
                second = sum(pose[j]) / len(pose[j])
                terms.append(_square(first, second))
    return sum(terms) / len(terms) if terms else 0.0


def incremental_identity(logits: Tensor, subjects: Tensor, *, power: int) -> float:
    """(batch, time, subject)."""
    total = weights = 0.0
    for clip, subject in zip(logits, subjects, strict=True):
        for t, one in enumerate(clip, start=1):
            total += t**power * _cross_entropy(one, subject)
            weights += t**power
    return total / weights


def canonical_consistency(canonical: Tensor, logits: Tensor, subjects: Tensor) -> tuple[float, float, float]:
    """(batch, time, feature), (batch, time, subject); the three terms."""
    within, across, identity = [], [], []
    for i, clip in enumerate(canonical):
        within.append(sum(_square(one, other) for one in clip for other in clip) / len(clip) ** 2)
        identity += [_cross_entropy(one, subjects[i]) for one in logits[i]]
        for j in range(i):
            if subjects[i] == subjects[j]:
                across += [_square(one, other) for one, other in zip(clip, canonical[j], strict=True)]
    return sum(within) / len(within), sum(across) / max(1, len(across)), sum(identity) / len(identity)


def _square(one: Tensor, other: Tensor) -> float:
    return sum(float(a - b) ** 2 for a, b in zip(one, other, strict=True)) / len(one)


def _cross_entropy(logits: Tensor, subject: Tensor) -> float:
    return math.log(sum(math.exp(float(x)) for x in logits)) - float(logits[int(subject)])
