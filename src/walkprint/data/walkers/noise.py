"""What a segmenter gets wrong: ragged edges, holes, lost feet and arms, shadows, merged surroundings, lost frames.

A clip draws how bad its segmenter is; within it errors come and go slowly, as a background that looks like a coat does.
All arithmetic on pixels is in whole numbers, so that every machine draws the same masks.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled
from walkprint.data.walkers.body import Floats

Masks = NDArray[Any]  # uint8; OpenCV's annotations promise less
_CELL_PX = 8  # errors are drawn on a grid of this size


@dataclass(frozen=True, slots=True)
class Faults:
    """How bad a clip's masks are; lengths in pixels of the picture, shares from 0 to 1.

    Attributes:
        smooth_px: the segmenter's blur (standard deviation).
        shift: how much it takes too much (above 0) or too little, as a part of the edge's blur.
        ragged: strength of the errors along the edge.
        slow: how much of an error stays from one frame to the next.
        hole: share of frames that get a hole.
        lost_feet: share of frames whose lowest rows are missing.
        lost_part: share of frames that lose a patch at the edge.
        merged: share of frames that gain a patch at the edge.
        shadow: 0 none, else how long the shadow's part of the mask is, as a part of the height.
        lost_frames: share of frames that are missing.
        shear, stretch: the picture's distortion.
    """

    smooth_px: float = 1.0
    shift: float = 0.0
    ragged: float = 0.2
    slow: float = 0.5
    hole: float = 0.05
    lost_feet: float = 0.05
    lost_part: float = 0.05
    merged: float = 0.05
    shadow: float = 0.0
    lost_frames: float = 0.02
    shear: float = 0.0
    stretch: float = 1.0


def draw_faults(rng: np.random.Generator, level: float = 1.0) -> Faults:
    """A clip's segmenter; `level` 0 is perfect, 1 as found on real recordings, more is worse."""
    bad = 0.55 * level * float(rng.uniform(0.3, 1.4))
    return Faults(
        smooth_px=float(rng.uniform(0.6, 2.4)) * min(1.0, level),
        shift=level * float(np.clip(rng.standard_normal(), -2, 2)) * 0.13,
        ragged=bad * float(rng.uniform(0.08, 0.3)),
        slow=float(rng.uniform(0.2, 0.85)),
        hole=bad * float(rng.choice([0.02, 0.25], p=[0.7, 0.3])),
        lost_feet=bad * float(rng.choice([0.03, 0.3], p=[0.6, 0.4])),
        lost_part=bad * float(rng.choice([0.02, 0.25], p=[0.6, 0.4])),
        merged=bad * float(rng.choice([0.02, 0.2], p=[0.7, 0.3])),
        shadow=float(rng.uniform(0.04, 0.22)) if rng.random() < 0.1 * level else 0.0,
        lost_frames=0.03 * bad,
        shear=level * 0.016 * float(rng.standard_normal()),
        stretch=float(np.exp(level * 0.025 * rng.standard_normal())),
    )


