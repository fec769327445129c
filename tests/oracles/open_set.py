"""The losses for open sets, one probe, one threshold at a time; all take (batch, part, feature)."""

import math

import torch
from torch import Tensor


def _sigmoid(x: Tensor | float) -> Tensor:
    return 1 / (1 + torch.exp(-torch.as_tensor(x)))


def _score(one: Tensor, other: Tensor) -> Tensor:
    return 1 / (1 + (one - other).norm())


def _mean(part: Tensor, clips: list[int]) -> Tensor:
    return torch.stack([part[i] for i in clips]).mean(0)


def _folds(subjects: list[int], folds: int) -> list[list[int]]:
    known = sorted(set(subjects))
    size = math.ceil(len(known) / min(folds, len(known)))
    return [known[i : i + size] for i in range(0, len(known), size)]


def identification_detection(
    embeddings: Tensor, subjects: list[int], folds: int, score: float, rank: float, difference: float
) -> Tensor:
    """1 minus the smooth rate of detection and identification, mean over folds and parts."""
    clips = range(len(subjects))
    rates = []
    for strangers in _folds(subjects, folds):
        enrolled = sorted(set(subjects) - set(strangers))
        for part in embeddings.unbind(1):
            means = {k: _mean(part, [i for i in clips if subjects[i] == k]) for k in enrolled}
            thresholds = [_score(part[i], means[k]) for i in clips if subjects[i] in strangers for k in enrolled]
            for i in clips:
                others = [j for j in clips if subjects[j] == subjects[i] and j != i]
                if subjects[i] in strangers or not others:
                    continue
                own = _score(part[i], _mean(part, others))
                ahead = [_sigmoid(difference * (_score(part[i], means[k]) - own)) for k in enrolled if k != subjects[i]]
                first = _sigmoid(rank * (1 - (0.5 + sum(ahead))))
                rates.append((strangers, first * torch.stack([_sigmoid(score * (own - t)) for t in thresholds]).mean()))
    by_fold = [torch.stack([rate for fold, rate in rates if fold == one]).mean() for one in _folds(subjects, folds)]
    return 1 - torch.stack(by_fold).mean()


def relative_threshold(embeddings: Tensor, subjects: list[int], folds: int) -> Tensor:
    """The smooth best score of strangers, mean over folds, clips and parts."""
    clips = range(len(subjects))
    by_fold = []
    for strangers in _folds(subjects, folds):
        enrolled = sorted(set(subjects) - set(strangers))
        best = []
        for part in embeddings.unbind(1):
            means = [_mean(part, [i for i in clips if subjects[i] == k]) for k in enrolled]
            for i in [i for i in clips if subjects[i] in strangers]:
                weights = [torch.exp(-(part[i] - mean).norm()) for mean in means]
                total = sum(weights)
                best.append(sum(w / total * _score(part[i], mean) for w, mean in zip(weights, means, strict=True)))
        by_fold.append(torch.stack(best).mean())
    return torch.stack(by_fold).mean()
