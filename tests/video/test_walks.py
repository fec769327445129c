"""From frames to walks: names of directions, gaps, edges, color, memory."""

import tracemalloc
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest
from benchmarks._street import street
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.core.silhouette import align, align_picture
from walkprint.data.walkers import Walkers
from walkprint.video.background import Background
from walkprint.video.cut import Cut
from walkprint.video.mediapipe import MediaPipe
from walkprint.video.reader import Frame
from walkprint.video.segmenter import PersonMask, Segmenter
from walkprint.video.walks import Dropped, TrackedWalk, look_first, walks

_KEY = SequenceKey("somebody")


class Bright(Segmenter):
    """Everything bright is one person."""

    def __call__(self, image: NDArray[np.uint8]) -> list[PersonMask]:
        person = PersonMask.found(np.asarray(image.max(axis=2) * (image.max(axis=2) > 60), np.uint8), 0.9)
        return [] if person is None else [person]


def figure(column: float, height: float = 60, *, wide: int = 320) -> NDArray[np.uint8]:
    """A bright ellipse on black."""
    image = np.zeros((120, wide, 3), np.uint8)
    cv2.ellipse(image, (round(column), 60), (round(height / 4), round(height / 2)), 0, 0, 360, (250, 120, 90), -1)
    return image


def film(images: list[NDArray[np.uint8]], rate_hz: float = 25.0) -> list[Frame]:
    return [Frame(image, i / rate_hz, i) for i, image in enumerate(images)]


@pytest.mark.parametrize(
    ("path", "heights", "direction"),
    [((60, 260), (60, 60), "right"), ((260, 60), (60, 60), "left"), ((150, 150), (40, 90), "towards"),
     ((150, 160), (90, 40), "away"), ((150, 150), (60, 60), "")],
)  # fmt: skip
def test_the_direction_is_that_of_the_picture(path: tuple[int, int], heights: tuple[int, int], direction: str) -> None:
    images = [figure(c, h) for c, h in zip(np.linspace(*path, 40), np.linspace(*heights, 40), strict=True)]
    (walk,) = walks(film(images), Bright())
    assert walk.direction == direction
    assert walk.silhouettes.shape == (40, 1, 64, 64)
    assert walk.frame_rate_hz == pytest.approx(25)
    assert walk.clip(_KEY).key == _KEY


def test_silhouettes_are_aligned_masks_and_pictures_lie_in_the_same_place() -> None:
    (walk,) = walks(film([figure(60 + 4 * i) for i in range(30)]), Bright(), cut=Cut(color=True))
    assert walk.pictures is not None
    assert walk.pictures.shape == (30, 3, 64, 64)
    shape = walk.silhouettes[:, 0] > 128
    np.testing.assert_array_equal(walk.pictures[:, 0] > 60, shape)
    assert np.abs(walk.pictures[:, 0][shape].astype(int) - 250 * 250 / 255).mean() < 12
    assert walk.clip(_KEY, color=True).frames.shape == (30, 3, 64, 64)


def test_the_crop_of_gaitnet_has_the_person_in_its_middle_at_two_thirds_of_its_height() -> None:
    cut = Cut(color=True, gaitnet_crop=True)
    images = [np.maximum(figure(60 + 4 * i), 40) for i in range(30)]  # the street is not black
    (walk,) = walks(film(images), Bright(), cut=cut)
    assert walk.pictures is not None
    assert walk.pictures.shape == (30, 3, 64, 32)
    assert walk.silhouettes.shape == (30, 1, 64, 64)
    for picture in walk.clip(_KEY, color=True).frames:
        left, top, across, down = cv2.boundingRect((picture[0] > 120).astype(np.uint8))
        assert down == pytest.approx(64 / 1.5, abs=1.5)
        assert across == pytest.approx(64 / 3, abs=1.5)
        assert (top + down / 2, left + across / 2) == (pytest.approx(32, abs=1), pytest.approx(16, abs=1))
        assert picture[:, :8].max() == 0
        assert picture[:, 32, 16].tolist() == pytest.approx([245, 118, 88], abs=6)
    with pytest.raises(DataError, match="without color"):
        Cut(gaitnet_crop=True)


def test_arms_beyond_the_crop_of_gaitnet_are_cut_off_on_both_sides() -> None:
    image = np.zeros((120, 320, 3), np.uint8)
    image[50:60, 100:200], image[30:90, 140:160] = 200, 250  # outstretched arms, 100 wide; 60 high
    (walk,) = walks(film([image] * 20), Bright(), cut=Cut(color=True, gaitnet_crop=True))
    assert walk.pictures is not None
    arms = walk.pictures[0, 0, 30]
    assert arms.min() > 100
    assert np.flatnonzero(arms > 200).mean() == pytest.approx(15.5, abs=1)


def test_a_picture_is_aligned_as_its_mask() -> None:
    mask = np.zeros((50, 40), np.uint8)
    mask[5:45, 12:22] = np.random.default_rng(0).integers(1, 256, (40, 10), dtype=np.uint8)
    white = np.full((50, 40, 3), 255, np.uint8)
    np.testing.assert_array_equal(align_picture(white, mask)[..., 1], align(mask))
    with pytest.raises(DataError, match="mask's size"):
        align_picture(white[1:], mask)


def test_without_color_there_are_no_pictures() -> None:
    (walk,) = walks(film([figure(60 + 4 * i) for i in range(30)]), Bright())
    with pytest.raises(DataError, match="no pictures were kept"):
        walk.clip(_KEY, color=True)


