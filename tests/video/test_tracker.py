"""Who is who: crossings, short absences, people who meet, groups that part."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.video.segmenter import Box, PersonMask
from walkprint.video.tracker import GROUP, LEFT, UNCLEAR, Tracker, Update

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 40), (30, 40, 200)
_HIGH, _WIDE, _RATE_HZ = 120, 400, 25.0
Figure = tuple[float, tuple[int, int, int]]


def _frame(figures: list[Figure], *, joined: bool = False) -> tuple[list[PersonMask], NDArray[np.uint8]]:
    """Colored posts, 20 x 80, with their middles at these columns; joined: those that touch are one mask."""
    image = np.full((_HIGH, _WIDE, 3), 120, np.uint8)
    canvas = np.zeros((_HIGH, _WIDE), np.uint8)
    people = []
    for middle, color in figures:
        left = round(middle) - 10
        image[20:100, max(left, 0) : left + 20] = color
        canvas[20:100, max(left, 0) : left + 20] = 255
        people.append(PersonMask(np.full((80, 20), 255, np.uint8), Box(left, 20, 20, 80), 0.9, False))
    if joined:
        columns = np.flatnonzero(canvas.any(axis=0))
        parts = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
        people = [
            PersonMask(np.full((80, len(part)), 255, np.uint8), Box(int(part[0]), 20, len(part), 80), 0.9, False)
            for part in parts
        ]
    return people, image


def _play(scenes: list[list[Figure]], *, joined: bool = False) -> list[Update]:
    tracker = Tracker()
    updates = [tracker.update(*_frame(figures, joined=joined), i / _RATE_HZ) for i, figures in enumerate(scenes)]
    return [*updates, tracker.finish()]


def _track_of(update: Update, middle: float) -> int:
    (track,) = [t for t, person in update.seen.items() if abs(person.box.left + 10 - middle) < 2]
    return track


def test_one_walker_is_one_track() -> None:
    updates = _play([[(30 + 3 * i, RED)] for i in range(100)])
    assert {track for update in updates for track in update.seen} == {1}
    assert updates[-1].ended == {1: LEFT}


def test_a_short_absence_is_bridged_and_a_long_one_is_not() -> None:
    path = [[(30 + 3 * i, RED)] for i in range(100)]
    short = [figures if not 40 <= i < 55 else [] for i, figures in enumerate(path)]
    assert {track for update in _play(short) for track in update.seen} == {1}
    long = [figures if not 40 <= i < 80 else [] for i, figures in enumerate(path)]
    assert {track for update in _play(long) for track in update.seen} == {1, 2}


@pytest.mark.parametrize("rate_hz", [1.5, 3.0, 4.0, 4.9])
def test_one_walker_of_a_slow_video_is_one_track(rate_hz: float) -> None:
    tracker = Tracker()
    times_s = np.arange(30) / rate_hz
    times_s[1::2] += 0.2 / rate_hz  # frames are late now and then
    updates = [tracker.update(*_frame([(30 + 12 * i, RED)]), float(time_s)) for i, time_s in enumerate(times_s)]
    assert {track for update in updates for track in update.seen} == {1}


def test_a_hole_in_the_video_is_no_slow_video() -> None:
    tracker = Tracker()
    times_s = [*np.arange(10) / 25, *(2 + np.arange(10) / 25)]
    updates = [tracker.update(*_frame([(60, RED)]), float(time_s)) for time_s in times_s]
    assert {track for update in updates for track in update.seen} == {1, 2}


def test_two_who_cross_in_one_mask_keep_their_numbers() -> None:
    scenes = [[(50 + 3 * i, RED), (350 - 3 * i, BLUE)] for i in range(100)]
    updates = _play(scenes, joined=True)
    red, blue = _track_of(updates[5], 65), _track_of(updates[5], 335)
    assert _track_of(updates[95], 335) == red
    assert _track_of(updates[95], 65) == blue
    assert sum(len(update.doubtful) for update in updates) > 3, "the joined mask is nobody's"
    for update, figures in zip(updates, scenes, strict=False):
        assert all(person.box.width == 20 for person in update.seen.values()), figures


def test_two_of_one_color_who_meet_and_turn_back_or_pass_are_not_guessed_at() -> None:
    there = [[(50 + 3 * i, RED), (350 - 3 * i, RED)] for i in range(46)]
    standing = [[(190, RED), (205, RED)]] * 40
    back = [[(190 - 3 * i, RED), (205 + 3 * i, RED)] for i in range(40)]
    updates = _play(there + standing + back, joined=True)
    before = set(updates[40].seen)
    after = set(updates[-2].seen)
    assert not before & after
    reasons = Counter(reason for update in updates for reason in update.ended.values())
    assert reasons[UNCLEAR] == 2


def test_two_of_one_color_of_whom_one_hides_the_other_are_not_guessed_at() -> None:
    places = [abs(37 - i) * 4 for i in range(80)]  # they meet, and each turns back
    scenes = [[(198 - away, RED), (202 + away, RED)][: 2 if away > 8 else 1] for away in places]
    updates = _play(scenes)
    assert set(updates[10].seen) == {1, 2}
    assert not {1, 2} & set(updates[70].seen)
    assert {1: UNCLEAR, 2: UNCLEAR}.items() <= {t: why for update in updates for t, why in update.ended.items()}.items()


def test_a_group_that_parts_is_ended_as_one() -> None:
    together = [[(100 + 2 * i, RED), (118 + 2 * i, BLUE)] for i in range(30)]
    parting = [[(160 - 2 * i, RED), (178 + 2 * i, BLUE)] for i in range(1, 30)]
    updates = _play(together + parting, joined=True)
    ended = {track: reason for update in updates for track, reason in update.ended.items()}
    assert ended[1] == GROUP
    assert set(updates[-2].seen) == {2, 3}


def test_somebody_else_in_the_place_of_another_is_somebody_else() -> None:
    updates = _play([[(100, RED)]] * 20 + [[]] * 5 + [[(100, GREEN)]] * 20)
    assert set(updates[10].seen) == {1}
    assert set(updates[40].seen) == {2}


def test_nobody_at_all() -> None:
    assert all(not update.seen and not update.ended for update in _play([[]] * 5))


def test_patience_is_checked() -> None:
    with pytest.raises(DataError, match="patience"):
        Tracker(patience_s=-1)
