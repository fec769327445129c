"""Whether what was tracked is a walk: the person whole, upright, and the legs swinging with a period.

The period is that of the aligned lower half of the silhouette: its autocorrelation over time falls after a moment and
rises again one step later. Thresholds were set on the KTH walking videos and on rendered people; the rates
are in `docs/video.md`.
"""

import numpy as np
from numpy.typing import NDArray

from walkprint.video.walks import TrackedWalk

STILL = "of a person whose legs do not move"
NO_PERIOD = "of a person who moves, but does not walk"
UNSTEADY = "of a person who is not upright, or not whole"
PIECES = "of a mask in pieces"

_LEAST_SWING = 0.05  # variance of the lower half over its area; people seen from the front have 0.08, from the side 0.3
_LEAST_RISE = 0.25  # of the autocorrelation, after its fall
_LARGE_CHANGE = 0.1  # of the height against its trend, in natural logarithms
_MOST_UNSTEADY = 0.27  # share of frames with a large change
_MOST_WIDE = 0.6  # width of the box over its height; 0.25 to 0.5 for walking people
_MOST_RUNS = 2.2  # stretches of silhouette in a row; a person has 1.1 to 1.6
_STEP_S = (0.3, 1.6)  # from a fast step to a slow stride
_SLOW_S = 2.2  # slower changes, e.g. of the angle to the camera, are taken away
_LEAST_RATE_HZ = 8.0


def fault(walk: TrackedWalk) -> str:
    """Why a tracked person is not a walk, in words that follow a number of frames; empty for a walk.

    A stretch too short or too slow in frames for a period is judged without it: at least 1.2 s, and 8 frames a second.
    """
    certain = walk.silhouettes[:, 0] >= 128
    width, height = np.median(walk.boxes_px[:, 2]), np.median(walk.boxes_px[:, 3])
    if _runs(certain) > _MOST_RUNS:
        return PIECES
    if _unsteady(walk) > _MOST_UNSTEADY or width / height > _MOST_WIDE:
        return UNSTEADY
    lower = walk.silhouettes[:, 0, walk.silhouettes.shape[2] // 2 :].reshape(len(certain), -1)
    legs = np.asarray(lower / np.float32(255), np.float32)
    rate_hz = walk.frame_rate_hz or 0.0
    moving: NDArray[np.float32] = legs - _smoothed(legs, round(_SLOW_S * rate_hz))
    if (moving**2).sum() < _LEAST_SWING * legs.sum():
        return STILL
    longest = round(min(_STEP_S[1] * rate_hz, 0.6 * len(moving)))
    if rate_hz < _LEAST_RATE_HZ or longest < 0.7 * rate_hz:
        return ""
    return "" if _rise(moving, round(_STEP_S[0] * rate_hz), longest) >= _LEAST_RISE else NO_PERIOD


def _runs(certain: NDArray[np.bool_]) -> float:
    """Mean number of separate stretches in a row that shows the person; `certain` is (time, height, width)."""
    edges = np.diff(np.pad(certain, ((0, 0), (0, 0), (1, 0))).astype(np.int8), axis=2)
    starts = (edges == 1).sum(axis=2)
    return float(starts.sum() / max((starts > 0).sum(), 1))


def _unsteady(walk: TrackedWalk) -> float:
    """Share of frames whose height is not that of walking straight ahead.

    The distance from the camera, which is as one over the height, then changes evenly; the line is fitted to the 70 %
    of frames that lie nearest to it.
    """
    passed_s = walk.times_s - walk.times_s[0]
    if passed_s[-1] <= 0:
        return 0.0
    distances = 1 / walk.boxes_px[:, 3]
    near = np.ones(len(distances), bool)
    for _ in range(3):
        even = np.polyval(np.polyfit(passed_s[near], distances[near], 1), passed_s)
        off = np.abs(np.log(distances / np.maximum(even, distances.min() / 2)))
        near = off <= np.percentile(off, 70)
    return float((off > _LARGE_CHANGE).mean())


def _smoothed(values: NDArray[np.float32], window: int) -> NDArray[np.float32]:
    """Moving average along the first axis; near the ends over what there is of the window."""
    half = window // 2
    sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])
    first = np.maximum(np.arange(len(values)) - half, 0)
    last = np.minimum(np.arange(len(values)) + half + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / (last - first)[:, None], np.float32)


def _rise(moving: NDArray[np.float32], first: int, last: int) -> float:
    """The largest rise of the autocorrelation from its lowest value before, at lags of `first` to `last` frames."""
    similar = [1.0]
    for lag in range(1, last + 1):
        before, after = moving[:-lag], moving[lag:]
        similar.append(float((before * after).sum() / np.sqrt((before**2).sum() * (after**2).sum() + 1e-9)))
    lowest = np.minimum.accumulate(similar)
    return float(max((np.array(similar) - lowest)[first:], default=0.0))
