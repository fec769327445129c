"""How frames lie in a store: 8 bits or 1 bit a pixel, plain or compressed, and the kernels that copy them out."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled

Bits = Literal[8, 1]
Compression = Literal["zstd"] | None
Bytes = NDArray[np.uint8]

THRESHOLD = 128
_ZSTD_LEVEL = 3


def frame_bytes(frame_shape: tuple[int, int, int], bits: int) -> int:
    """Bytes that one frame of (channel, height, width) takes before compression; 1-bit frames end on a full byte."""
    pixels = int(np.prod(frame_shape))
    return pixels if bits == 8 else (pixels + 7) // 8


def encode(frames: Bytes, bits: int, compression: str | None) -> bytes:
    """Frames, uint8 (time, channel, height, width), as the bytes of a store; 1 bit keeps only pixel >= 128."""
    flat = np.ascontiguousarray(frames).reshape(len(frames), -1)
    if bits == 1:
        flat = np.packbits(flat >= THRESHOLD, axis=1)
    raw = flat.tobytes()
    if compression is None:
        return raw
    import zstandard  # only stores that are compressed need it

    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(raw)


def decompress(stored: Bytes, size: int, compression: str | None) -> Bytes:
    """Stored bytes without their compression.

    Args:
        stored: uint8 (byte,).
        size: how many bytes must come out; anything else is damage.
        compression: None or "zstd".

    Raises:
        ValueError: the bytes are damaged.
    """
    if compression is None:
        raw = stored
    else:
        import zstandard

        try:
            plain = zstandard.ZstdDecompressor().decompress(stored.tobytes(), max_output_size=size)
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from error
        raw = np.frombuffer(plain, dtype=np.uint8)
    if raw.size != size:
        raise ValueError(f"found {raw.size} bytes, expected {size}")
    return raw


def copy_frames(raw: Bytes, bits: int, width: int, left: int, positions: NDArray[np.int64], out: Bytes) -> None:
    """Copy frames at `positions` out of one sequence's bytes.

    Args:
        raw: uint8 (byte,), uncompressed.
        bits: 8 or 1.
        width: columns of the stored frames.
        left: first column that is wanted.
        positions: int64 (time,), each below the sequence's length: not checked here.
        out: uint8 (time, channel, height, width), contiguous, filled in place.
    """
    if bits == 1:
        _copy_bits(raw, width, left, positions, out)
        return
    frames = raw.reshape(-1, *out.shape[1:3], width)
    if out.shape[3] == width:
        np.take(frames, positions, axis=0, out=out, mode="clip")  # other modes would copy twice
    else:
        out[...] = np.take(frames, positions, axis=0, mode="clip")[..., left : left + out.shape[3]]


@compiled(nogil=True)
def _copy_window(source: Bytes, width: int, left: int, target: Bytes) -> None:
    """Copy some columns of one frame's rows; slices of known length, which compile to block moves."""
    rows, columns = target.shape
    if columns == width:
        whole, into = source.reshape(rows * width), target.reshape(rows * width)
        for i in range(len(into)):
            into[i] = whole[i]
        return
    window = source[:, left : left + columns]
    for r in range(rows):
        row, into = window[r], target[r]
        for c in range(columns):
            into[c] = row[c]


_EIGHT_PIXELS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1) * np.uint8(255)


@compiled(nogil=True)
def _copy_bits(raw: Bytes, width: int, left: int, positions: NDArray[np.int64], out: Bytes) -> None:
    time, channels, height, columns = out.shape
    rows = channels * height
    size = (rows * width + 7) // 8
    pixels = np.empty((size, 8), np.uint8)
    frame = pixels.reshape(size * 8)[: rows * width].reshape(rows, width)
    for t in range(time):
        packed = raw[positions[t] * size : (positions[t] + 1) * size]
        for i in range(size):
            eight, into = _EIGHT_PIXELS[packed[i]], pixels[i]
            for k in range(8):
                into[k] = eight[k]
        _copy_window(frame, width, left, out[t].reshape(rows, columns))
