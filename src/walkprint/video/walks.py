"""From a video to walks: segments every frame, tracks all people, and yields each walk when it is complete."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import UnusableFrameError, align, align_picture, reasons_in_words
from walkprint.video.cut import Cut
from walkprint.video.reader import Frame
from walkprint.video.segmenter import Gray, PersonMask, Segmenter
from walkprint.video.tracker import GROUP, Tracker, Update

Hook = Callable[[Frame, Update], None]


@dataclass(frozen=True, slots=True, eq=False)
class TrackedWalk:
    """A stretch of frames of one person.

    Attributes:
        track: number of the person in this video, from 1.
        silhouettes: uint8 (time, 1, size, size), aligned, soft edges.
        pictures: uint8 (time, 3, size, size), RGB times the mask, aligned the same way; or (time, 3, size, size / 2),
            in GaitNet's crop; None without color.
        times_s: float64 (time,), of the frames, since the beginning of the video.
        boxes_px: float64 (time, 4), left, top, width and height of the person in the video's frames.
    """

    track: int
    silhouettes: NDArray[np.uint8]
    pictures: NDArray[np.uint8] | None
    times_s: NDArray[np.float64]
    boxes_px: NDArray[np.float64]

    @property
    def start_s(self) -> float:
        """Time of the first frame."""
        return float(self.times_s[0])

    @property
    def end_s(self) -> float:
        """Time of the last frame."""
        return float(self.times_s[-1])

    @property
    def direction(self) -> str:
        """The direction as seen by the camera: left, right, towards or away; empty for a person who stays in place."""
        return _direction(self.boxes_px)

    @property
    def frame_rate_hz(self) -> float | None:
        """Frames per second, from the time stamps; None for a single frame."""
        passed_s = self.end_s - self.start_s
        return (len(self.silhouettes) - 1) / passed_s if passed_s > 0 else None

    def clip(self, key: SequenceKey, *, color: bool = False) -> Clip:
        """The silhouettes, or the masked pictures, as a clip.

        Raises:
            DataError: no pictures were kept.
        """
        if color and self.pictures is None:
            raise DataError(f"walk {key}: no pictures were kept; set `color` when the walks are cut")
        frames = self.pictures if color and self.pictures is not None else self.silhouettes
        return Clip(frames, key, self.frame_rate_hz)


@dataclass(slots=True, eq=False)
class _Open:
    """An unfinished walk."""

    silhouettes: list[NDArray[np.uint8]] = field(default_factory=list)
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    boxes_px: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Dropped:
    """Frames that are part of no walk: reason -> count."""

    frames: dict[str, int] = field(default_factory=dict)

    def count(self, reason: str, frames: int = 1) -> None:
        """Add frames to a reason."""
        if frames:
            self.frames[reason] = self.frames.get(reason, 0) + frames

    def add(self, other: "Dropped") -> None:
        """Count the frames of another video too."""
        for reason, frames in other.frames.items():
            self.count(reason, frames)

    def __str__(self) -> str:
        return reasons_in_words(self.frames)


def look_first(frames: Iterable[Frame], segmenter: Segmenter, *, most: int = 31, until_s: float = 120.0) -> None:
    """Show a segmenter evenly spaced frames of a video, if it needs that.

    Args:
        frames: the video from its beginning.
        segmenter: its `learn` is called if LOOKS_FIRST is set.
        most: maximum number of frames held at once, after the segmenter's `sample`.
        until_s: later frames are ignored.
    """
    if not segmenter.LOOKS_FIRST:
        return
    kept: list[NDArray[np.uint8]] = []
    step = 1
    for number, frame in enumerate(frames):
        if frame.time_s > until_s:
            break
        if number % step == 0:
            kept.append(segmenter.sample(frame.image))
        if len(kept) > most:
            kept, step = kept[::2], 2 * step
    segmenter.learn(kept)


def walks(
    frames: Iterable[Frame],
    segmenter: Segmenter,
    *,
    cut: Cut | None = None,
    tracker: Tracker | None = None,
    dropped: Dropped | None = None,
    hook: Hook | None = None,
    judge: Callable[[TrackedWalk], str] | None = None,
    refused: Callable[[TrackedWalk, str], None] | None = None,
) -> Iterator[TrackedWalk]:
    """Yield every walk of a video when it is complete; memory does not grow with the video.

    Args:
        frames: the video.
        segmenter: has seen this video if it needs to (`look_first`).
        cut: settings of cutting.
        tracker: follows the people; a new one if None.
        dropped: counts the frames left out, by reason.
        hook: called with every frame and the tracker's update.
        judge: says what is wrong with a walk, e.g. `judge.fault`; such walks are left out. None keeps all.
        refused: called with every walk that is left out, and why.
    """
    dropped = Dropped() if dropped is None else dropped
    for walk in _walks(frames, segmenter, cut or Cut(), tracker or Tracker(), dropped, hook):
        reason = judge(walk) if judge is not None else ""
        if not reason:
            yield walk
            continue
        dropped.count(reason, len(walk.silhouettes))
        if refused is not None:
            refused(walk, reason)


def _walks(
    frames: Iterable[Frame], segmenter: Segmenter, cut: Cut, tracker: Tracker, dropped: Dropped, hook: Hook | None
) -> Iterator[TrackedWalk]:
    pending: dict[int, _Open] = {}
    for frame in frames:
        update = tracker.update(segmenter(frame.image), frame.image, frame.time_s)
        if hook is not None:
            hook(frame, update)
        dropped.count("several people in one mask", len(update.doubtful))
        yield from _ended(update, pending, cut, dropped)
        for track, person in update.seen.items():
            walk = pending.setdefault(track, _Open())
            gap_s = max(cut.gap_s, tracker.next_frame_s)
            if walk.times_s and (frame.time_s - walk.times_s[-1] > gap_s or len(walk.times_s) >= cut.most_frames):
                yield from _complete(track, pending, cut, dropped)
                walk = pending.setdefault(track, _Open())
            _take(walk, frame, person, cut, dropped)
    yield from _ended(tracker.finish(), pending, cut, dropped)


def _ended(update: Update, pending: dict[int, _Open], cut: Cut, dropped: Dropped) -> Iterator[TrackedWalk]:
    for track, reason in update.ended.items():
        if reason == GROUP:
            dropped.count("several people in one mask", len(pending.pop(track, _Open()).times_s))
        else:
            yield from _complete(track, pending, cut, dropped)


def _take(walk: _Open, frame: Frame, person: PersonMask, cut: Cut, dropped: Dropped) -> None:
    """Add one frame to a walk, unless it cannot be used."""
    if person.cut:
        return dropped.count("at the edge of the frame")
    if person.score < cut.least_score:
        return dropped.count("mask of low score")
    picture = frame.image[person.box.rows_columns()]
    mask = person.mask
    # Large masks are first shrunk by area averaging, or edges would be ragged.
    shrink = 2 * cut.size_px / person.box.height
    if shrink < 1:
        mask = np.asarray(cv2.resize(mask, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    try:
        if cut.color:
            if shrink < 1:
                size = mask.shape[::-1]
                picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
            place = _gaitnet_crop if cut.gaitnet_crop else align_picture
            walk.pictures.append(place(picture, mask, cut.size_px))
        walk.silhouettes.append(align(mask, cut.size_px))
    except UnusableFrameError as reason:
        return dropped.count(str(reason))
    walk.times_s.append(frame.time_s)
    walk.boxes_px.append((person.box.left, person.box.top, person.box.width, person.box.height))
    return None


def _gaitnet_crop(picture: Gray, mask: Gray, size_px: int) -> Gray:
    """A person's box, (height, width, 3), times the mask, in the middle of black: (size_px, size_px / 2, 3)."""
    wide = round(0.75 * len(mask))
    over = max(mask.shape[1] - wide, 0)  # arms and bags beyond the crop are cut off
    inside = slice(over // 2, over // 2 + wide)
    shown = (picture[:, inside] * mask[:, inside, None].astype(np.uint16) + 127) // 255
    canvas = np.zeros((2 * wide, wide, 3), np.uint8)
    top, left = (2 * wide - len(shown)) // 2, (wide - shown.shape[1]) // 2
    canvas[top : top + len(shown), left : left + shown.shape[1]] = shown
    return np.asarray(cv2.resize(canvas, (size_px // 2, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def _complete(track: int, pending: dict[int, _Open], cut: Cut, dropped: Dropped) -> Iterator[TrackedWalk]:
    walk = pending.pop(track, _Open())
    if len(walk.times_s) < cut.least_frames:
        return dropped.count("in a walk too short", len(walk.times_s))
    silhouettes = np.stack(walk.silhouettes)[:, None]
    pictures = np.stack(walk.pictures).transpose(0, 3, 1, 2).copy() if cut.color else None
    yield TrackedWalk(track, silhouettes, pictures, np.array(walk.times_s), np.array(walk.boxes_px, np.float64))
    return None


def _direction(boxes_px: NDArray[np.float64]) -> str:
    """Direction of walking, from positions and heights in the first and the last fifth."""
    seen = np.stack([boxes_px[:, 0] + boxes_px[:, 2] / 2, boxes_px[:, 3]], axis=1)
    some = max(len(seen) // 5, 1)
    before, after = np.median(seen[:some], axis=0), np.median(seen[-some:], axis=0)
    across = (after[0] - before[0]) / np.median(seen[:, 1])
    nearer = float(np.log(after[1] / before[1]))
    if max(abs(across), abs(nearer)) < 0.15:
        return ""
    if abs(across) >= abs(nearer):
        return "right" if across > 0 else "left"
    return "towards" if nearer > 0 else "away"
