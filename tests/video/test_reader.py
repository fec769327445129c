"""Reading videos: sound ones, turned ones, uneven ones, folders, and everything that is broken."""

import zlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.video.films import film, shades, turned

from walkprint.core.errors import DataError
from walkprint.video.reader import Frame, Video, at_rate


def test_frames_come_in_order_with_their_times(tmp_path: Path) -> None:
    video = Video(film(tmp_path / "walk.mp4", shades(10), rate=20))
    frames = list(video)
    assert video.name == "walk"
    assert [frame.number for frame in frames] == list(range(10))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(10) / 20)
    assert all(frame.image.shape == (48, 64, 3) and frame.image.dtype == np.uint8 for frame in frames)
    levels = [float(frame.image.mean()) for frame in frames]
    np.testing.assert_allclose(levels, [image.mean() for image in shades(10)], atol=4)
    assert video.lost == []
    assert len(list(video)) == 10, "a second pass starts anew"


def test_uneven_time_stamps_are_kept(tmp_path: Path) -> None:
    ticks = [0, 40, 80, 200, 1000, 1040]
    frames = list(Video(film(tmp_path / "uneven.mkv", shades(6), ticks=ticks)))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array(ticks) / 1000, atol=1e-3)


def test_a_turned_film_is_shown_upright(tmp_path: Path) -> None:
    image = np.full((48, 64, 3), 30, np.uint8)
    image[:16, :16] = 220  # top left; a quarter turn clockwise brings it to the top right
    upright = next(iter(Video(turned(film(tmp_path / "phone.mp4", [image] * 3))))).image
    assert upright.shape == (64, 48, 3)
    assert upright[:12, -12:].mean() > 180
    assert upright[:12, :12].mean() < 60


def test_the_folder_one_stands_in_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "anna" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "anna")
    cv2.imwrite(str(tmp_path / "anna" / "1.png"), shades(1)[0])
    monkeypatch.chdir(inner)
    assert Video("..").name == "anna"
    monkeypatch.chdir(tmp_path / "anna")
    assert Video(".").name == "anna"
    assert Video(tmp_path / "link").name == "link"


def test_a_folder_of_pictures_is_read_by_its_numbers(tmp_path: Path) -> None:
    for number, image in enumerate(shades(12)):
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    (tmp_path / "5.png").write_bytes(b"not a picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    video = Video(tmp_path, image_rate_hz=10)
    frames = list(video)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [
        int(image[0, 0, 0]) for i, image in enumerate(shades(12)) if i != 5
    ]
    assert frames[-1].time_s == pytest.approx(1.1), "a lost picture leaves its place in time"
    assert video.lost == ["5.png: no picture"]


def test_pictures_of_different_sizes_are_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "1.png"), shades(1)[0])
    cv2.imwrite(str(tmp_path / "2.png"), shades(1, height=50)[0])
    with pytest.raises(DataError, match=r"frame 2 is \(50, 64\)"):
        list(Video(tmp_path))


def test_a_film_that_changes_its_size_goes_on_at_the_first(tmp_path: Path) -> None:
    large, small = film(tmp_path / "large.ts", shades(6)), film(tmp_path / "small.ts", shades(5, height=24, width=32))
    both = tmp_path / "call.ts"
    both.write_bytes(large.read_bytes() + small.read_bytes())
    video = Video(both)
    frames = list(video)
    assert {frame.image.shape for frame in frames} == {(48, 64, 3)}
    scaled = len(frames) - 6
    assert scaled >= 3, "the decoder may lose one or two at the seam"
    assert f"{scaled} frames of another size were scaled to fit into 64 x 48 px" in video.lost


def test_a_film_that_is_turned_in_the_middle_squeezes_nobody(tmp_path: Path) -> None:
    high = np.full((80, 48, 3), 90, np.uint8)
    high[20:60, 14:34] = 230  # twice as high as wide
    wide, high_film = film(tmp_path / "wide.ts", shades(6)), film(tmp_path / "high.ts", [high] * 6)
    both = tmp_path / "turned.ts"
    both.write_bytes(wide.read_bytes() + high_film.read_bytes())
    image = list(Video(both))[-1].image
    assert image.shape == (48, 64, 3)
    assert image[:, :16].max() < 40
    assert image[:, -16:].max() < 40, "black beside 29 columns"
    bright = (image[..., 0] > 160).astype(np.uint8)
    _, _, across, down = cv2.boundingRect(bright)
    assert down / across == pytest.approx(2, abs=0.2)


def test_a_truncated_film_gives_what_is_there_and_says_what_is_lost(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    whole = film(tmp_path / "whole.avi", noise)
    data = whole.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(data[: len(data) // 2])
    video = Video(cut)
    count = len(list(video))
    assert 10 < count < 50
    assert any(f"{count} of the 60 frames" in line for line in video.lost)


def test_a_damaged_film_goes_on_after_the_damage(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    data = bytearray(film(tmp_path / "whole.avi", noise).read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    broken = tmp_path / "broken.avi"
    broken.write_bytes(data)
    video = Video(broken)
    assert 20 < len(list(video)) <= 60
    assert any("damaged frames were patched up" in line for line in video.lost)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "the file is empty"),
        ("text.mp4", b"this is no video, only some words\n" * 40, "no video that can be read"),
        ("noise.avi", bytes(range(256)) * 16, "no video that can be read"),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nother.ts\n#EXT-X-ENDLIST\n", "no video|no pict"),
    ],
)
def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as refusal:
        list(Video(tmp_path / name))
    assert "\n" not in str(refusal.value)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        Video(tmp_path / "missing.mp4")
    with pytest.raises(DataError, match="no picture in this folder"):
        Video(tmp_path)


def test_a_film_without_frames_is_refused(tmp_path: Path) -> None:
    data = film(tmp_path / "short.avi", shades(1)).read_bytes()
    none = tmp_path / "none.avi"
    none.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(DataError, match=r"no frame could be read|no video"):
        list(Video(none))


def test_huge_frames_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    huge = tmp_path / "huge.avi"
    with av.open(str(huge), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr24"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(shades(1)[0], format="bgr24")))
    data = bytearray(huge.read_bytes())
    at = data.index(b"strf") + 12  # the stream's width and height
    data[at : at + 8] = (12_000).to_bytes(4, "little") * 2
    huge.write_bytes(data)
    with pytest.raises(DataError, match="12000 x 12000"):
        Video(huge)


def test_a_huge_picture_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = chunk(b"IHDR", (20_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0]))
    body = chunk(b"IDAT", zlib.compress(bytes(10**6)))
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b""))
    with pytest.raises(DataError, match=r"67,108,864 pixels; 1\.png"):
        list(Video(tmp_path))


def test_thinning_keeps_the_pace() -> None:
    def frames(rate_hz: float) -> list[Frame]:
        return [Frame(np.zeros((2, 2, 3), np.uint8), i / rate_hz, i) for i in range(round(4 * rate_hz))]

    assert len(list(at_rate(frames(25), None))) == 100
    assert len(list(at_rate(frames(60), 25))) == 100
    assert len(list(at_rate(frames(25), 25))) == 100
    assert len(list(at_rate(frames(10), 25))) == 40
    for rate_hz in (0, -25, float("nan")):
        with pytest.raises(DataError, match="more than 0"):
            list(at_rate(frames(25), rate_hz))
    kept = [frame.time_s for frame in at_rate(frames(60), 25)]
    assert np.abs(np.array(kept) - np.arange(100) / 25).max() < 1 / 60 + 1e-9
