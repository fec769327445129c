"""Capturing: every setting reaches what cuts, follows, thins out and writes; recorders stand in their places."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.video.films import film, shades
from walkprint import capture as room
from walkprint.capture import Recording, capture, recordings
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.video.background import Background
from walkprint.video.cut import Cut
from walkprint.video.judge import fault
from walkprint.video.reader import Video
from walkprint.video.walks import TrackedWalk

CUT = Cut(size_px=32, color=True, gaitnet_crop=True, least_frames=3, most_frames=40, gap_s=0.5, least_score=0.25)


@pytest.fixture
def videos(tmp_path: Path) -> list[Video]:
    return [Video(film(tmp_path / f"{name}.mp4", shades(4))) for name in ("anna", "ben")]


class Recorded:
    """What the rooms below were asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.learned: list[Any] = []
        self.walked: list[dict[str, Any]] = []
        self.previews: list[Path] = []
        self.refuse = 0
        self.refuse_all_of: set[Video] = set()
        monkeypatch.setattr(room, "at_rate", lambda video, rate_hz: (video, rate_hz))
        monkeypatch.setattr(room, "look_first", lambda *given: self.learned.append(given))
        monkeypatch.setattr(room, "walks", self.walks)
        monkeypatch.setattr(room, "Preview", self.preview)
        monkeypatch.setattr(room, "both", lambda first, second: (first, second))

    def walks(self, frames: Any, segmenter: Any, **named: Any) -> Iterator[TrackedWalk]:
        self.walked.append({"frames": frames, "segmenter": segmenter, **named})
        if frames[0] in self.refuse_all_of:
            return
        named["dropped"].count("too far", 2)
        for track in (1, 2):
            silhouettes = np.full((5, 1, 32, 32), 100 + track, np.uint8)
            boxes = np.tile([0.0, 0, 20, 50], (5, 1))
            boxes[:, 0] = [90, 70, 50, 30, 10]  # to the left
            walk = TrackedWalk(track, silhouettes, np.full((5, 3, 32, 16), track, np.uint8), np.arange(5) / 10, boxes)
            if track == self.refuse:
                named["dropped"].count("of a person who crouches", 5)
                named["refused"](walk, "of a person who crouches")
            else:
                yield walk

    @contextmanager
    def preview(self, path: Path) -> Iterator[str]:
        self.previews.append(path)
        yield "shown"


def test_every_field_of_the_cut_is_tried() -> None:
    assert not [one.name for one in fields(Cut) if one.default is MISSING or getattr(CUT, one.name) == one.default]


