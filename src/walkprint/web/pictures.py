"""Silhouettes side by side, as a small PNG for the page."""

import cv2
import numpy as np
from numpy.typing import NDArray

_FRAMES, _SPAN, _MARGIN_PX = 10, 40, 9


def strip(frames: NDArray[np.uint8], count: int = _FRAMES) -> bytes:
    """Evenly spaced silhouettes of the first steps.

    Args:
        frames: uint8 (time, 1, 64, 64), 255 the person.
        count: at most so many.

    Returns:
        A PNG, dark gray people on a transparent background.
    """
    times = np.linspace(0, min(len(frames), _SPAN) - 1, min(count, len(frames))).round().astype(int)
    row = np.concatenate(list(frames[times, 0, :, _MARGIN_PX:-_MARGIN_PX]), axis=1)
    picture = np.full((*row.shape, 4), 64, np.uint8)
    picture[..., 3] = row
    return bytes(cv2.imencode(".png", picture)[1].tobytes())