def test_gaps_split_and_short_walks_and_cut_people_are_left_out() -> None:
    images = [figure(-20 + 4 * i) for i in range(85)]
    for i in (*range(30, 42), *range(50, 63)):
        images[i][:] = 0
    dropped = Dropped()
    found = list(walks(film(images), Bright(), dropped=dropped))
    assert [walk.track for walk in found] == [1, 1]
    assert len(found[0].silhouettes) < 25
    assert dropped.frames["in a walk too short"] == 8
    assert dropped.frames["at the edge of the frame"] > 5


def test_a_slow_video_gives_whole_walks() -> None:
    (walk,) = walks(film([figure(40 + 13 * i) for i in range(18)], rate_hz=3), Bright())
    assert len(walk.silhouettes) == 18
    assert walk.frame_rate_hz == pytest.approx(3)


def test_a_hole_in_the_video_ends_a_walk() -> None:
    frames = film([figure(60 + 3 * i) for i in range(40)])
    frames = [Frame(one.image, one.time_s + (0.6 if one.number >= 20 else 0), one.number) for one in frames]
    assert [len(walk.silhouettes) for walk in walks(frames, Bright())] == [20, 20]


def test_long_walks_are_cut() -> None:
    images = [figure(100 + 20 * np.sin(i / 9)) for i in range(100)]
    found = list(walks(film(images), Bright(), cut=Cut(most_frames=40)))
    assert [len(walk.silhouettes) for walk in found] == [40, 40, 20]


def test_what_the_judge_finds_wrong_is_left_out_counted_and_handed_over() -> None:
    refused: list[tuple[TrackedWalk, str]] = []
    dropped = Dropped()
    images = [figure(100 + 20 * np.sin(i / 9)) for i in range(100)]
    judged = walks(
        film(images), Bright(), cut=Cut(most_frames=40), dropped=dropped,
        judge=lambda walk: "of a short walk" if len(walk.silhouettes) < 40 else "",
        refused=lambda *given: refused.append(given),
    )  # fmt: skip
    assert [len(walk.silhouettes) for walk in judged] == [40, 40]
    ((walk, reason),) = refused
    assert (len(walk.silhouettes), reason) == (20, "of a short walk")
    assert dropped.frames["of a short walk"] == 20
    assert str(dropped) == "20 of a short walk"


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(DataError, match="least_frames 10 is above most_frames 5"):
        Cut(least_frames=10, most_frames=5)
    with pytest.raises(DataError, match="even"):
        Cut(size_px=63)


def test_a_video_of_nobody_gives_nothing() -> None:
    assert list(walks(film([np.zeros((60, 80, 3), np.uint8)] * 30), Bright())) == []


def test_sample_frames_come_from_everywhere_and_are_few() -> None:
    class Looker(Bright):
        LOOKS_FIRST = True
        seen: list[int] = []

        def learn(self, images: object) -> None:
            self.seen = [int(image[0, 0, 0]) for image in images]  # type: ignore[attr-defined]

    looker = Looker()
    look_first(film([np.full((2, 2, 3), i, np.uint8) for i in range(250)]), looker, most=31)
    assert 16 <= len(looker.seen) <= 31
    assert looker.seen[0] == 0
    assert looker.seen[-1] > 230
    assert len(set(np.diff(looker.seen))) == 1


@pytest.mark.parametrize("kind", [Background, MediaPipe])
@pytest.mark.parametrize("size", [(1080, 1920), (600, 1580), (1201, 799), (120, 160)])
def test_large_frames_are_looked_at_shrunk_and_teach_the_same(kind: type[Segmenter], size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(3)]
    held: list[NDArray[np.uint8]] = []

    class Watched(kind):  # type: ignore[misc, valid-type]
        def learn(self, images: Sequence[NDArray[np.uint8]]) -> None:
            held.extend(images)
            super().learn(images)

    looked, taught = Watched(), kind()
    look_first(film(images), looked)
    taught.learn(images)
    assert len(held) == 3
    assert max(image.nbytes for image in held) < 3.01 * 1280 * 720
    means = [(one if kind is Background else one._background)._mean for one in (looked, taught)]
    np.testing.assert_array_equal(*means)


def _endless(count: int) -> Iterator[Frame]:
    for i in range(count):
        yield Frame(figure(160 + 120 * np.sin(i / 40)), i / 25, i)


def _peak_of(count: int) -> int:
    tracemalloc.start()
    try:
        for _ in walks(_endless(count), Bright(), cut=Cut(most_frames=50, color=True)):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_video() -> None:
    _peak_of(60)
    assert _peak_of(900) < 1.1 * _peak_of(120)


def test_two_people_who_cross_come_out_as_two() -> None:
    keys = [SequenceKey("001", "nm", "01", "090"), SequenceKey("002", "nm", "01", "090")]
    walkers = Walkers(subjects=2, frames=60)
    images = [
        frame
        for frame, _ in street(
            walkers, keys, height_px=240, width_px=480, person=0.6, paths=[(0.15, 0.8), (0.85, 0.2)], feet=(0.85, 0.9)
        )
    ]
    segmenter = MediaPipe()
    look_first(film(images), segmenter)
    found: list[TrackedWalk] = list(walks(film(images), segmenter, cut=Cut(least_frames=8)))
    assert {walk.direction for walk in found} == {"left", "right"}
    for track in {walk.track for walk in found}:
        assert len({walk.direction for walk in found if walk.track == track}) == 1, "nobody turns into the other"
