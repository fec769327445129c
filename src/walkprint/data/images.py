"""Reading one frame's file: a fast way for 8-bit gray PNG, OpenCV for everything else."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import deflate
import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled
from walkprint.core.errors import DataError
from walkprint.core.files import read_bytes
from walkprint.core.masks import silhouette

UNREAD_SUFFIXES = frozenset(
    {".avif", ".gif", ".heic", ".jfif", ".jp2", ".jpe", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm", ".tga", ".tif", ".tiff"}
    | {".webp"}
)
_LOSSY = frozenset({".jpg", ".jpeg"})
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PIXELS = 2**26


class CorruptImageError(DataError):
    """A file that should hold a picture does not; the message is the reason."""


def read_mask(path: Path, labels: bool = False) -> NDArray[np.uint8]:
    """Read a picture as a silhouette, uint8 (height, width), by the rule of `walkprint.core.masks`.

    Args:
        path: the file.
        labels: whether labels of body parts are taken as well: any but 0 is the person.

    Raises:
        CorruptImageError: the file cannot be read or holds no sound picture.
        NoMaskError: the picture is no mask, or no person is on it.
    """
    data, lossy = _bytes_of(path), path.suffix.lower() in _LOSSY
    pixels: NDArray[Any] | None = _fast_png(data)
    if pixels is None:
        # A JPEG has no alpha, but says how it is turned, which is heeded only without IMREAD_UNCHANGED.
        pixels = _decoded(data, cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH if lossy else cv2.IMREAD_UNCHANGED)
        if pixels.ndim == 3 and pixels.shape[2] > 2:
            pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    return silhouette(pixels, lossy=lossy, labels=labels)


def read_gray(path: Path) -> NDArray[np.uint8]:
    """Read a picture's brightness as uint8 (height, width), whatever it shows; for masks see `read_mask`.

    JPEG leaves faint ringing around a silhouette, which would count as person: it is cut at half height.

    Raises:
        CorruptImageError: the file cannot be read or holds no sound picture.
    """
    data = _bytes_of(path)
    gray = _fast_png(data)
    gray = np.asarray(_decoded(data, cv2.IMREAD_GRAYSCALE), np.uint8) if gray is None else gray
    return np.where(gray > 127, np.uint8(255), np.uint8(0)) if path.suffix.lower() in _LOSSY else gray


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as uint8 (height, width, 3), RGB; a gray one has three equal channels.

    Raises:
        CorruptImageError: the file cannot be read or holds no sound picture.
    """
    decoded = _decoded(_bytes_of(path), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _bytes_of(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except OSError as error:
        raise CorruptImageError(error.strerror or "cannot be read") from error


def _decoded(data: bytes, flags: int) -> NDArray[Any]:
    try:
        decoded = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), flags) if data else None
    except cv2.error:
        decoded = None
    if decoded is None:
        raise CorruptImageError("no picture" if data else "empty file")
    return np.asarray(decoded)


def _fast_png(data: bytes) -> NDArray[np.uint8] | None:
    """Pixels of a plain 8-bit gray PNG; None for any other kind of file.

    Raises:
        CorruptImageError: it is such a PNG, but damaged.
    """
    if not data.startswith(_SIGNATURE) or len(data) < 33:
        return None
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", data[16:29])
    if (depth, color, interlace) != (8, 0, 0) or not 0 < width * height <= _MOST_PIXELS:
        return None
    parts: list[bytes] = []
    for name, content in _chunks(data):
        if name == b"IDAT":
            parts.append(content)
        elif name in {b"tRNS", b"gAMA", b"sBIT"}:
            return None
    expected = height * (width + 1)
    try:
        packed = parts[0] if len(parts) == 1 else b"".join(parts)
        raw = np.frombuffer(deflate.zlib_decompress(packed, expected), dtype=np.uint8)
    except (deflate.DeflateError, ValueError) as error:
        raise CorruptImageError("damaged PNG") from error
    if raw.size != expected:
        raise CorruptImageError("damaged PNG")
    pixels = np.empty((height, width), dtype=np.uint8)
    if not _undo_filters(raw.reshape(height, width + 1), pixels):
        raise CorruptImageError("damaged PNG")
    return pixels


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 12 <= len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        name = data[place + 4 : place + 8]
        if name == b"IEND":
            return
        if place + 12 + size > len(data):
            break
        yield name, data[place + 8 : place + 8 + size]
        place += 12 + size
    raise CorruptImageError("truncated PNG")


@compiled(nogil=True)
def _undo_filters(raw: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> bool:
    """Undo PNG's row filters (RFC 2083, section 6); False for an unknown filter."""
    height, width = pixels.shape
    above = np.zeros(width, np.uint8)
    for y in range(height):
        kind = raw[y, 0]
        line, out = raw[y, 1:], pixels[y]
        if kind == 0:
            for x in range(width):
                out[x] = line[x]
        elif kind == 1:
            left = np.uint8(0)
            for x in range(width):
                left = np.uint8(line[x] + left)
                out[x] = left
        elif kind == 2:
            for x in range(width):
                out[x] = np.uint8(line[x] + above[x])
        elif kind == 3:
            left = np.uint8(0)
            for x in range(width):
                left = np.uint8(line[x] + ((np.int32(left) + np.int32(above[x])) >> 1))
                out[x] = left
        elif kind == 4:
            a, c = np.int32(0), np.int32(0)
            for x in range(width):
                b = np.int32(above[x])
                pa, pb, pc = abs(b - c), abs(a - c), abs(a + b - 2 * c)
                nearest = a if pa <= pb and pa <= pc else (b if pb <= pc else c)
                a = (np.int32(line[x]) + nearest) & 255
                c = b
                out[x] = a
        else:
            return False
        above = out
    return True
