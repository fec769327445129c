"""Small videos for tests: written with PyAV, or broken on purpose."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


def film(
    path: Path, images: Iterable[NDArray[np.uint8]], *, rate: int = 25, ticks: Iterable[int] | None = None
) -> Path:
    """Write RGB images as a video of small loss; `ticks` are time stamps in 1/1000 s."""
    stamps = None if ticks is None else iter(ticks)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 8_000_000
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for image in images:
            if not stream.codec_context.is_open:
                stream.height, stream.width = image.shape[:2]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = next(stamps), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shades(count: int, height: int = 48, width: int = 64) -> list[NDArray[np.uint8]]:
    """Plain frames, each brighter than the one before it."""
    return [np.full((height, width, 3), 20 + 200 * i // max(count, 1), np.uint8) for i in range(count)]


def turned(path: Path) -> Path:
    """Change an MP4's display matrix so that it is shown turned by 90 degrees clockwise, as phones write it."""
    data = bytearray(path.read_bytes())
    one = (0x10000).to_bytes(4, "big", signed=True)
    minus = (-0x10000).to_bytes(4, "big", signed=True)
    zero, whole = bytes(4), (0x40000000).to_bytes(4, "big")
    header = data.index(b"tkhd")
    at = data.index(one + zero * 3 + one + zero * 3 + whole, header)
    data[at : at + 36] = zero + one + zero + minus + zero * 4 + whole
    path.write_bytes(data)
    return path
