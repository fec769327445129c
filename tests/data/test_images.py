import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.miniatures import draw_person

from walkprint.data.images import CorruptImageError, read_gray, read_mask

MASK = draw_person(3)


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(rows, kinds, color=0, extra=b""):
    """A PNG whose rows, uint8 (height, width), are filtered by the given kinds (0 to 4) as the format says."""
    height, width = rows.shape
    padded = np.zeros((height + 1, width + 1), np.int64)
    padded[1:, 1:] = rows
    lines = b""
    for y, kind in enumerate(kinds):
        left, up, corner = padded[y + 1, :-1], padded[y, 1:], padded[y, :-1]
        estimate = left + up - corner
        distances = np.stack([abs(estimate - left), abs(estimate - up), abs(estimate - corner)])
        paeth = np.choose(distances.argmin(axis=0), [left, up, corner])
        guess = [np.zeros(width, np.int64), left, up, (left + up) // 2, paeth][min(kind, 4)]
        lines += bytes([kind]) + ((rows[y] - guess) % 256).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    packed = zlib.compress(lines)
    middle = len(packed) // 2
    body = extra + chunk(b"IDAT", packed[:middle]) + chunk(b"IDAT", packed[middle:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + chunk(b"IEND", b"")


@settings(deadline=None)
@given(seed=st.integers(0, 2**32), height=st.integers(1, 12), width=st.integers(1, 12))
def test_every_row_filter_gives_opencv_pixels(tmp_path_factory, seed, height, width):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 256, (height, width)).astype(np.uint8)
    path = tmp_path_factory.mktemp("png") / "x.png"
    path.write_bytes(png(rows, rng.integers(0, 5, height).tolist()))
    np.testing.assert_array_equal(read_gray(path), rows)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), rows)


@pytest.mark.parametrize("name", ["x.png", "x.bmp", "x.jpg", "x.JPEG"])
def test_kinds_of_files_give_the_same_mask(tmp_path, name):
    cv2.imwrite(str(tmp_path / name), MASK)
    found = read_mask(tmp_path / name)
    np.testing.assert_array_equal(found, read_gray(tmp_path / name))
    assert found.dtype == np.uint8
    assert ((found > 127) == (MASK > 127)).mean() > 0.999
    assert set(np.unique(found)) == {0, 255}


def test_color_16_bit_and_one_bit_png_go_the_slow_way(tmp_path):
    path = tmp_path / "x.png"
    for picture, flags in (
        (np.dstack([MASK] * 3), []),
        (MASK.astype(np.uint16) * 257, []),
        (MASK, [cv2.IMWRITE_PNG_BILEVEL, 1]),
    ):
        cv2.imwrite(str(path), picture, flags)
        np.testing.assert_array_equal(read_gray(path), MASK)


def test_gray_png_with_extra_chunks_is_what_opencv_reads(tmp_path):
    path = tmp_path / "x.png"
    path.write_bytes(png(MASK, [0] * len(MASK), extra=chunk(b"gAMA", struct.pack(">I", 45455))))
    np.testing.assert_array_equal(read_gray(path), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))


WHOLE = png(MASK, [1] * len(MASK))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"no picture at all", "no picture"),
        (WHOLE[:20], "no picture"),
        (WHOLE[:-40], "truncated PNG"),
        (WHOLE[:60] + b"\0" * 20 + WHOLE[80:], "PNG"),
        (png(MASK, [7] * len(MASK)), "damaged PNG"),
        (png(MASK[:-1], [0] * (len(MASK) - 1)).replace(struct.pack(">I", 59), struct.pack(">I", 60)), "damaged PNG"),
    ],
)
def test_damage_has_a_reason(tmp_path, content, reason):
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(CorruptImageError, match=reason):
        read_gray(tmp_path / "x.png")


def test_missing_file(tmp_path):
    with pytest.raises(CorruptImageError, match="No such file"):
        read_gray(tmp_path / "x.png")
