"""Flows whose way is known, and the losses of flow and dressing one number at a time."""

from itertools import permutations

import numpy as np


def gaussian_velocity(points, time, first, second):
    """Velocity of the rectified flow between independent Gaussians of given (means, deviations), coordinate-wise.

    The best guess of end minus start at a point between: a regression of normal variables.
    """
    (mean, spread), (other_mean, other_spread) = first, second
    between = (1 - time) ** 2 * spread**2 + time**2 * other_spread**2
    together = time * other_spread**2 - (1 - time) * spread**2
    return other_mean - mean + together / between * (points - (1 - time) * mean - time * other_mean)


def gaussian_end(points, first, second):
    """Where that flow leads a point from time 0 to 1: as many deviations from the mean as before."""
    return second[0] + second[1] * (points - first[0]) / first[1]


def flow_loss(velocity, starts, ends, times):
    """Mean squared error on straight lines; `velocity` is of one point and time."""
    terms = []
    for start, end, time in zip(starts, ends, times, strict=True):
        found = velocity((1 - time) * start + time * end, time)
        terms += [(a - b) ** 2 for a, b in zip(np.ravel(found), np.ravel(end - start), strict=True)]
    return float(np.mean(terms))


def cheapest(starts, ends):
    """Sum of squared distances of the best pairing of as many starts as ends."""
    ways = permutations(range(len(ends)))
    return min(sum(float(((starts[i] - ends[j]) ** 2).sum()) for i, j in enumerate(way)) for way in ways)


def dressing_loss(logits, wanted):
    """Cross entropy of pixels plus one minus the mean Dice coefficient; (frame, pixel) each."""
    entropies, dice = [], []
    for frame, truth in zip(logits, wanted, strict=True):
        shown = [1 / (1 + np.exp(-one)) for one in frame]
        entropies += [-(t * np.log(s) + (1 - t) * np.log(1 - s)) for s, t in zip(shown, truth, strict=True)]
        overlap = sum(s * t for s, t in zip(shown, truth, strict=True))
        dice.append((2 * overlap + 1) / (sum(shown) + sum(truth) + 1))
    return float(np.mean(entropies) + 1 - np.mean(dice))
