"""Clip augmentations: draw parameters once, apply them to every frame of the clip.

Source: the set that C. Fan et al., "OpenGait: Revisiting Gait Recognition Toward Better Practicality", CVPR 2023, train
with (flip, rotation, erasing, perspective); dilation is the trivial coat that W. Yu et al., "Generalized Inter-class
Loss for Gait Recognition", ACM MM 2022, ship switched off.
Deviations: rotation turns about the true center of the frame, (width - 1) / 2 and (height - 1) / 2, not about the
halves swapped; perspective moves each corner inwards independently; erasing keeps its rectangle inside the frame.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from walkprint.core.bounds import Fraction, Range
from walkprint.core.compiled import compiled
from walkprint.core.described import Described
from walkprint.core.errors import RecipeError

Frames = NDArray[np.uint8]
Shape = Sequence[int]
_BAND = (8 / 64, 56 / 64)


class Augmentation(Described, ABC):
    """Base of all augmentations.

    Args:
        p: how likely a clip is changed, 0 to 1.
    """

    def __init__(self, p: Fraction = 0.3) -> None:
        self.p = p

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: Shape) -> Any:
        """Parameters for one clip.

        Args:
            rng: where chance comes from.
            shape: (time, channel, height, width) of the clip.
        """

    @abstractmethod
    def apply(self, frames: Frames, parameters: Any) -> None:
        """Change a clip in place.

        Args:
            frames: uint8 (time, channel, height, width), contiguous.
            parameters: from `draw`.
        """

    def apply_on_device(self, clips: Tensor, parameters: Tensor) -> Tensor:
        """Change several clips where they lie: the same pixels as `apply`, without waiting for the device.

        Args:
            clips: uint8 (clip, time, channel, height, width).
            parameters: float64 (clip, number), those from `draw`, flattened.

        Returns:
            The changed clips.

        Raises:
            RecipeError: this augmentation has no such form.
        """
        raise RecipeError(f"{type(self).__name__}: has no apply_on_device; keep the data on the host (resident: host)")

    def happens(self, rng: np.random.Generator) -> bool:
        """Draw whether a clip is changed."""
        return bool(rng.random() < self.p)

    def __call__(self, frames: Frames, rng: np.random.Generator) -> None:
        """Change the clip in place with probability `p`."""
        if self.happens(rng):
            self.apply(frames, self.draw(rng, frames.shape))


class Flip(Augmentation):
    """Mirror left and right."""

    def draw(self, rng: np.random.Generator, shape: Shape) -> None:
        """Nothing to draw."""

    def apply(self, frames: Frames, parameters: None = None) -> None:
        """See `Augmentation`."""
        frames[:] = frames[..., ::-1].copy()

    def apply_on_device(self, clips: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation`."""
        return clips.flip(-1)


