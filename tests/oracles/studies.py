"""What the studies' statistics compute, by integration, by loops and by hand."""

import math
import random

import numpy as np
from numpy.typing import NDArray


def student_point(freedom: int) -> float:
    """The point below which 97.5 % of Student's distribution lie, by bisection of an integral of its density."""
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)

    def share(point: float) -> float:
        angles = np.linspace(0, math.atan(point / math.sqrt(freedom)), 20001)  # x = sqrt(freedom) tan(angle)
        return 0.5 + float(np.trapezoid(constant * math.sqrt(freedom) * np.cos(angles) ** (freedom - 1), angles))

    low, high = 0.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if share(middle) < 0.975 else (low, middle)
    return low


def bootstrap(groups: list[list[float]], resamples: int, seed: int) -> tuple[float, float]:
    """Central 95 % of the mean over groups of resampled means, one draw at a time."""
    chance = random.Random(seed)
    means = []
    for _ in range(resamples):
        drawn = [[chance.choice(group) for _ in group] for group in groups]
        means.append(sum(sum(group) / len(group) for group in drawn) / len(drawn))
    means.sort()
    return means[int(0.025 * resamples)], means[int(0.975 * resamples)]


def separation(vectors: NDArray[np.float32], subjects: list[int]) -> tuple[float, float, float]:
    """Means of the distances within and between people, and how far apart they are, pair by pair."""
    within, between = [], []
    for i in range(len(vectors)):
        for j in range(i):
            parts = [math.dist(a, b) for a, b in zip(vectors[i].tolist(), vectors[j].tolist(), strict=True)]
            (within if subjects[i] == subjects[j] else between).append(sum(parts) / len(parts))
    variance = (np.var(within) + np.var(between)) / 2
    near, far = float(np.mean(within)), float(np.mean(between))
    return near, far, (far - near) / math.sqrt(variance)


def alignment(vectors: NDArray[np.float32], subjects: list[int]) -> float:
    """Mean squared distance of unit vectors to the unit mean of their person, part by part."""
    total = 0.0
    for part in range(vectors.shape[1]):
        units = [vector / np.linalg.norm(vector) for vector in vectors[:, part].astype(np.float64)]
        for unit, subject in zip(units, subjects, strict=True):
            mean = sum(one for one, other in zip(units, subjects, strict=True) if other == subject)
            total += float(((unit - mean / np.linalg.norm(mean)) ** 2).sum())
    return total / (len(subjects) * vectors.shape[1])
