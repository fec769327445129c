"""Clips from folders of cropped pictures in color: one size, nothing aligned."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.sequence import SequenceKey
from walkprint.data.base import Reading, clip_of
from walkprint.data.images import CorruptImageError, read_rgb


def read_pictures(folder: Path, names: Sequence[str], key: SequenceKey, height_px: int) -> Reading:
    """Pictures of people cut out at 2:1, as GaitNet's segmentation leaves them, scaled to `height_px` x half of it.

    One of another shape gets black beside or above and below, so that proportions stay.

    Args:
        folder: where they lie.
        names: the files, in order.
        key: whose walk it is.
        height_px: of the clip.
    """
    frames, dropped, faults = [], Counter[str](), []
    for name in names:
        try:
            picture = read_rgb(folder / name)
        except CorruptImageError as reason:
            dropped["corrupt"] += 1
            faults.append(f"{'/'.join((folder / name).parts[-4:])}: {reason}")
            continue
        if not picture.any():
            dropped["empty"] += 1
            continue
        frames.append(cv2.resize(_two_to_one(picture), (height_px // 2, height_px), interpolation=cv2.INTER_AREA))
    return Reading(clip_of(frames, key), dropped, faults)


def _two_to_one(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(height, width, channel), with black around it where it is not twice as high as wide, give or take a pixel."""
    height, width = picture.shape[:2]
    above, beside = max(0, 2 * width - height), max(0, round(height / 2) - width)
    if above <= 2 and beside <= 1:
        return picture
    around = ((above // 2, above - above // 2), (beside // 2, beside - beside // 2), (0, 0))
    return np.pad(picture, around)