def test_settings_reach_what_they_are_for(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, segmenter = Recorded(monkeypatch), Background(contrast=20.0)
    counts, begun = list[tuple[int, int]](), list[tuple[int, int]]()
    found = capture(
        [Recording(video, condition="nm") for video in videos], segmenter, tmp_path / "store", cut=CUT, keep_all=True,
        frame_rate_hz=12.5, preview=tmp_path / "shown", progress=lambda done, total: counts.append((done, total)),
        on_video=lambda number, videos: begun.append((number, videos)),
    )  # fmt: skip
    assert begun == [(1, 2), (2, 2)]
    assert recorded.learned == [((video, 12.5), segmenter) for video in videos]
    for video, walked in zip(videos, recorded.walked, strict=True):
        assert (walked["frames"], walked["segmenter"], walked["cut"]) == ((video, 12.5), segmenter, CUT)
        assert walked["judge"] is None
        watch, shown = walked["hook"]
        assert shown == "shown"
        watch(type("Frame", (), {"number": 2}), None)
    assert counts == [(3, video.announced) for video in videos]
    assert found.previews == recorded.previews == [tmp_path / "shown" / f"{name}.mp4" for name in ("anna", "ben")]
    assert found.frames == 20
    store = Store.open(tmp_path / "store")
    assert [str(key) for key in store.keys] == [
        "anna-01/nm-01/left", "anna-02/nm-01/left", "ben-01/nm-01/left", "ben-02/nm-01/left",
    ]  # fmt: skip
    assert found.keys == list(store.keys)
    assert (store.channels, store.height_px, store.width_px) == (3, 32, 16), "the masked pictures"
    assert store.meta["dropped"] == {"too far": 4}
    assert store.meta["dataset"] == "video"
    settings = store.meta["settings"]
    assert {one.name: settings[one.name] for one in fields(Cut)} == {
        one.name: getattr(CUT, one.name) for one in fields(Cut)
    }
    assert settings["segmenter"]["init_args"]["contrast"] == 20
    assert (settings["keep_all"], settings["frame_rate_hz"]) == (True, 12.5)
    assert settings["videos"] == [
        {"file": video.path.name, "subject": "", "condition": "nm", "bytes": video.size_bytes} for video in videos
    ]
    assert [clip.key for clip in found.shown] == list(store.keys)


def test_takes_are_numbered_for_each_subject_condition_and_direction(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)
    walked = [
        Recording(videos[0], "anna", "nm"),
        Recording(videos[1], "anna", "nm"),
        Recording(videos[1], "anna", "cl"),
    ]
    found = capture(walked, Background(), tmp_path / "store", preview=tmp_path)
    assert [str(key) for key in found.keys] == [
        "anna/nm-01/left", "anna/nm-02/left", "anna/nm-03/left", "anna/nm-04/left", "anna/cl-01/left", "anna/cl-02/left"
    ]  # fmt: skip
    assert all(one["judge"] is fault for one in recorded.walked)
    assert [one.name for one in found.previews] == ["nm-anna-anna.mp4", "nm-anna-ben.mp4", "cl-anna-ben.mp4"]
    assert Store.open(tmp_path / "store").channels == 1


def test_both_directions_have_a_first_take() -> None:
    key = SequenceKey("anna", "", "", "left")
    found = room.Captured(Path("store"))
    assert [room._numbered(one, found).take for one in (key, replace(key, view="right"), key)] == ["01", "01", "02"]


def test_what_is_refused_is_counted_and_shown_and_an_empty_video_is_named(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = Recorded(monkeypatch)
    recorded.refuse = 2
    found = capture([Recording(video) for video in videos], Background(), tmp_path / "store")
    assert [str(key) for key in found.keys] == ["anna-01/01/left", "ben-01/01/left"]
    assert found.dropped.frames == {"too far": 4, "of a person who crouches": 10}
    assert [reason for _, reason in found.refused] == ["of a person who crouches"] * 2
    assert found.empty == []
    found.save_sheet(tmp_path / "sheet.png")
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape[0] > 4 * 32, "walks and refused ones"
    assert (sheet == 102).any(), "those of the second track"
    recorded.refuse_all_of.add(videos[1])
    found = capture([Recording(video) for video in videos], Background(), tmp_path / "other")
    assert found.empty == [f"{videos[1].path} (left out: nothing, as no person was seen)"]


def test_one_layout_for_several_people_and_conditions(tmp_path: Path) -> None:
    for name in ("nm/anna", "cl/anna", "nm/ben/first", "nm/ben/second"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        film(tmp_path / "in" / f"{name}.mp4", shades(4))
    expected = [
        ("cl/anna", "anna", "cl"),
        ("nm/anna", "anna", "nm"),
        ("nm/ben/first", "ben", "nm"),
        ("nm/ben/second", "ben", "nm"),
    ]
    found = recordings(tmp_path / "in")
    assert [(one.video.path, one.subject, one.condition) for one in found] == [
        (tmp_path / "in" / f"{file}.mp4", *who) for file, *who in expected
    ]
    lines = [f"in/{file}.mp4,{subject},{condition}" for file, subject, condition in expected]
    (tmp_path / "list.csv").write_text("\n".join(["file,subject,condition", *lines]))
    listed = recordings(tmp_path / "list.csv")
    assert [(one.video.path, one.subject, one.condition) for one in listed] == [
        (one.video.path, one.subject, one.condition) for one in found
    ]
    (tmp_path / "list.csv").write_text("file,subject\nin/nm/anna.mp4,\n")
    with pytest.raises(DataError, match=r"list.csv, line 2: file and subject must not be empty"):
        recordings(tmp_path / "list.csv")
    (tmp_path / "list.csv").write_text("film,subject\nin/nm/anna.mp4,a\n")
    with pytest.raises(DataError, match="columns file, subject, condition"):
        recordings(tmp_path / "list.csv")
    (one,) = recordings(tmp_path / "in" / "nm" / "anna.mp4", subject=True, condition="bg")
    assert (one.subject, one.condition) == ("anna", "bg")


def test_refusals(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="two videos are called anna"):
        capture([Recording(videos[0])] * 2, Background(), tmp_path / "store")
    monkeypatch.setattr(room, "look_first", lambda *_: None)
    monkeypatch.setattr(room, "walks", lambda *_, **__: iter(()))
    videos[1].lost.append("a frame")
    both = [Recording(video) for video in videos]
    with pytest.raises(DataError, match=r"no walk of 3 frames .*ben.mp4 .*ben.mp4: a frame.*a lower `least_frames`"):
        capture(both, Background(), tmp_path / "store", cut=CUT)
    assert not (tmp_path / "store").exists()
    (tmp_path / "store").mkdir()
    with pytest.raises(DataError, match="already exists"):
        capture(both, Background(), tmp_path / "store")
