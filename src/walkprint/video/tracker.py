"""Tracks people from frame to frame by motion, overlap and color; it never joins two people silently.

A track continues only without doubt. A mask that must hold two known people belongs to neither. When they part, motion
and colors identify them again; if these do not decide, both tracks end and new ones begin. If a track's mask splits
into two people, it was a group, and it ends as one.
"""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.video.segmenter import Box, PersonMask

LEFT, UNCLEAR, GROUP = "left", "unclear", "group"
_BINS = 4
_REACH, _REACH_PER_S, _REACH_MIXED, _MOST_GROWTH = 0.35, 0.7, 0.4, 0.45
_SETTLED_FRAMES = 3
_SAME_COLORS, _OTHER_COLORS_MIXED, _OTHER_COLORS = 0.06, 0.12, 0.3
_LONGEST_MIXED = 5
_LATE = 1.75  # in intervals; a frame that comes later than this is a gap


@dataclass(frozen=True, slots=True, eq=False)
class Update:
    """Result of one frame.

    Attributes:
        seen: people by track number.
        doubtful: masks that may hold several people and belong to no track.
        ended: tracks that ended, and why: LEFT (no longer seen), UNCLEAR (from here on it may be another person), GROUP
            (it was several people all along).
    """

    seen: dict[int, PersonMask] = field(default_factory=dict)
    doubtful: list[PersonMask] = field(default_factory=list)
    ended: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Track:
    number: int
    center: NDArray[np.float64]
    size: NDArray[np.float64]
    colors: NDArray[np.float32]
    time_s: float
    velocity: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    frames: int = 1
    whole: int = 0  # frames that showed the whole person
    mixed: bool = False
    seen_s: float = 0.0

    def __post_init__(self) -> None:
        self.seen_s = self.time_s

    def expected(self, time_s: float) -> Box:
        center = self.center + self.velocity * (time_s - self.time_s)
        left, top = np.rint(center - self.size / 2).astype(int)
        return Box(int(left), int(top), max(int(self.size[0]), 1), max(int(self.size[1]), 1))

    def cost(self, person: PersonMask, colors: NDArray[np.float32], time_s: float) -> float:
        """Dissimilarity of a person, from 0; infinite if out of reach."""
        waited_s = time_s - self.time_s
        height = self.size[1]
        away = float(np.linalg.norm(_center(person.box) - self.center - self.velocity * waited_s) / height)
        growth = float(abs(np.log(person.box.height / height)))
        reach = _REACH + _REACH_PER_S * min(waited_s, 1.0) + (_REACH_MIXED if self.mixed else 0.0)
        if away > reach or (growth > _MOST_GROWTH and not person.cut):
            return float("inf")
        other_colors = self.other_colors(colors)
        if other_colors > (_OTHER_COLORS_MIXED if self.mixed else _OTHER_COLORS):
            return float("inf")
        return away + 0.5 * growth + 2.0 * other_colors

    def other_colors(self, colors: NDArray[np.float32]) -> float:
        """From 0 (the same) to 1."""
        return 1.0 - float(np.sqrt(self.colors * colors).sum())

    def alone(self, person: PersonMask, colors: NDArray[np.float32]) -> bool:
        """Whether a mask shows this person alone: of its colors, and not larger."""
        larger = np.array([person.box.width, person.box.height]) / self.size
        return bool(larger[0] < 1.3 and larger[1] < 1.15 and self.other_colors(colors) < _SAME_COLORS)

    def coast(self, inside: Box, time_s: float) -> None:
        """Continue unseen, in a mask with others."""
        center = self.center + self.velocity * (time_s - self.time_s)
        first = np.array([inside.left, inside.top])
        self.center = np.clip(center, first, first + (inside.width, inside.height))
        self.time_s, self.mixed = time_s, True

    def follow(self, person: PersonMask, colors: NDArray[np.float32], time_s: float) -> None:
        passed_s = max(time_s - self.time_s, 1e-3)
        step = (_center(person.box) - self.center) / passed_s
        weight = max(0.15, 1 / (self.frames + 1))
        self.velocity = step if self.frames == 1 else (1 - weight) * self.velocity + weight * step
        size = np.array([person.box.width, person.box.height], float)
        self.size = (1 - weight) * self.size + weight * size
        self.colors = 0.9 * self.colors + 0.1 * colors
        self.center, self.time_s, self.seen_s, self.mixed = _center(person.box), time_s, time_s, False
        self.frames += 1
        self.whole += not person.cut


