"""Slow, obvious twins of whitening and site calibration: one sequence, one part, one view at a time."""

import numpy as np


def unit(vector):
    vector = np.asarray(vector, np.float64)
    length = np.sqrt(sum(value * value for value in vector))
    return vector / length if length > 0 else vector


def whitening_slowly(vectors, subjects, shrinkage):
    """Per part the mean of unit vectors, and the matrix whose square times the drawn covariance is the identity."""
    means, roots = [], []
    for part in range(vectors.shape[1]):
        units = [unit(vector[part]) for vector in vectors]
        own = {s: np.mean([u for u, t in zip(units, subjects, strict=True) if t == s], axis=0) for s in subjects}
        size = vectors.shape[2]
        covariance = np.zeros((size, size))
        for one, subject in zip(units, subjects, strict=True):
            rest = one - own[subject]
            covariance += np.outer(rest, rest) / len(units)
        level = np.mean([covariance[i, i] for i in range(size)])
        covariance = (1 - shrinkage) * covariance + shrinkage * level * np.eye(size)
        means.append(np.mean(units, axis=0))
        roots.append(covariance)
    return np.array(means), np.array(roots)


def moved_slowly(vector, origin, root):
    """One sequence (part, feature): unit parts, minus the origin, times the root, unit parts again."""
    moved = []
    for part, start in zip(vector, origin, strict=True):
        rest = unit(part) - start
        moved.append(unit(rest if root is None else [rest @ root[len(moved)][:, j] for j in range(len(rest))]))
    return np.array(moved)


def origin_slowly(vectors, keys, view, fewest=10):
    """Mean unit parts of the clips with that view, or of all clips where fewer than ten have it."""
    own = [i for i, key in enumerate(keys) if key.view == view]
    chosen = own if len(own) >= fewest else range(len(keys))
    return np.mean([[unit(part) for part in vectors[i]] for i in chosen], axis=0)
