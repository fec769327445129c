"""Base of all segmenters: from a frame to the people on it, each with a soft mask, a box and a score."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.described import Described
from walkprint.core.errors import DataError

Gray = NDArray[np.uint8]
FAINT = 32


class Box(NamedTuple):
    """A rectangle of pixels of a frame: columns left to left + width - 1, rows top to top + height - 1."""

    left: int
    top: int
    width: int
    height: int

    def shared_px(self, other: "Box") -> int:
        """Number of pixels in both."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return max(across, 0) * max(down, 0)

    def overlap(self, other: "Box") -> float:
        """Intersection over union, 0 to 1."""
        shared = self.shared_px(other)
        return shared / max(self.width * self.height + other.width * other.height - shared, 1)

    def rows_columns(self) -> tuple[slice, slice]:
        """Slices that cut it out of a frame."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True, eq=False)
class PersonMask:
    """One person on one frame.

    Attributes:
        mask: uint8 (height, width) of the box: 0 certainly not the person, 255 certainly the person.
        box: position of the mask inside the frame.
        score: confidence that this is one person, 0 to 1.
        cut: whether the person reaches the edge of the frame, so that something may be missing.

    Raises:
        DataError: mask and box do not agree, or the score is out of range.
    """

    mask: Gray
    box: Box
    score: float
    cut: bool

    def __post_init__(self) -> None:
        if self.mask.dtype != np.uint8 or self.mask.shape != (self.box.height, self.box.width) or not self.mask.size:
            raise DataError(
                f"person mask: {self.mask.dtype} {self.mask.shape}, expected uint8 {self.box.height, self.box.width} "
                "as its box, and not empty"
            )
        if self.mask.max() == 1:
            raise DataError("person mask: values 0 and 1; expected 0 to 255: multiply by 255")
        if not 0 <= self.score <= 1:
            raise DataError(f"person mask: score is {self.score}, expected 0 to 1")

    @classmethod
    def found(
        cls, soft: Gray, score: float, *, at: tuple[int, int] = (0, 0), frame: tuple[int, int] | None = None
    ) -> Self | None:
        """A person from a soft mask, cropped to its values of at least FAINT; None if there are none.

        Args:
            soft: uint8 (height, width), of a section of the frame or all of it; a mask of 0 and 1 is scaled.
            score: as above.
            at: row and column of the section's first pixel in the frame.
            frame: height and width of the frame; those of `soft` if None.
        """
        clear = soft * np.uint8(255) if soft.max(initial=0) == 1 else soft.copy()
        clear[clear < FAINT] = 0
        left, top, width, height = cv2.boundingRect(clear)
        if not width * height:
            return None
        high, wide = frame or soft.shape
        box = Box(left + at[1], top + at[0], width, height)
        edge = max(2, wide // 100)  # masks fade towards the edge of the frame
        right, bottom = wide - box.left - width, high - box.top - height
        cut = min(box.left, box.top, right, bottom) < edge
        return cls(clear[top : top + height, left : left + width], box, float(np.clip(score, 0, 1)), cut)

    def on_frame(self, height_px: int, width_px: int) -> Gray:
        """The mask at its position: uint8 (height_px, width_px)."""
        canvas = np.zeros((height_px, width_px), np.uint8)
        canvas[self.box.rows_columns()] = self.mask
        return canvas


class Segmenter(Described, ABC):
    """Base of all segmenters: call it with one frame after another of one video; other arrays are refused.

    Attributes:
        LOOKS_FIRST: whether `learn` must see the video before the first call.
    """

    LOOKS_FIRST: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if segment := vars(cls).get("__call__"):

            @functools.wraps(segment)
            def checked(self: Any, image: NDArray[np.uint8]) -> list[PersonMask]:
                check_image(image)
                people: list[PersonMask] = segment(self, image)
                return people

            cls.__call__ = checked  # type: ignore[method-assign]

    def __reduce__(self) -> tuple[object, ...]:
        """In another process it is built again, of plain arguments; what it learned from a video stays here."""
        return functools.partial(type(self), **self.init_args), ()

    def sample(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A frame as `learn` needs it, uint8 (height, width, 3), perhaps smaller; held until `learn` is called."""
        return image

    def learn(self, images: Sequence[NDArray[np.uint8]]) -> None:
        """Learn from evenly spaced frames of a video, or their samples; called before each video."""
        return

    @abstractmethod
    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        """The people on a frame.

        Args:
            image: uint8 (height, width, 3), RGB.

        Returns:
            One mask for each person, by falling score; no pixel is likely to belong to two people.

        Raises:
            DataError: the frame has another type or other axes.
        """


def check_image(image: NDArray[np.uint8]) -> None:
    """Refuse arrays that are no frame.

    Raises:
        DataError: it is not uint8 (height, width, 3).
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise DataError(f"segmenter: frame is {image.dtype} {image.shape}, expected uint8 (height, width, 3) RGB")


def pieces(soft: Gray, least_px: int, threshold: int = 128) -> list[Gray]:
    """Split a soft mask into connected people.

    Args:
        soft: uint8 (height, width).
        least_px: smaller pieces, counted in pixels of at least `threshold`, are dropped.
        threshold: pixels of at least this value that touch are one piece; fainter ones go to the nearest piece.

    Returns:
        uint8 (height, width) each, the largest first.
    """
    count, labels, figures, _ = cv2.connectedComponentsWithStats((soft >= threshold).astype(np.uint8), connectivity=8)
    large = [i for i in range(1, count) if figures[i, cv2.CC_STAT_AREA] >= least_px]
    large.sort(key=lambda i: -int(figures[i, cv2.CC_STAT_AREA]))
    if not large:
        return []
    reach = np.ones((7, 7), np.uint8)
    kernels = [cv2.dilate((labels == i).astype(np.uint8), reach) for i in large]
    taken = np.zeros_like(soft)
    found = []
    for i, near in zip(large, kernels, strict=True):
        own = (near.astype(bool) & ((labels == 0) | (labels == i)) & (taken == 0)).astype(np.uint8)
        taken |= own
        found.append(np.asarray(soft * own, np.uint8))
    return found