class Tracker:
    """Follows people; call `update` with one frame after another.

    Args:
        patience_s: a track ends if its person is not seen for longer; five times as long in a mask with others, a fifth
            of it before the third frame. It is never shorter than one frame.

    Raises:
        DataError: the patience is negative.
    """

    def __init__(self, *, patience_s: float = 1.0) -> None:
        if not patience_s >= 0:
            raise DataError(f"tracker: patience is {patience_s} s, expected 0 or more")
        self.patience_s = patience_s
        self._tracks: list[_Track] = []
        self._count = 0
        self._times_s: deque[float] = deque(maxlen=6)

    @property
    def next_frame_s(self) -> float:
        """Longest time to the next frame, from the median interval of the last frames; 0 before the second.

        The median ignores single gaps in the video.
        """
        passed_s = [after - before for before, after in pairwise(self._times_s)]
        return _LATE * float(np.median(passed_s)) if passed_s else 0.0

    def update(self, people: list[PersonMask], image: NDArray[np.uint8], time_s: float) -> Update:
        """Process a frame.

        Args:
            people: the people on it.
            image: uint8 (height, width, 3), the frame.
            time_s: its time, later than that of the frame before.
        """
        update = Update()
        self._times_s.append(time_s)
        self._forget(time_s, update)
        colors = [_colors(person, image) for person in people]
        costs = np.array([[track.cost(p, c, time_s) for p, c in zip(people, colors, strict=True)]
                          for track in self._tracks]).reshape(len(self._tracks), len(people))  # fmt: skip
        pairs = _cheapest(costs)
        taken = self._set_apart(pairs, people, colors, time_s, update)
        self._settle(pairs, costs, update)
        for t, p in pairs.items():
            self._tracks[t].follow(people[p], colors[p], time_s)
            update.seen[self._tracks[t].number] = people[p]
        self._tracks = [track for track in self._tracks if track.number not in update.ended]
        for p, person in enumerate(people):
            if p not in taken and p not in pairs.values():
                self._begin(person, colors[p], time_s, update)
        return update

    def finish(self) -> Update:
        """End all tracks at the end of the video."""
        update = Update(ended={track.number: LEFT for track in self._tracks})
        self._tracks = []
        self._times_s.clear()
        return update

    def _begin(self, person: PersonMask, colors: NDArray[np.float32], time_s: float, update: Update) -> None:
        self._count += 1
        size = np.array([person.box.width, person.box.height], float)
        self._tracks.append(_Track(self._count, _center(person.box), size, colors, time_s))
        update.seen[self._count] = person

    def _forget(self, time_s: float, update: Update) -> None:
        least_s = self.next_frame_s
        for track in self._tracks:
            waited_s = time_s - track.time_s
            patience_s = self.patience_s if track.frames >= _SETTLED_FRAMES else 0.2 * self.patience_s
            mixed_s = _LONGEST_MIXED * self.patience_s
            if waited_s > max(patience_s, least_s) or time_s - track.seen_s > max(mixed_s, least_s):
                update.ended[track.number] = LEFT
        self._tracks = [track for track in self._tracks if track.number not in update.ended]

    def _set_apart(
        self,
        pairs: dict[int, int],
        people: list[PersonMask],
        colors: list[NDArray[np.float32]],
        time_s: float,
        update: Update,
    ) -> set[int]:
        """Remove masks of several known people, and tracks that were several people, from `pairs`.

        Returns:
            Indices of the doubtful people.
        """
        boxes = [track.expected(time_s) for track in self._tracks]
        doubtful: set[int] = set()
        for p, person in enumerate(people):
            inside = [
                t
                for t, box in enumerate(boxes)
                if self._tracks[t].whole >= _SETTLED_FRAMES and pairs.get(t, p) == p
                and person.box.shared_px(box) > 0.5 * box.width * box.height
            ]  # fmt: skip
            whose = [t for t in inside if t in pairs and self._tracks[t].alone(person, colors[p])]
            if len(inside) > 1 and not whose:
                doubtful.add(p)
                update.doubtful.append(person)
                for t in inside:
                    self._tracks[t].coast(person.box, time_s)
                    pairs.pop(t, None)
        for t in list(pairs):
            if self._fell_apart(t, pairs, people, boxes[t], doubtful):
                update.ended[self._tracks[t].number] = GROUP
                del pairs[t]
        return doubtful

    def _fell_apart(
        self, t: int, pairs: dict[int, int], people: list[PersonMask], box: Box, doubtful: set[int]
    ) -> bool:
        """Whether two people of about its height, of no other track, now share a track's place."""
        free = set(range(len(people))) - doubtful - {p for other, p in pairs.items() if other != t}
        parts = [
            people[p].box
            for p in free
            if people[p].box.height > 0.7 * box.height
            and people[p].box.shared_px(box) > 0.6 * people[p].box.width * people[p].box.height
        ]
        return len(parts) > 1 and all(one.overlap(other) < 0.3 for one in parts for other in parts if one is not other)

    def _settle(self, pairs: dict[int, int], costs: NDArray[np.float64], update: Update) -> None:
        """End tracks that may have swapped people: after a mixed mask, or if one person hides another."""
        known = [t for t, track in enumerate(self._tracks) if track.mixed or track.whole >= _SETTLED_FRAMES]
        for t in [t for t in known if t in pairs]:
            for u in known:
                if u == t or t not in pairs or not np.isfinite(costs[u, pairs[t]]):
                    continue
                as_is = costs[t, pairs[t]] + (costs[u, pairs[u]] if u in pairs else 0.0)
                swapped = costs[u, pairs[t]] + (costs[t, pairs[u]] if u in pairs else 0.0)
                if swapped < as_is + 0.15:
                    for one in (t, u):
                        pairs.pop(one, None)
                        update.ended[self._tracks[one].number] = UNCLEAR


def _center(box: Box) -> NDArray[np.float64]:
    return np.array([box.left + box.width / 2, box.top + box.height / 2])


def _cheapest(costs: NDArray[np.float64]) -> dict[int, int]:
    """Pairs of row and column by rising cost, each row and column once."""
    pairs: dict[int, int] = {}
    for place in np.argsort(costs, axis=None, kind="stable"):
        row, column = divmod(int(place), costs.shape[1])
        if not np.isfinite(costs[row, column]):
            break
        if row not in pairs and column not in pairs.values():
            pairs[row] = column
    return pairs


def _colors(person: PersonMask, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Shares of coarse colors in the upper and in the lower half of a person: float32, sum 1."""
    cut = image[person.box.rows_columns()]
    certain = (person.mask >= 128).astype(np.uint8)
    half = (len(cut) + 1) // 2
    parts = [
        cv2.calcHist([cut[rows]], [0, 1, 2], certain[rows], [_BINS] * 3, [0, 256] * 3).ravel()
        for rows in (slice(0, half), slice(half, None))
    ]
    shares = np.concatenate(parts) + np.float32(1e-6)
    return np.asarray(shares / shares.sum(), np.float32)
