"""Cameras and streams: opened again when they fail, and refused when they never open."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.video.films import film, shades

from walkprint.core.errors import DataError
from walkprint.video.live import Live, is_live


@pytest.mark.parametrize("source", [0, "1", "/dev/video0", "rtsp://camera/hall", "HTTPS://camera/hall.m3u8"])
def test_cameras_and_streams(source: str | int) -> None:
    assert is_live(source)


@pytest.mark.parametrize("source", ["hall.mp4", "/dev/null", "file:///etc/passwd", "rtsp://", "-1", "concat:a|b"])
def test_files_and_other_addresses_are_none(source: str) -> None:
    assert not is_live(source)
    with pytest.raises(DataError, match="no camera and no stream"):
        Live(source)


class Camera:
    """Opens as planned: a number of frames, or an error."""

    def __init__(self, *plan: int | None) -> None:
        self.plan = iter(plan)

    def __call__(self) -> "Camera":
        self.frames = next(self.plan, None)
        if self.frames is None:
            raise OSError("no route to the camera")
        return self

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def decode(self, video: int) -> Iterator[Any]:
        for _ in range(self.frames or 0):
            yield self

    def to_ndarray(self, format: str) -> Any:
        return np.zeros((4, 6, 3), np.uint8)


def test_a_stream_that_breaks_off_is_opened_again() -> None:
    waits, lines = list[float](), list[str]()
    live = Live("rtsp://camera/hall", tries=3, wait_s=1.0, warn=lines.append)
    live._open, live._sleep = Camera(2, None, 3), waits.append
    frames = list(live)
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    times = [frame.time_s for frame in frames]
    assert times[0] == 0
    assert times == sorted(times)
    assert waits == [1.0, 1.0, 1.0, 1.0, 2.0]
    assert lines == [
        "rtsp://camera/hall: the stream ended; attempt 1 of 3 in 1 s",
        "rtsp://camera/hall: no route to the camera; attempt 2 of 3 in 1 s",
        "rtsp://camera/hall: the stream ended; attempt 1 of 3 in 1 s",
        "rtsp://camera/hall: no route to the camera; attempt 2 of 3 in 1 s",
        "rtsp://camera/hall: no route to the camera; attempt 3 of 3 in 2 s",
    ]
    assert live.lost[:2] == ["after 2 frames: the stream ended", "after 2 frames: no route to the camera"]


def test_one_that_never_opens_is_refused() -> None:
    live = Live(7, tries=2)
    live._open, live._sleep = Camera(), lambda _: None
    with pytest.raises(DataError, match=r"/dev/video7: cannot be opened \(no route to the camera\)"):
        list(live)


def test_frames_are_decoded_by_the_real_reader(tmp_path: Path) -> None:
    import av

    file = film(tmp_path / "a.mp4", shades(3))
    live = Live("rtsp://camera/hall", tries=1)
    live._open = lambda: av.open(str(file))
    assert [frame.image.shape for frame in islice(live, 3)] == [(48, 64, 3)] * 3, "it would open the file again"
