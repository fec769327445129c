"""Triangles to pixels, in whole numbers so that every machine draws the same picture."""

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled
from walkprint.data.walkers.body import Floats

_SUB = 16  # positions are rounded to this fraction of a pixel


@compiled()
def _edge(ax: int, ay: int, bx: int, by: int, px: int, py: int) -> int:
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@compiled()
def fill_mask(points: Floats, faces: NDArray[np.int64], closed: int, height: int, width: int) -> NDArray[np.uint8]:
    """Silhouettes, uint8 (time, height, width), 0 or 255.

    Args:
        points: (time, vertex, 2 or more) columns and rows in pixels; centers of pixels lie at whole numbers.
        faces: (face, 3); of the first `closed`, a closed surface facing outward, only the front is drawn.
        closed: how many those are.
        height, width: of the pictures.
    """
    out = np.zeros((points.shape[0], height, width), np.uint8)
    fixed = np.empty((points.shape[1], 2), np.int64)
    for t in range(points.shape[0]):
        for v in range(points.shape[1]):
            fixed[v, 0] = np.int64(np.rint(points[t, v, 0] * _SUB))
            fixed[v, 1] = np.int64(np.rint(points[t, v, 1] * _SUB))
        canvas = out[t]
        for f in range(faces.shape[0]):
            ax, ay = fixed[faces[f, 0]]
            bx, by = fixed[faces[f, 1]]
            cx, cy = fixed[faces[f, 2]]
            area = _edge(ax, ay, bx, by, cx, cy)
            if area == 0 or (f < closed and area > 0):
                continue
            if area < 0:
                bx, by, cx, cy = cx, cy, bx, by
            top = max(0, -((-min(ay, by, cy)) // _SUB))
            bottom = min(height - 1, max(ay, by, cy) // _SUB)
            left = max(0, -((-min(ax, bx, cx)) // _SUB))
            right = min(width - 1, max(ax, bx, cx) // _SUB)
            for row in range(top, bottom + 1):
                y = row * _SUB
                e0 = _edge(ax, ay, bx, by, left * _SUB, y)
                e1 = _edge(bx, by, cx, cy, left * _SUB, y)
                e2 = _edge(cx, cy, ax, ay, left * _SUB, y)
                for column in range(left, right + 1):
                    if e0 >= 0 and e1 >= 0 and e2 >= 0:
                        canvas[row, column] = 255
                    e0 -= (by - ay) * _SUB
                    e1 -= (cy - by) * _SUB
                    e2 -= (ay - cy) * _SUB
    return out


@compiled()
def fill_color(
    points: Floats, faces: NDArray[np.int64], shades: NDArray[np.uint8], canvas: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Draw shaded faces over backgrounds, nearest first; returns the mask, uint8 (time, height, width), 0 or 255.

    Args:
        points: (time, vertex, 3) columns, rows, and depth (larger is farther).
        faces: (face, 3).
        shades: uint8 (time, face, 3) RGB of each face.
        canvas: uint8 (time, height, width, 3), changed in place.
    """
    height, width = canvas.shape[1], canvas.shape[2]
    mask = np.zeros(canvas.shape[:3], np.uint8)
    depth = np.empty((height, width), np.int64)
    fixed = np.empty((points.shape[1], 3), np.int64)
    far = np.int64(2**62)
    for t in range(points.shape[0]):
        depth[:] = far
        for v in range(points.shape[1]):
            fixed[v, 0] = np.int64(np.rint(points[t, v, 0] * _SUB))
            fixed[v, 1] = np.int64(np.rint(points[t, v, 1] * _SUB))
            fixed[v, 2] = np.int64(np.rint(points[t, v, 2] * 4096))
        for f in range(faces.shape[0]):
            i, j, k = faces[f]
            area = _edge(fixed[i, 0], fixed[i, 1], fixed[j, 0], fixed[j, 1], fixed[k, 0], fixed[k, 1])
            if area == 0:
                continue
            if area < 0:
                j, k, area = k, j, -area
            ax, ay = fixed[i, 0], fixed[i, 1]
            bx, by = fixed[j, 0], fixed[j, 1]
            cx, cy = fixed[k, 0], fixed[k, 1]
            top = max(0, -((-min(ay, by, cy)) // _SUB))
            bottom = min(height - 1, max(ay, by, cy) // _SUB)
            left = max(0, -((-min(ax, bx, cx)) // _SUB))
            right = min(width - 1, max(ax, bx, cx) // _SUB)
            for row in range(top, bottom + 1):
                for column in range(left, right + 1):
                    x, y = column * _SUB, row * _SUB
                    e0 = _edge(ax, ay, bx, by, x, y)
                    e1 = _edge(bx, by, cx, cy, x, y)
                    e2 = _edge(cx, cy, ax, ay, x, y)
                    if e0 >= 0 and e1 >= 0 and e2 >= 0:
                        here = (e1 * fixed[i, 2] + e2 * fixed[j, 2] + e0 * fixed[k, 2]) // area
                        if here < depth[row, column]:
                            depth[row, column] = here
                            mask[t, row, column] = 255
                            canvas[t, row, column] = shades[t, f]
    return mask
