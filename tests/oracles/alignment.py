"""Alignment of one silhouette, step by step as the rules say, without regard for speed."""

import cv2
import numpy as np


def align_slowly(frame, size):
    """The aligned frame, or None where it cannot be used."""
    if frame.max(initial=0) == 1:
        frame = frame * 255
    if frame.sum() <= 10_000:
        return None
    rows = [y for y in range(frame.shape[0]) if frame[y].any()]
    person = frame[rows[0] : rows[-1] + 1].astype(np.uint8)
    width = int(size * (person.shape[1] / person.shape[0]))
    if width < 1:
        return None
    person = cv2.resize(person, (width, size), interpolation=cv2.INTER_CUBIC)
    total, so_far, center = person.sum(), 0, 0
    for x in range(width):
        so_far += int(person[:, x].sum())
        if so_far > total / 2:
            center = x
            break
    padded = np.zeros((size, width + size), dtype=np.uint8)
    padded[:, size // 2 : size // 2 + width] = person
    return padded[:, center : center + size]