class _Warp(Augmentation):
    """Bilinear resampling through a projective map; what comes from outside the frame is background."""

    def apply(self, frames: Frames, parameters: NDArray[np.float64]) -> None:
        """Resample; `parameters` is the 3 x 3 map from output to input (x, y, 1), pixels counted from 0."""
        height, width = frames.shape[-2:]
        _warp(frames.reshape(-1, height, width), np.ascontiguousarray(parameters, dtype=np.float64))

    def apply_on_device(self, clips: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation`."""
        return _warp_clips(clips, parameters.view(-1, 3, 3))


class Rotation(_Warp):
    """Turn about the center of the frame by up to `degrees` to either side.

    Args:
        degrees: largest angle.
        p: how likely a clip is changed.
    """

    def __init__(self, degrees: Annotated[float, Range(0, 180, above=True)] = 10.0, p: Fraction = 0.3) -> None:
        super().__init__(p)
        self.degrees = degrees

    def draw(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Draw an angle; returns the 3 x 3 map from output to input."""
        return rotation_map(rng.uniform(-self.degrees, self.degrees), shape[-2], shape[-1])


class Perspective(_Warp):
    """Move each corner of the frame inwards by up to `strength` of its sides, as a camera from elsewhere would see it.

    Args:
        strength: largest shift as a share of height and width, below 0.5.
        p: how likely a clip is changed.
    """

    def __init__(
        self, strength: Annotated[float, Range(0, 0.5, above=True, below=True)] = 0.1, p: Fraction = 0.3
    ) -> None:
        super().__init__(p)
        self.strength = strength

    def draw(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Draw where the corners go; returns the 3 x 3 map from output to input."""
        right, bottom = shape[-1] - 1.0, shape[-2] - 1.0
        corners = np.array([[0.0, 0.0], [right, 0.0], [right, bottom], [0.0, bottom]])
        inwards = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
        shift = rng.uniform(0, self.strength, size=(4, 2)) * inwards * [right, bottom]
        return _projective_map(corners + shift, corners)


class Erasing(Augmentation):
    """Blank one rectangle, the same in every frame.

    Args:
        smallest, largest: its area as a share of the frame's.
        flattest: least ratio of its sides; the most is the inverse.
        p: how likely a clip is changed.
    """

    def __init__(
        self, smallest: Fraction = 0.05, largest: Fraction = 0.2, flattest: Fraction = 0.3, p: Fraction = 0.3
    ) -> None:
        super().__init__(p)
        if not (0 < smallest <= largest < 1 and 0 < flattest <= 1):
            raise RecipeError(
                f"Erasing: smallest {smallest}, largest {largest}, flattest {flattest}; expected "
                "0 < smallest <= largest < 1 and 0 < flattest <= 1"
            )
        self.smallest, self.largest, self.flattest = smallest, largest, flattest

    def draw(self, rng: np.random.Generator, shape: Shape) -> tuple[int, int, int, int]:
        """Draw a rectangle: first row, end row, first column, end column."""
        frame_height, frame_width = shape[-2:]
        area = rng.uniform(self.smallest, self.largest) * frame_height * frame_width
        ratio = rng.uniform(self.flattest, 1 / self.flattest)
        height = min(max(round(math.sqrt(area * ratio)), 1), frame_height)
        width = min(max(round(math.sqrt(area / ratio)), 1), frame_width)
        top = int(rng.integers(frame_height - height + 1))
        left = int(rng.integers(frame_width - width + 1))
        return top, top + height, left, left + width

    def apply(self, frames: Frames, parameters: tuple[int, int, int, int]) -> None:
        """See `Augmentation`."""
        top, bottom, left, right = parameters
        frames[..., top:bottom, left:right] = 0

    def apply_on_device(self, clips: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation`."""
        height, width = clips.shape[-2:]
        rows = _between(parameters[:, 0], parameters[:, 1], height).unsqueeze(2)
        columns = _between(parameters[:, 2], parameters[:, 3], width).unsqueeze(1)
        return clips.masked_fill((rows & columns)[:, None, None], 0)


class Dilation(Augmentation):
    """Thicken the body by one pixel between neck and shins: the cheapest coat there is."""

    def draw(self, rng: np.random.Generator, shape: Shape) -> tuple[int, int]:
        """Nothing random; first and end row, 8 and 56 of 64."""
        return round(_BAND[0] * shape[-2]), round(_BAND[1] * shape[-2])

    def apply(self, frames: Frames, parameters: tuple[int, int]) -> None:
        """See `Augmentation`: each pixel becomes the largest of itself and its four neighbors inside the rows."""
        band = frames[..., slice(*parameters), :]
        before = band.copy()
        np.maximum(band[..., 1:, :], before[..., :-1, :], out=band[..., 1:, :])
        np.maximum(band[..., :-1, :], before[..., 1:, :], out=band[..., :-1, :])
        np.maximum(band[..., 1:], before[..., :-1], out=band[..., 1:])
        np.maximum(band[..., :-1], before[..., 1:], out=band[..., :-1])

    def apply_on_device(self, clips: Tensor, parameters: Tensor) -> Tensor:
        """See `Augmentation`."""
        inside = _between(parameters[:, 0], parameters[:, 1], clips.shape[-2])[:, None, None, :, None]
        bordered = F.pad(clips * inside, (1, 1, 1, 1))
        center, rows, columns = slice(1, -1), bordered[..., 1:-1], bordered[..., 1:-1, :]
        across = torch.maximum(columns[..., :-2], columns[..., 2:])
        down = torch.maximum(rows[..., :-2, :], rows[..., 2:, :])
        thick = torch.maximum(torch.maximum(across, down), bordered[..., center, center])
        return torch.where(inside, thick, clips)


def _between(first: Tensor, end: Tensor, count: int) -> Tensor:
    """Which of `count` places lie from `first` up to, not including, `end`: bool (clip, place)."""
    place = torch.arange(count, device=first.device)
    return (place >= first.unsqueeze(1)) & (place < end.unsqueeze(1))


def rotation_map(degrees: float, height_px: int, width_px: int) -> NDArray[np.float64]:
    """Map from output to input pixels, 3 x 3, that turns a frame about its center, counter-clockwise as seen."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (width_px - 1) / 2, (height_px - 1) / 2
    return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y], [0.0, 0.0, 1.0]])


