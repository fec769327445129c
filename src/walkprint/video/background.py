"""Background subtraction for a fixed camera: no weights, people of any size.

Source: median background and thresholds from each pixel's own spread, as in many systems since C. Wren et al.,
"Pfinder: Real-Time Tracking of the Human Body", TPAMI 1997; shadows as darkening of equal color after T. Horprasert,
D. Harwood and L. Davis, "A Statistical Approach for Real-time Robust Background Subtraction and Shadow Detection",
ICCV workshops 1999.
Deviations: in gray videos all darkening has equal color, so only faint darkening counts as a shadow.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.bounds import OpenFraction, Range
from walkprint.core.errors import DataError
from walkprint.video.segmenter import Box, Gray, PersonMask, Segmenter, check_image

_MOST_PIXELS = 1280 * 720
_SLOW, _FAST, _EVERY = 0.004, 0.06, 5
_NEAR, _STRIP_ROWS = 64, 16
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


class Background(Segmenter):
    """Subtracts a learned background; for fixed cameras and moving people.

    Args:
        contrast: a pixel that differs by this many gray levels (of 255), and clearly more than in the sample frames,
            has the value 128 in the mask.
        least_height: people lower than this share of the frame's height are left out.
        shadows: whether pixels that are only darker, of equal color, are left out.

    Raises:
        DataError: a setting is out of range.
    """

    LOOKS_FIRST: ClassVar[bool] = True

    def __init__(
        self,
        *,
        contrast: Annotated[float, Range(1, 254)] = 22.0,
        least_height: OpenFraction = 0.08,
        shadows: bool = True,
    ) -> None:
        self.contrast, self.least_height, self.shadows = contrast, least_height, shadows
        self._mean: NDArray[np.float32] | None = None

    def sample(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """See `Segmenter`: large frames are shrunk, as in every call.

        Raises:
            DataError: the frame has another type or other axes.
        """
        check_image(image)
        high, wide = image.shape[:2]
        # Rounding may make a shrunk frame slightly larger; it must not be shrunk again.
        if high * wide <= _MOST_PIXELS + (high + wide) / 2 + 1:
            return image
        scale = (_MOST_PIXELS / (high * wide)) ** 0.5
        return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)

    def learn(self, images: Sequence[NDArray[np.uint8]]) -> None:
        """See `Segmenter`: the median of the frames is the background, their spread its variation.

        Raises:
            DataError: there is no frame.
        """
        if not images:
            raise DataError("background: no frame to learn from; expected at least one")
        stack = np.stack([self._prepared(image) for image in images])
        median = _median(stack)
        # Half of the differences lie below their median, so people passing by do not count as variation.
        spread = _median(np.stack([_largest(cv2.absdiff(frame, median)) for frame in stack]))
        self._threshold = cv2.blur(np.maximum(np.float32(self.contrast), 4.0 * spread.astype(np.float32)), (3, 3))
        self._mean = median.astype(np.float32)
        colorful = np.ptp(median[::4, ::4].astype(np.int16), axis=2).mean()
        self._darkest = 0.5 if colorful > 4 else 0.75
        self._turn = 0

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        """See `Segmenter`; without `learn`, or with frames of another size, the frame itself becomes the background."""
        soft = self.foreground(image)
        high, wide = image.shape[:2]
        found = []
        for box in self.blobs(soft):
            rows, columns = box.rows_columns()
            own = _filled(soft[rows, columns])
            height, width = round(box.height * high / len(soft)), round(box.width * wide / soft.shape[1])
            if own.shape != (height, width):
                own = np.asarray(cv2.resize(own, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
            at = (round(box.top * high / len(soft)), round(box.left * wide / soft.shape[1]))
            own = own[: high - at[0], : wide - at[1]]
            certain = own[own >= 128]
            score = float(certain.mean() / 255) if len(certain) else 0.0
            person = PersonMask.found(own, score * _upright(box), at=at, frame=(high, wide))
            if person is not None:
                found.append(person)
        return sorted(found, key=lambda person: -person.score)

    def foreground(self, image: NDArray[np.uint8]) -> Gray:
        """Foreground confidence of each pixel: uint8 (height, width) of the frame scaled to at most 0.9 megapixels.

        Raises:
            DataError: the frame has another type or other axes.
        """
        frame = self._prepared(image)
        if self._mean is None or self._mean.shape != frame.shape:
            self.learn([image])
        mean: Any = self._mean
        # Exposure changes move all pixels equally.
        drift = np.median(frame[::8, ::8] - mean[::8, ::8], axis=(0, 1))
        expected: Any = cv2.convertScaleAbs(np.maximum(mean + drift.astype(np.float32), 0))
        away = _largest(cv2.absdiff(frame, expected))
        soft = cv2.divide(away, self._threshold, scale=255.0, dtype=cv2.CV_32F) - np.float32(127.5)
        clear: Any = cv2.convertScaleAbs(np.maximum(soft, 0))
        if self.shadows:
            self._clear_shadow(clear, frame, expected)
        clear = cv2.medianBlur(clear, 5)
        self._adapt(frame - drift.astype(np.float32), clear)
        return np.asarray(clear, np.uint8)

    def blobs(self, soft: Gray) -> list[Box]:
        """Boxes of possible people in a foreground, in its pixels; pieces above each other are one person."""
        return [box for box in self.moving(soft) if self.fits(box, len(soft))]

    def moving(self, soft: Gray) -> list[Box]:
        """Boxes of all that moves in a foreground, in its pixels; of a person perhaps the head alone."""
        high = len(soft)
        certain = (soft >= 128).astype(np.uint8)
        certain = np.asarray(cv2.morphologyEx(certain, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
        gap = np.ones((max(high // 30, 3) | 1, max(high // 90, 3) | 1), np.uint8)
        joined = cv2.morphologyEx(certain, cv2.MORPH_CLOSE, gap)
        count, _, figures, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        boxes = [Box(*(int(value) for value in row[:4])) for row in figures[1:count] if row[cv2.CC_STAT_AREA] > 30]
        return stacked(boxes, gap_px=0.25 * self.least_height * high)

    def fits(self, box: Box, high: int) -> bool:
        """Whether a box has the size and shape of a person, in a foreground so many pixels high."""
        return box.height >= self.least_height * high and _upright(box) > 0.2

    def _prepared(self, image: NDArray[np.uint8]) -> Gray:
        return np.asarray(cv2.GaussianBlur(self.sample(image), (3, 3), 0), np.uint8)

    def _clear_shadow(self, soft: Gray, frame: Gray, expected: Gray) -> None:
        """Set pixels to 0 that are darker than the background by as much as shadows are, and of its color."""
        rows, columns = np.nonzero(soft)
        seen, before = frame[rows, columns].astype(np.float32), expected[rows, columns].astype(np.float32)
        share = (seen @ _LUMA) / np.maximum(before @ _LUMA, 1)
        other_color = np.abs(seen - before * share[:, None]).max(axis=1)
        shadow = (share > self._darkest) & (share < 0.97) & (other_color < 0.5 * self._threshold[rows, columns])
        soft[rows[shadow], columns[shadow]] = 0

    def _adapt(self, frame: NDArray[np.float32], soft: Gray) -> None:
        """Adapt quickly to slow changes of light where there is no person, and slowly to things that came to stay."""
        self._turn += 1
        if self._turn % _EVERY:
            return
        near = cv2.dilate(soft, np.ones((9, 9), np.uint8))
        weight = np.where(near >= _NEAR, np.float32(_SLOW), np.float32(_FAST))
        mean: Any = self._mean
        mean += weight[..., None] * (frame - mean)


def _largest(color: Any) -> Gray:
    red, green, blue = cv2.split(color)
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8)


def _median(stack: Gray) -> Gray:
    """Of (time, row, ...), over time; the upper one of two. A sorting network compares whole rows at once."""
    out = np.empty(stack.shape[1:], np.uint8)
    for top in range(0, len(out), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        layers = list(stack[:, rows])
        for low, high in _comparisons(len(layers)):
            smaller = np.minimum(layers[low], layers[high])
            layers[high] = np.maximum(layers[low], layers[high])
            layers[low] = smaller
        out[rows] = layers[len(layers) // 2]
    return out


def _comparisons(count: int) -> Iterator[tuple[int, int]]:
    """Pairs to compare, in order, to sort `count` items (Batcher's odd-even merge sort)."""
    span = 1
    while span < count:
        step = span
        while step:
            for start in range(step % span, count - step, 2 * step):
                for low in range(start, start + min(step, count - step - start)):
                    if low // (2 * span) == (low + step) // (2 * span):
                        yield low, low + step
            step //= 2
        span *= 2


def stacked(boxes: list[Box], gap_px: float, share: float = 0.0) -> list[Box]:
    """Join boxes above each other: a belt in the color of the wall must not split a person.

    Args:
        boxes: of moving pixels.
        gap_px: the largest gap between two of them.
        share: larger gaps count as well, up to this share of the joined box's height.
    """
    boxes = sorted(boxes, key=lambda box: -box.width * box.height)
    i = 0
    while i < len(boxes):
        for j in range(i + 1, len(boxes)):
            one, other = boxes[i], boxes[j]
            left, top = min(one.left, other.left), min(one.top, other.top)
            right = max(one.left + one.width, other.left + other.width)
            bottom = max(one.top + one.height, other.top + other.height)
            shared = one.width + other.width - (right - left)
            down = bottom - top - one.height - other.height
            if shared >= 0.6 * min(one.width, other.width) and down <= max(gap_px, share * (bottom - top)):
                boxes[i] = Box(left, top, right - left, bottom - top)
                del boxes[j]
                i = -1
                break
        i += 1
    return boxes


def _upright(box: Box) -> float:
    """How well the shape of a box fits one walking person: 1 up to a width of 0.8 times the height."""
    return float(np.clip(1.8 - box.width / box.height, 0, 1))


def _filled(soft: Gray) -> Gray:
    """With small gaps closed and small holes filled."""
    size = max(len(soft) // 40, 1) * 2 + 1
    closed = cv2.morphologyEx(soft, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    certain = (closed >= 128).astype(np.uint8)
    holes = cv2.copyMakeBorder(1 - certain, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, labels, figures, _ = cv2.connectedComponentsWithStats(holes, connectivity=4)
    outside = labels[0, 0]
    for i in range(1, count):
        if i != outside and figures[i, cv2.CC_STAT_AREA] < 0.02 * soft.size:
            closed[labels[1:-1, 1:-1] == i] = 255
    return np.asarray(closed, np.uint8)
