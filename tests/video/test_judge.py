"""What is a walk: rendered people walk, from every side and in every condition; people who stand or crouch do not."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from walkprint.core.sequence import SequenceKey
from walkprint.data.walkers import Walkers
from walkprint.video.judge import NO_PERIOD, PIECES, STILL, UNSTEADY, fault
from walkprint.video.walks import TrackedWalk

RATE_HZ, FRAMES = 25.0, 44


def tracked(
    frames: NDArray[np.uint8], *, heights: NDArray[np.float64] | None = None, rate_hz: float = RATE_HZ
) -> TrackedWalk:
    """Aligned frames as if they had been tracked; heights as shares of the frame."""
    boxes = []
    for mask in frames[:, 0] >= 128:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        boxes.append((columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1))
    found = np.array(boxes, float)
    found[:, 3] *= 1.0 if heights is None else heights
    return TrackedWalk(1, frames, None, np.arange(len(frames)) / rate_hz, found)


def walkers() -> Iterator[NDArray[np.uint8]]:
    data = Walkers(subjects=4, frames=50)
    for number, condition, view in (
        ("001", "nm", "000"),
        ("002", "bg", "036"),
        ("003", "cl", "090"),
        ("004", "nm", "180"),
    ):
        yield data.read(SequenceKey(number, condition, "01", view)).frames[:FRAMES]


@pytest.fixture(scope="module")
def people() -> list[NDArray[np.uint8]]:
    return list(walkers())


def test_rendered_people_walk(people: list[NDArray[np.uint8]]) -> None:
    assert [fault(tracked(frames)) for frames in people] == [""] * 4
    assert [fault(tracked(frames[:20])) for frames in people] == [""] * 4, "too short for a period"
    assert fault(tracked(people[2][::5], rate_hz=5)) == "", "too slow for a period"


def test_walking_towards_the_camera_is_steady(people: list[NDArray[np.uint8]]) -> None:
    walk = tracked(people[3])
    walk.boxes_px[:, 2:] /= np.linspace(0.9, 0.2, len(people[3]))[:, None]
    assert fault(walk) == ""


def test_people_who_stand(people: list[NDArray[np.uint8]]) -> None:
    assert [fault(tracked(frames[:1].repeat(50, axis=0))) for frames in people] == [STILL] * 4


@pytest.mark.parametrize(
    "change", [1 - 0.35 * np.sin(np.linspace(0, np.pi, FRAMES)), 1 + 0.3 * (np.arange(FRAMES) % 20 < 8)]
)
def test_people_who_crouch_or_stretch(people: list[NDArray[np.uint8]], change: NDArray[np.float64]) -> None:
    assert [fault(tracked(frames, heights=change)) for frames in people] == [UNSTEADY] * 4


def test_someone_who_bends_forward_is_wide(people: list[NDArray[np.uint8]]) -> None:
    walk = tracked(people[2])
    walk.boxes_px[:, 2] = walk.boxes_px[:, 3]
    assert fault(walk) == UNSTEADY


def test_movement_without_a_period(people: list[NDArray[np.uint8]]) -> None:
    """One long swing of the legs: as somebody who turns around."""
    slow = people[3][np.linspace(0, 8, FRAMES).astype(int)]
    assert fault(tracked(slow)) == NO_PERIOD


def test_a_mask_in_stripes(people: list[NDArray[np.uint8]]) -> None:
    striped = people[2] * (np.arange(64) // 3 % 2).astype(np.uint8)
    assert fault(tracked(striped)) == PIECES
