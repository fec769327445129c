"""What a mask is: one rule for every way in, whether pictures, pickles, videos or arrays.

- false and true, 0/1, 0/255, soft edges up to 255: a mask
- up to a top value of 128 to 254, e.g. 0/128: a mask, scaled to a top value of 255
- 16 bits: up to 1 or 255 as above, else the upper eight bits: a mask
- one color on black, of any palette: a mask by its brightness
- partly transparent: a mask by the alpha channel
- 0, 127 and 255: a mask with shadows (OpenCV's MOG2), which count as background
- JPEG: cut at half of its top value, since compression leaves faint ringing; up to 3 it is a mask of 0 and 1
- few small numbers or colors: labels of body parts: refused; where labels are asked for, any but 0 is the person
- white around the person: refused as inverted
- nothing above 0; shadow alone; a picture; numbers with a sign or a fraction: refused
"""

from collections import Counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.silhouette import Gray, UnusableFrameError

_HALF, _SHADOW = 127, 127
_FAINT = 3  # a JPEG of 0 and 1 comes back with a 2 here and there
_FEW_LEVELS, _FEW_COLORS, _NAMED = 40, 32, 4
_PEAK = 15
EXPECTED = "expected 0/1 or 0/255"
EMPTY, INVERTED = "empty", "foreground at the border of the frame: inverted?"
NEITHER, LABELS = "neither 0/1 nor 0/255", "labels of body parts instead of a mask"
PICTURE, SHADOW = "a picture instead of a mask", "shadow alone (127)"


