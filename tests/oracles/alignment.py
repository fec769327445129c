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


def pieces_of(mask, steps):
    """The connected pieces of a mask as sets of pixels; `steps` lead from a pixel to its neighbors."""
    left = set(zip(*np.nonzero(mask), strict=True))
    found = []
    while left:
        edge = [left.pop()]
        piece = set(edge)
        while edge:
            y, x = edge.pop()
            near = {(y + i, x + j) for i, j in steps} & left
            left -= near
            piece |= near
            edge += near
        found.append(piece)
    return found


SIDES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
CORNERS = [(1, 1), (1, -1), (-1, 1), (-1, -1)]


def clean_slowly(mask, threshold=128):
    """The largest piece with its holes filled, or None where two pieces are the largest."""
    pieces = sorted(pieces_of(mask >= threshold, SIDES + CORNERS), key=len)
    if len(pieces) > 1 and len(pieces[-1]) == len(pieces[-2]):
        return None
    result = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    for y, x in pieces[-1] if pieces else ():
        result[y + 1, x + 1] = 255
    for hole in pieces_of(result == 0, SIDES):
        if (0, 0) not in hole:
            for pixel in hole:
                result[pixel] = 255
    return result[1:-1, 1:-1]
