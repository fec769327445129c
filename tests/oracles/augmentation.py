"""Augmentations pixel by pixel."""

import math

import numpy as np


def warp_slowly(frame, matrix):
    """One frame (height, width) resampled bilinearly through the map from output to input, in floating point."""
    height, width = frame.shape
    out = np.zeros((height, width))

    def at(x, y):
        return float(frame[y, x]) if 0 <= x < width and 0 <= y < height else 0.0

    for y in range(height):
        for x in range(width):
            u, v, depth = matrix @ np.array([x, y, 1.0])
            u, v = u / depth, v / depth
            left, top = math.floor(u), math.floor(v)
            right, below = u - left, v - top
            out[y, x] = (
                at(left, top) * (1 - right) * (1 - below)
                + at(left + 1, top) * right * (1 - below)
                + at(left, top + 1) * (1 - right) * below
                + at(left + 1, top + 1) * right * below
            )
    return out


def dilate_slowly(frame, first, last):
    """One frame (height, width) with every pixel of the rows the largest of itself and its neighbors inside them."""
    out = frame.copy()
    for y in range(first, last):
        for x in range(frame.shape[1]):
            around = [(y, x), (y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
            inside = [(j, i) for j, i in around if first <= j < last and 0 <= i < frame.shape[1]]
            out[y, x] = max(frame[j, i] for j, i in inside)
    return out