class NoMaskError(UnusableFrameError):
    """Pixels are no mask; the message is the reason, fit for counting.

    Attributes:
        detail: what was found and expected; "" where the reason says it.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.detail = detail


def silhouette(pixels: NDArray[Any], *, lossy: bool = False, labels: bool = False) -> Gray:
    """One frame's pixels as a silhouette, by the table above.

    Args:
        pixels: bool, uint8 or uint16 (height, width), or (height, width, channel) with 2 (gray, alpha), 3 (RGB) or 4.
        lossy: whether they come from a JPEG.
        labels: whether labels are taken as well: any but 0 is the person.

    Returns:
        uint8 (height, width), 0 background to 255 person; `pixels` themselves where nothing has to be changed.

    Raises:
        NoMaskError: they are no mask, or no person is on it.
    """
    plain = pixels.dtype == np.uint8 and pixels.ndim == 2
    gray = _scaled(np.ascontiguousarray(pixels) if plain else _one_channel(pixels, lossy, labels), lossy, labels)
    if inverted(gray):
        raise NoMaskError(INVERTED)
    return gray


def silhouettes(frames: NDArray[Any], *, labels: bool = False) -> tuple[Gray, Counter[str]]:
    """Frames of one clip as silhouettes; what is scaled is decided by the clip as a whole.

    Args:
        frames: bool, uint8 or uint16 (time, height, width).
        labels: see `silhouette`.

    Returns:
        uint8 (time, height, width) of the frames that are not empty; and why others were left out -> how many.

    Raises:
        NoMaskError: they are no masks, or most are inverted.
    """
    if not frames.any():
        return np.zeros((0, *frames.shape[1:]), np.uint8), Counter({EMPTY: len(frames)})
    scaled = _scaled(_eight_bits(frames), False, labels)
    if 2 * sum(map(inverted, scaled)) > len(scaled):
        raise NoMaskError(INVERTED)
    seen: NDArray[np.bool_] = np.asarray(scaled.reshape(len(scaled), -1).any(axis=1))
    if seen.all():
        return scaled, Counter()
    return scaled[seen], Counter({EMPTY: int(len(seen) - seen.sum())})


def inverted(mask: Gray) -> bool:
    """Whether the person lies along most of all four edges: a person cut by the frame fills at most three."""
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1]) if mask.size else ()
    return bool(edges and all(2 * np.count_nonzero(edge > _HALF) > len(edge) for edge in edges))


def doubts(mask: Gray) -> list[str]:
    """What is odd about a silhouette that can be used all the same; pieces are looked for on a coarse grid first.

    Args:
        mask: uint8 (height, width), 0 background to 255 person.

    Returns:
        "specks" for small pieces beside the person, "two people?" for a piece of at least 0.3 of the largest, "cut" for
        a person at one edge of the frame and not at the opposite one, as tightly cropped frames have it.
    """
    found = []
    left, right, top, bottom = (edge.any() for edge in (mask[:, 0], mask[:, -1], mask[0], mask[-1]))
    if left != right or top != bottom:
        found.append("cut")
    step = max(min(mask.shape) // 60, 1)
    if cv2.connectedComponents(np.ascontiguousarray(mask[::step, ::step]) >> 7, connectivity=8)[0] > 2:
        x, y, width, height = cv2.boundingRect(mask)
        person = (mask[y : y + height, x : x + width] > _HALF).astype(np.uint8)
        areas = np.sort(cv2.connectedComponentsWithStats(person, connectivity=8)[2][1:, cv2.CC_STAT_AREA])
        if len(areas) > 1:
            found.append("two people?" if areas[-2] >= 0.3 * areas[-1] else "specks")
    return found


def _one_channel(pixels: NDArray[Any], lossy: bool, labels: bool) -> Gray:
    pixels = _eight_bits(pixels)
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        alpha = pixels[..., -1]
        if alpha.size and alpha.min() < alpha.max():
            return np.ascontiguousarray(alpha)
        pixels = pixels[..., :-1]
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels.reshape(pixels.shape[:2]))
    return _brightness(pixels, lossy, labels)


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8)
    if pixels.dtype != np.uint16:
        raise NoMaskError(f"numbers of type {pixels.dtype}", f"pixels are {pixels.dtype}; {EXPECTED} as uint8")
    if pixels.max(initial=0) <= 255:
        return pixels.astype(np.uint8)
    if pixels.max() < 0x8000:  # its upper eight bits would look like labels
        raise NoMaskError(NEITHER, f"{_values(pixels)}, of 16 bits; {EXPECTED} or 0/65535")
    return np.asarray(pixels >> 8, np.uint8)


def _brightness(color: NDArray[np.uint8], lossy: bool, labels: bool) -> Gray:
    """Of one color on black, as soft as it is; of a few colors, their numbers, black 0; a picture is refused."""
    top, low = color.max(axis=2), color.min(axis=2)
    if int((top - low).max(initial=0)) <= 2 * _PEAK:  # gray, but for what JPEG makes of it
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY), np.uint8)
    person = color[top > int(top.max()) // 2].astype(np.int32)
    hue = np.median(person, axis=0)
    others = np.abs(person * hue.max() - person.max(axis=1, keepdims=True) * hue).max(axis=1) > 0.12 * 65025
    if others.mean() < (0.25 if lossy else 0.02):  # JPEG smears colors over edges
        return np.asarray(top, np.uint8)
    numbers = color.astype(np.int32) @ np.array([65536, 256, 1])
    colors, which = np.unique(numbers, return_inverse=True)
    if len(colors) > _FEW_COLORS:
        raise NoMaskError(PICTURE, f"a picture of {len(colors):,} colors; {EXPECTED}")
    which = (which.reshape(numbers.shape) + (colors[0] > 0)).astype(np.uint8)
    if labels:
        return np.where(which > 0, np.uint8(255), np.uint8(0))
    raise NoMaskError(INVERTED) if inverted(which * np.uint8(255)) else _labels(f"a mask of {len(colors)} colors")


def _labels(found: str) -> NoMaskError:
    return NoMaskError(LABELS, f"{found}; {EXPECTED}: where they are labels, set labels, and any but 0 is the person")


def _scaled(gray: Gray, lossy: bool, labels: bool) -> Gray:
    top = int(gray.max(initial=0))
    if top == 0:
        raise NoMaskError(EMPTY)
    if top == 1 or (lossy and top <= _FAINT):
        return np.where(gray > 0, np.uint8(255), np.uint8(0))
    if lossy and top > _HALF:
        return np.where(gray > _threshold(gray, top), np.uint8(255), np.uint8(0))
    if top == 255 and not _odd(gray):
        return gray
    levels = np.flatnonzero(np.bincount(gray.reshape(-1), minlength=256)).tolist()
    if set(levels) <= {0, _SHADOW, 255}:
        if top == _SHADOW:
            raise NoMaskError(SHADOW)
        return np.where(gray == 255, gray, np.uint8(0))
    if labels and (top <= _HALF or _are_labels(gray, levels)):
        return np.where(gray > 0, np.uint8(255), np.uint8(0))
    if len(levels) > 2 and _are_labels(gray, levels):
        raise _labels(_values(gray))
    if top <= _HALF:
        raise NoMaskError(NEITHER, f"{_values(gray)}; {EXPECTED}")
    return gray if top == 255 else np.asarray(cv2.convertScaleAbs(gray, alpha=255 / top), np.uint8).reshape(gray.shape)


def _odd(gray: Gray) -> bool:
    """Whether a mask with a top of 255 may hold shadows or labels: by a 127, or because most of the person is dim.

    Of large frames every few rows are looked at, for speed.
    """
    rows = np.ascontiguousarray(gray.reshape(-1, gray.shape[-1])[:: max(gray.shape[-2] // 60, 1)])
    dim = cv2.sumElems(rows)[0] < 200.0 * cv2.countNonZero(rows)
    return b"\x7f" in rows.tobytes() or bool(dim)


def _are_labels(gray: Gray, levels: list[int]) -> bool:
    """Few values, and most of the person far from the highest: a soft edge is thin."""
    person = gray[gray > 0]
    dim = int(np.count_nonzero(person < 0.9 * levels[-1]))
    return len(levels) <= _FEW_LEVELS and 2 * dim > len(person)


def _threshold(gray: Gray, top: int) -> float:
    """Half of the top value of a JPEG; above the shadows where values gather around 127."""
    counts = np.bincount(gray.reshape(-1), minlength=256)
    near = counts[_SHADOW - _PEAK : _SHADOW + _PEAK + 1].sum()
    between = counts[32:224].sum() - near
    return 191 if top > 223 and near > max(between, 0.02 * counts[32:].sum()) else min(_HALF, top / 2)


def _values(pixels: NDArray[Any]) -> str:
    found = np.unique(pixels)
    more = ", ..." if len(found) > _NAMED else ""
    return f"a mask of {', '.join(map(str, found[:_NAMED]))}{more}"
