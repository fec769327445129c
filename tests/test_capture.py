"""Capturing: every setting reaches what cuts, follows, thins out and writes; recorders stand in their places."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.video.films import film, shades
from walkprint import capture as room
from walkprint.capture import capture
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey
from walkprint.data.store import Store
from walkprint.video.background import Background
from walkprint.video.reader import Video
from walkprint.video.walks import Cut, TrackedWalk

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
        monkeypatch.setattr(room, "at_rate", lambda video, rate_hz: (video, rate_hz))
        monkeypatch.setattr(room, "look_first", lambda *given: self.learned.append(given))
        monkeypatch.setattr(room, "walks", self.walks)
        monkeypatch.setattr(room, "Preview", self.preview)
        monkeypatch.setattr(room, "both", lambda first, second: (first, second))

    def walks(self, frames: Any, segmenter: Any, **named: Any) -> Iterator[TrackedWalk]:
        self.walked.append({"frames": frames, "segmenter": segmenter, **named})
        named["dropped"].count("too far", 2)
        for track in (1, 2):
            silhouettes = np.full((5, 1, 32, 32), 100 + track, np.uint8)
            yield TrackedWalk(track, silhouettes, np.full((5, 3, 32, 16), track, np.uint8), 0.0, 0.4, "left")

    @contextmanager
    def preview(self, path: Path) -> Iterator[str]:
        self.previews.append(path)
        yield "shown"


def test_every_field_of_the_cut_is_tried() -> None:
    assert not [one.name for one in fields(Cut) if one.default is MISSING or getattr(CUT, one.name) == one.default]


def test_settings_reach_what_they_are_for(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, segmenter, counts = Recorded(monkeypatch), Background(contrast=20.0), list[tuple[int, int]]()
    found = capture(
        videos, segmenter, tmp_path / "store", cut=CUT, condition="nm", frame_rate_hz=12.5,
        preview=tmp_path / "shown", progress=lambda done, total: counts.append((done, total)),
    )  # fmt: skip
    assert recorded.learned == [((video, 12.5), segmenter) for video in videos]
    for video, walked in zip(videos, recorded.walked, strict=True):
        assert (walked["frames"], walked["segmenter"], walked["cut"]) == ((video, 12.5), segmenter, CUT)
        assert walked["dropped"] is found.dropped
        watch, shown = walked["hook"]
        assert shown == "shown"
        watch(type("Frame", (), {"number": 2}), None)
    assert counts == [(3, video.announced) for video in videos]
    assert found.previews == recorded.previews == [tmp_path / "shown" / f"{name}.mp4" for name in ("anna", "ben")]
    assert found.takes == Counter({f"{name}-0{track}": 1 for name in ("anna", "ben") for track in (1, 2)})
    assert found.frames == 20
    store = Store.open(tmp_path / "store")
    assert [str(key) for key in store.keys] == [
        "anna-01/nm-01/left", "anna-02/nm-01/left", "ben-01/nm-01/left", "ben-02/nm-01/left",
    ]  # fmt: skip
    assert (store.channels, store.height_px, store.width_px) == (3, 32, 16), "the masked pictures"
    assert store.meta["dropped"] == {"too far": 4}
    assert store.meta["dataset"] == "video"
    settings = store.meta["settings"]
    assert {one.name: settings[one.name] for one in fields(Cut)} == {
        one.name: getattr(CUT, one.name) for one in fields(Cut)
    }
    assert settings["segmenter"]["init_args"]["contrast"] == 20
    assert (settings["one_person"], settings["condition"], settings["frame_rate_hz"]) == (False, "nm", 12.5)
    assert settings["videos"] == {video.path.name: video.size_bytes for video in videos}
    assert [clip.key for clip in found.shown] == list(store.keys)


def test_one_person_has_a_take_for_every_walk(
    videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Recorded(monkeypatch)
    found = capture(videos[:1], Background(), tmp_path / "store", one_person=True)
    assert found.takes == Counter(anna=2)
    store = Store.open(tmp_path / "store")
    assert store.keys == tuple(SequenceKey("anna", "", take, "left") for take in ("01", "02"))
    assert store.channels == 1
    assert store.meta["settings"]["one_person"] is True


def test_refusals(videos: list[Video], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="two videos are called anna"):
        capture([videos[0], videos[0]], Background(), tmp_path / "store")
    monkeypatch.setattr(room, "look_first", lambda *_: None)
    monkeypatch.setattr(room, "walks", lambda *_, **__: iter(()))
    videos[1].lost.append("a frame")
    with pytest.raises(DataError, match=r"no walk of 3 frames .*lost: .*ben.mp4: a frame.*fewer least_frames"):
        capture(videos, Background(), tmp_path / "store", cut=CUT)
    assert not (tmp_path / "store").exists()
    (tmp_path / "store").mkdir()
    with pytest.raises(DataError, match="already exists"):
        capture(videos, Background(), tmp_path / "store")