def spoil(masks: Masks, faults: Faults, rng: np.random.Generator) -> Masks:
    """Masks as that segmenter would give them, uint8 (time, height, width), 0 or 255; frames may be missing."""
    _, height, width = masks.shape
    field, events, patches, kept = _errors(faults, rng, masks.shape)
    side = float(rng.choice([-1, 1]))
    threshold = int(np.clip(round(127.5 * (1 - faults.shift)), 40, 215))
    kernel = 2 * max(1, round(2 * faults.smooth_px)) + 1
    warp = _distortion(faults, height, width)
    out = np.empty((len(kept), height, width), np.uint8)
    for place, t in enumerate(kept):
        mask = masks[t] if warp is None else cv2.warpAffine(masks[t], warp, (width, height), flags=cv2.INTER_NEAREST)
        box = _box(mask)
        if box is None:
            out[place] = mask
            continue
        if faults.shadow:
            mask = _cast(mask, box, faults.shadow, side)
        if events[t].any():
            mask = _strike(mask, box, events[t], patches[t])
        if faults.smooth_px or faults.ragged:
            soft = cv2.GaussianBlur(mask, (kernel, kernel), max(faults.smooth_px, 0.3))
            doubt = cv2.resize(field[t], (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
            mask = _doubtful(soft, doubt, threshold)
        out[place] = mask
    return out


def kept_frames(faults: Faults, rng: np.random.Generator, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Which of the masks (time, height, width) `spoil` keeps, with a generator in the same state: int64 (kept,)."""
    return _errors(faults, rng, shape)[3]


def _errors(
    faults: Faults, rng: np.random.Generator, shape: tuple[int, ...]
) -> tuple[Masks, NDArray[np.bool_], Floats, NDArray[np.int64]]:
    """The field of errors, what strikes each frame and where, and which frames are kept."""
    times, height, width = shape
    field = _slow_field(rng, faults, times, height, width)
    shares = np.array([faults.hole, faults.lost_feet, faults.lost_part, faults.merged])
    events: NDArray[np.bool_] = np.asarray(rng.random((times, 4)) < shares)
    patches = rng.random((times, 4, 4))
    keep: NDArray[np.bool_] = np.asarray(rng.random(times) >= faults.lost_frames)
    keep[:1] |= not keep.any()
    return field, events, patches, np.flatnonzero(keep)


@compiled()
def _doubtful(soft: Masks, doubt: Masks, threshold: int) -> Masks:
    """Where the blurred mask, moved by the field around 128, passes the threshold; never far from the mask."""
    out = np.zeros(soft.shape, np.uint8)
    for row in range(soft.shape[0]):
        for column in range(soft.shape[1]):
            value = np.int64(soft[row, column])
            if value > 0 and value + np.int64(doubt[row, column]) - 128 > threshold:
                out[row, column] = 255
    return out


def _slow_field(rng: np.random.Generator, faults: Faults, times: int, height: int, width: int) -> Masks:
    """Errors around 128 on a coarse grid, uint8 (time, rows, columns), correlated in time."""
    noise = rng.standard_normal((times, height // _CELL_PX, width // _CELL_PX))
    for t in range(1, times):
        noise[t] = faults.slow * noise[t - 1] + np.sqrt(1 - faults.slow**2) * noise[t]
    return np.clip(np.rint(128 + 127.5 * faults.ragged * noise), 0, 255).astype(np.uint8)


def _distortion(faults: Faults, height: int, width: int) -> Floats | None:
    if faults.shear == 0 and faults.stretch == 1:
        return None
    middle = faults.shear * height / 2 + (faults.stretch - 1) * width / 2
    return np.array([[faults.stretch, faults.shear, -middle], [0, 1, 0]])


def _box(mask: Masks) -> tuple[int, int, int, int] | None:
    """Top, bottom, left, right of what is there, ends included."""
    left, top, wide, tall = cv2.boundingRect(mask)
    return None if tall == 0 else (top, top + tall - 1, left, left + wide - 1)


def _cast(mask: Masks, box: tuple[int, int, int, int], length: float, side: float) -> Masks:
    """Add a flat shadow that starts at the feet: the person mirrored at the floor, pressed flat and slanted."""
    top, bottom = box[0], box[1]
    tall = bottom - top + 1
    flat = 0.12 + 0.3 * length
    slant = side * (1.2 + 4 * length)
    floor = bottom - 0.03 * tall
    # A shadow's pixel (x, y) below the floor line comes from the height (y - floor) / flat above it.
    warp = np.array([[1, slant, -slant * floor], [0, -1 / flat, floor * (1 + 1 / flat)]])
    height, width = mask.shape
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    shadow = cv2.warpAffine(mask, warp, (width, height), flags=flags)
    shadow[: int(floor)] = 0
    shadow[min(height, int(floor + length * 0.5 * tall) + 1) :] = 0
    merged: Masks = cv2.bitwise_or(mask, shadow)
    return merged


def _strike(mask: Masks, box: tuple[int, int, int, int], events: NDArray[np.bool_], draws: Floats) -> Masks:
    """Holes, lost feet, lost and gained patches; `draws` (4, 4) holds where and how large, 0 to 1."""
    top, bottom, left, right = box
    tall, wide = bottom - top + 1, right - left + 1
    mask = mask.copy()
    if events[0]:
        center = (int(left + (0.3 + 0.4 * draws[0, 0]) * wide), int(top + (0.15 + 0.7 * draws[0, 1]) * tall))
        axes = (int(1 + 0.05 * tall * draws[0, 2]), int(1 + 0.09 * tall * draws[0, 3]))
        cv2.ellipse(mask, center, axes, 180 * float(draws[0, 0]), 0, 360, 0, -1)
    if events[1]:
        mask[bottom + 1 - int(1 + 0.06 * tall * draws[1, 0]) : bottom + 1] = 0
    for event, value in ((2, 0), (3, 255)):
        if events[event]:
            row = int(top + draws[event, 0] * (tall - 1))
            filled = np.flatnonzero(mask[row])
            if len(filled):
                column = int(filled[0] if draws[event, 1] < 0.5 else filled[-1])
                axes = (int(1 + 0.06 * tall * draws[event, 2]), int(1 + 0.1 * tall * draws[event, 3]))
                cv2.ellipse(mask, (column, row), axes, 90 * float(draws[event, 2]), 0, 360, value, -1)
    return mask
