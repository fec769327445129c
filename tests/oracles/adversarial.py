"""Adversarial losses one frame at a time, as their formulas are written."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def _log_sigmoid(logit: float) -> float:
    return -math.log(1 + math.exp(-logit))


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def non_saturating(real: Sequence[float], fake: Sequence[float]) -> tuple[float, float]:
    """The discriminator's and the generator's loss."""
    recognized = -_mean([_log_sigmoid(one) for one in real]) - _mean(
        [math.log(1 - 1 / (1 + math.exp(-one))) for one in fake]
    )
    return recognized, -_mean([_log_sigmoid(one) for one in fake])


def hinge(real: Sequence[float], fake: Sequence[float]) -> tuple[float, float]:
    """The discriminator's and the generator's loss."""
    return _mean([max(0.0, 1 - one) for one in real]) + _mean([max(0.0, 1 + one) for one in fake]), -_mean(fake)


def gradient_penalty(score: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, shares: Sequence[float]) -> float:
    """With the slopes by central differences, pixel by pixel; `shares` of the real frame in each mixture."""
    terms = []
    for one, other, share in zip(real, fake, shares, strict=True):
        mixed, squares = share * one + (1 - share) * other, 0.0
        for pixel in range(mixed.numel()):
            step = torch.zeros_like(mixed).flatten()
            step[pixel] = 1e-4
            ahead, behind = (score((mixed + sign * step.view_as(mixed)).unsqueeze(0)).item() for sign in (1, -1))
            squares += ((ahead - behind) / 2e-4) ** 2
        terms.append((math.sqrt(squares) - 1) ** 2)
    return _mean(terms)


def data_to_data(
    features: Tensor, proxies: Tensor, classes: Sequence[int], temperature: float, positive_margin: float
) -> float:
    """One frame against every other."""
    terms = []
    for i in range(len(features)):
        own = min(float(features[i] @ proxies[i]) - positive_margin, 0.0)
        top = math.exp(own / temperature)
        bottom = top
        for j in range(len(features)):
            if classes[j] != classes[i]:
                bottom += math.exp(max(float(features[i] @ features[j]) - (1 - positive_margin), 0.0) / temperature)
        terms.append(-math.log(top / bottom))
    return _mean(terms)


def balancing(real: Tensor, classes: Sequence[int], fake: Tensor, asked: Sequence[int]) -> tuple[float, float]:
    """The discriminator's and the generator's loss; the last column means generated."""

    def cross_entropy(logits: Tensor, one: int) -> float:
        powers = [math.exp(float(logit)) for logit in logits]
        return -math.log(powers[one] / math.fsum(powers))

    recognized = [cross_entropy(logits, one) for logits, one in zip(real, classes, strict=True)]
    recognized += [cross_entropy(logits, len(logits) - 1) for logits in fake]
    return _mean(recognized), _mean([cross_entropy(logits, one) for logits, one in zip(fake, asked, strict=True)])