def _projective_map(points: NDArray[np.float64], images: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 3 x 3 map that takes four points (x, y) to four images."""
    rows = []
    for (x, y), (u, v) in zip(points, images, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    entries = np.linalg.solve(np.array(rows), images.reshape(-1))
    return np.append(entries, 1.0).reshape(3, 3)


def _warp(planes: Frames, matrix: NDArray[np.float64]) -> None:
    """Resample planes, uint8 (plane, height, width), in place; weights are in 1/128 per axis, and sums exact."""
    count, height, width = planes.shape
    # Planes lie innermost, so that one pixel of all of them is computed at once; multiples of 8 fill the registers.
    # A border of one background pixel stands for everything outside.
    bordered = np.zeros((-(-count // 8) * 8, height + 2, width + 2), np.uint8)
    bordered[:count, 1:-1, 1:-1] = planes
    resampled = np.empty((height * width, len(bordered)), np.uint8)
    _resample(cv2.transpose(bordered.reshape(len(bordered), -1)), matrix, height, width, resampled)
    planes[:] = cv2.transpose(resampled)[:count].reshape(planes.shape)


@compiled(nogil=True)
def _resample(bordered: Any, matrix: NDArray[np.float64], height: int, width: int, out: Frames) -> None:
    """Pixels, uint8 (height x width, plane), from bordered ones, ((height + 2) x (width + 2), plane)."""
    stride = width + 2
    for y in range(height):
        for x in range(width):
            depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
            u = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth
            v = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth
            # Coordinates count from the corner of the border.
            across = math.floor(min(max(u + 1.0, 0.0), width + 0.999) * 128 + 0.5)
            down = math.floor(min(max(v + 1.0, 0.0), height + 0.999) * 128 + 0.5)
            column, row = min(across >> 7, width), min(down >> 7, height)
            right, below = np.float32(across / 128 - column), np.float32(down / 128 - row)
            left, above = np.float32(1) - right, np.float32(1) - below
            s, i = row * stride + column, y * width + x
            for n in range(out.shape[1]):
                upper = np.float32(bordered[s, n]) * left + np.float32(bordered[s + 1, n]) * right
                lower = np.float32(bordered[s + stride, n]) * left + np.float32(bordered[s + stride + 1, n]) * right
                out[i, n] = np.uint8(np.int32(upper * above + lower * below + np.float32(0.5)))


def _warp_clips(clips: Tensor, maps: Tensor) -> Tensor:
    """As `_warp`, for clips, uint8 (clip, time, channel, height, width), each with its map, float64 (clip, 3, 3)."""
    height, width = clips.shape[-2:]
    stride = width + 2
    y, x = (torch.arange(size, device=clips.device, dtype=torch.float64) for size in (height, width))
    depth, u, v = (
        maps[:, row, 0, None, None] * x + maps[:, row, 1, None, None] * y[:, None] + maps[:, row, 2, None, None]
        for row in (2, 0, 1)
    )
    across = ((u / depth + 1).clamp(0, width + 0.999) * 128 + 0.5).floor().long().flatten(1)
    down = ((v / depth + 1).clamp(0, height + 0.999) * 128 + 0.5).floor().long().flatten(1)
    column, row = (across >> 7).clamp_max(width), (down >> 7).clamp_max(height)
    right, below = (across - (column << 7)).int(), (down - (row << 7)).int()
    start = row * stride + column
    planes = F.pad(clips, (1, 1, 1, 1)).flatten(3).flatten(1, 2)
    total = torch.full((), 8192, dtype=torch.int32, device=clips.device)
    for offset, weight in (
        (0, (128 - right) * (128 - below)),
        (1, right * (128 - below)),
        (stride, (128 - right) * below),
        (stride + 1, right * below),
    ):
        index = (start + offset).unsqueeze(1).expand(-1, planes.shape[1], -1)
        total = total + planes.gather(2, index) * weight.unsqueeze(1)
    return (total >> 14).to(torch.uint8).view(clips.shape)
