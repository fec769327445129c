"""One silhouette, aligned: cropped, scaled, centered; the energy image of a clip; cleaning of a generated mask.

Source: the alignment of H. Chao et al., "GaitSet: Regarding Gait as a Set for Cross-View Gait Recognition", AAAI 2019,
as C. Fan et al., "OpenGait", CVPR 2023, keep it; energy image of J. Han and B. Bhanu, "Individual Recognition Using
Gait Energy Image", TPAMI 2006.
Deviations: masks of 0 and 1 are scaled up first; a frame that cannot be used is reported with its reason.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError

Gray = NDArray[np.uint8]

_LEAST_SUM = 10_000


class UnusableFrameError(DataError):
    """A frame shows no person that could be aligned; the message is the reason, fit for counting."""


def reasons_in_words(reasons: Mapping[str, int]) -> str:
    """Why frames were dropped, in words, e.g. "3 empty, 1 too thin"."""
    return ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))


def align(frame: Gray, size_px: int = 64) -> Gray:
    """Crop to the person's height, scale to `size_px` high, cut `size_px` columns around the center of mass.

    The center is the first column at which the cumulative column sum exceeds half the total; what lies outside the
    frame is background; soft edges stay.

    Args:
        frame: uint8 (height, width), 0 background; a frame without values above 1 is taken as a mask of 0 and 1.
        size_px: height and width of the result, even.

    Returns:
        uint8 (size_px, size_px).

    Raises:
        UnusableFrameError: the frame is empty, holds too few pixels (a sum of at most 10,000, about 39 white pixels),
            or is too thin to scale.
        DataError: wrong type or axes.
    """
    if frame.ndim != 2 or frame.dtype != np.uint8 or size_px < 2 or size_px % 2:
        raise DataError(
            f"align: frame is {frame.dtype} {frame.shape}, size {size_px} px; expected uint8 (height, width) and an "
            "even size"
        )
    if 0 in frame.shape:
        raise UnusableFrameError("empty")
    rows = np.flatnonzero(cv2.reduce(frame, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0])
    if not len(rows):
        raise UnusableFrameError("empty")
    person = frame[rows[0] : rows[-1] + 1]
    if person.max() == 1:
        person = person * np.uint8(255)
    if cv2.sumElems(person)[0] <= _LEAST_SUM:
        raise UnusableFrameError("too few pixels")
    scaled, left = _centered(person, size_px)
    return _columns(scaled, left, size_px)


def align_picture(picture: Gray, mask: Gray, size_px: int = 64) -> Gray:
    """Align a picture as `align` would align its mask; what is not the person becomes black.

    Args:
        picture: uint8 (height, width, channel).
        mask: uint8 (height, width), 0 to 255; scales the picture's values.
        size_px: height and width of the result, even.

    Returns:
        uint8 (size_px, size_px, channel).

    Raises:
        UnusableFrameError: as `align` on the mask.
        DataError: wrong type or axes, or picture and mask differ in size.
    """
    if picture.ndim != 3 or picture.dtype != np.uint8 or picture.shape[:2] != mask.shape:
        raise DataError(
            f"align: picture is {picture.dtype} {picture.shape}, mask {mask.shape}; expected uint8 (height, width, "
            "channel) of the mask's size"
        )
    align(mask, size_px)  # refuses what cannot be aligned
    rows = np.flatnonzero(mask.any(axis=1))
    inside = slice(rows[0], rows[-1] + 1)
    scaled, left = _centered(mask[inside], size_px)
    person = cv2.resize(picture[inside], scaled.shape[::-1], interpolation=cv2.INTER_AREA).reshape(*scaled.shape, -1)
    shown = (person * (scaled[..., None].astype(np.uint16)) + 127) // 255
    return _columns(shown.astype(np.uint8), left, size_px)


def _centered(person: Gray, size_px: int) -> tuple[Gray, int]:
    """A cropped person scaled to `size_px` high, and the first column to keep, perhaps negative."""
    width = int(size_px * (person.shape[1] / person.shape[0]))
    if width < 1:
        raise UnusableFrameError("too thin")
    scaled = np.asarray(cv2.resize(person, (width, size_px), interpolation=cv2.INTER_CUBIC), np.uint8)
    mass = np.cumsum(cv2.reduce(scaled, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0], dtype=np.int64)
    center = int(np.searchsorted(mass, mass[-1] / 2, side="right"))
    return scaled, center - size_px // 2


def _columns(scaled: Gray, left: int, size_px: int) -> Gray:
    aligned = np.zeros((size_px, size_px, *scaled.shape[2:]), dtype=np.uint8)
    first, last = max(left, 0), min(left + size_px, scaled.shape[1])
    aligned[:, first - left : last - left] = scaled[:, first:last]
    return aligned


def align_clip(
    frames: Iterable[Gray], size_px: int = 64, by: Callable[[Gray, int], Gray] = align
) -> tuple[Gray, Counter[str]]:
    """Align every frame that can be.

    Args:
        frames: uint8 (height, width) each, of any sizes.
        size_px: height and width of the result, even.
        by: aligns one frame.

    Returns:
        The aligned frames, uint8 (time, 1, size_px, size_px), time perhaps 0, and why frames were dropped -> how many.

    Raises:
        DataError: wrong type or axes.
    """
    aligned: list[Gray] = []
    dropped: Counter[str] = Counter()
    for frame in frames:
        try:
            aligned.append(by(frame, size_px))
        except UnusableFrameError as reason:
            dropped[str(reason)] += 1
    if not aligned:
        return np.empty((0, 1, size_px, size_px), dtype=np.uint8), dropped
    return np.stack(aligned)[:, None], dropped


def energy_image(frames: Gray) -> NDArray[np.float32]:
    """Mean over time.

    Args:
        frames: uint8 (time, channel, height, width), at least one frame.

    Returns:
        float32 (channel, height, width), 0 to 1.

    Raises:
        DataError: there is no frame.
    """
    if not len(frames):
        raise DataError("energy image: no frame; expected at least one")
    total = frames.sum(axis=0, dtype=np.int64)
    return np.asarray(total / (255.0 * len(frames)), dtype=np.float32)


def clean(mask: NDArray[np.uint8] | NDArray[np.floating], threshold: float = 128) -> Gray:
    """A generated mask as a silhouette: thresholded, its largest connected piece, holes filled.

    Args:
        mask: (height, width), on the scale of `threshold`.
        threshold: a pixel of at least this belongs to the person.

    Returns:
        uint8 (height, width), 0 or 255; all 0 where nothing reaches the threshold.
    """
    person = (mask >= threshold).astype(np.uint8)
    person = _largest_piece(person) if person.any() else person
    # What is background but not joined to the frame's outside is a hole.
    bordered = cv2.copyMakeBorder(person, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    cv2.floodFill(bordered, None, (0, 0), 2)
    return np.asarray(bordered[1:-1, 1:-1] != 2, dtype=np.uint8) * np.uint8(255)


def _largest_piece(person: Gray) -> Gray:
    # Mostly the first pixel belongs to a piece with more than half of all, and no other has to be looked for.
    y, x = divmod(int(person.argmax()), person.shape[1])
    filled = person.copy()
    area = cv2.floodFill(filled, None, (x, y), 2, flags=8)[0]
    if 2 * area > cv2.countNonZero(person):
        return np.asarray(filled == 2, dtype=np.uint8)
    _, pieces, figures, _ = cv2.connectedComponentsWithStats(person, connectivity=8)
    largest = 1 + int(np.argmax(figures[1:, cv2.CC_STAT_AREA]))
    return np.asarray(pieces == largest, dtype=np.uint8)
