"""Gaussians of labels, one label at a time, as their description reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Label = tuple[int, int, int]


def _drawn(own: NDArray[np.float64], towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of some vectors, and of one more."""
    return np.concatenate([own.reshape(-1, len(towards)), towards[None]]).mean(0)


def mean(vectors: NDArray[np.float64], labels: Sequence[Label], wanted: Label) -> NDArray[np.float64]:
    """Of the label (subject, condition, view), drawn to its condition and view, that to its condition, that to all."""
    of_condition = [label[1] == wanted[1] for label in labels]
    of_kind = [label[1:] == wanted[1:] for label in labels]
    own = [label == wanted for label in labels]
    return _drawn(vectors[own], _drawn(vectors[of_kind], _drawn(vectors[of_condition], vectors.mean(0))))


def covariance(vectors: NDArray[np.float64], labels: Sequence[Label], wanted: tuple[int, int]) -> NDArray[np.float64]:
    """Of the condition and view around the plain means of their labels."""
    size = vectors.shape[1]
    centered = [
        vector - np.mean([other for other, its in zip(vectors, labels, strict=True) if its == label], axis=0)
        for vector, label in zip(vectors, labels, strict=True)
    ]
    scatter = sum(np.outer(one, one) for one in centered)
    sphere = np.trace(scatter) / size / len(vectors) * np.eye(size)
    overall = (scatter + size * sphere) / (len(vectors) + size)
    own = [np.outer(one, one) for one, label in zip(centered, labels, strict=True) if label[1:] == wanted]
    return (sum(own, np.zeros((size, size))) + size * overall) / (len(own) + size)
