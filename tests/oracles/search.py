"""Slow, obvious twin of the search by sign codes."""

import numpy as np


def differing_bits(probe, walk):
    """How many numbers of two embeddings, (part, feature), have different signs."""
    count = 0
    for one, other in zip(probe.ravel(), walk.ravel(), strict=True):
        count += (one >= 0) != (other >= 0)
    return count


def nearest_by_bits(probe, walks, most):
    """Positions of the walks that differ least, nearest first, earlier ones first among equals."""
    return sorted(range(len(walks)), key=lambda place: (differing_bits(probe, walks[place]), place))[:most]


def nearest(probe, walks):
    """Position and score of the walk with the highest mean cosine over parts."""
    scores = [
        np.mean([p @ w / np.linalg.norm(p) / np.linalg.norm(w) for p, w in zip(probe, walk, strict=True)])
        for walk in walks
    ]
    return int(np.argmax(scores)), max(scores)
