"""Reads frames of a video file or of a folder of pictures, one at a time, with time stamps.

A broken or truncated file gives the frames that can be read; `Video.lost` then lists the losses.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.files import IMAGE_SUFFIXES, in_number_order

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".ts"})
MOST_PIXELS = 2**26
_BUFFER_BYTES = 2**18
# A file is read through its own bytes alone: one that names other files or addresses gets none of them.
_OPTIONS = {"protocol_whitelist": "none"}


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a video.

    Attributes:
        image: uint8 (height, width, 3), RGB, turned upright.
        time_s: since the beginning of the video; never decreases.
        number: from 0.
    """

    image: NDArray[np.uint8]
    time_s: float
    number: int


class Video:
    """A video file or a folder of pictures (PNG, JPEG, BMP, in the order of the numbers in their names).

    If frames of a file change their size, all are scaled to fit the first, with black borders. Pictures of a folder
    must have one size.

    Iterating yields one `Frame` after another and holds one at a time; each iteration starts anew.

    Args:
        path: file or folder.
        image_rate_hz: pictures per second of a folder.

    Attributes:
        path: the same.
        name: of the folder, or of the file without its suffix.
        size_bytes: of the file, or of all pictures.
        announced: number of frames by the file's header; 0 if unknown.
        lost: after iterating, one line for each loss.

    Raises:
        DataError: there is no such file, it is empty or no video, or its frames are too large; while iterating:
            pictures of a folder differ in size, or not a single frame could be read.
    """

    def __init__(self, path: str | Path, *, image_rate_hz: float = 25.0) -> None:
        self.path = Path(path)
        # "." and ".." have no name of their own.
        folder = self.path.resolve() if self.path.name in {"", ".."} else self.path
        self.name = folder.name if self.path.is_dir() else self.path.stem
        self.lost: list[str] = []
        if not image_rate_hz > 0:
            raise DataError(f"{path}: pictures at {image_rate_hz} a second; expected more than 0")
        self._image_rate_hz = image_rate_hz
        self._pictures = _pictures(self.path) if self.path.is_dir() else []
        # Open the first one now, to refuse a wrong file before any work begins.
        self.size_bytes = sum(file.stat().st_size for file in self._pictures or [self.path] if file.is_file())
        with _open(self._pictures[0] if self._pictures else self.path) as container:
            self.announced = len(self._pictures) or int(container.streams.video[0].frames)

    def __iter__(self) -> Iterator[Frame]:
        self.lost = []
        number, size = 0, None
        for number, (image, time_s) in enumerate(self._from_folder() if self._pictures else self._from_file(), 1):
            if size not in (None, image.shape):
                raise DataError(f"{self.path}: frame {number} is {image.shape[:2]} px, expected {size[:2]} as before")
            size = image.shape
            yield Frame(image, time_s, number - 1)
        if not number:
            raise DataError(
                f"{self.path}: no frame could be read: damaged, or of more than {MOST_PIXELS:,} pixels"
                f"{''.join(f'; {line}' for line in self.lost)}"
            )

    def _from_folder(self) -> Iterator[tuple[NDArray[np.uint8], float]]:
        for number, file in enumerate(self._pictures):
            try:
                with _open(file) as container:
                    image = _upright(next(container.decode(video=0)))
            except (DataError, FFmpegError, StopIteration):
                self.lost.append(f"{file.name}: no picture")
                continue
            yield image, number / self._image_rate_hz

    def _from_file(self) -> Iterator[tuple[NDArray[np.uint8], float]]:
        with _open(self.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate_hz = float(stream.average_rate or stream.guessed_rate or self._image_rate_hz)
            count, damaged, concealed, scaled, first_s, time_s = 0, 0, 0, 0, None, 0.0
            shape: tuple[int, ...] = ()
            for decoded in _decoded(container, stream):
                if decoded is None:
                    damaged += 1
                    continue
                stamp_s = decoded.time if decoded.time is not None else count / rate_hz + (first_s or 0.0)
                first_s = stamp_s if first_s is None else first_s
                time_s = max(time_s, stamp_s - first_s)
                count, concealed = count + 1, concealed + bool(decoded.is_corrupt)
                image = _upright(decoded)
                shape = shape or image.shape
                if image.shape != shape:  # as in calls on a slow line, or when a phone is turned
                    scaled += 1
                    image = _fitted(image, shape[0], shape[1])
                yield image, time_s
            if damaged:
                self.lost.append(f"{damaged} damaged packets were passed over")
            if concealed:
                self.lost.append(f"{concealed} damaged frames were patched up by the decoder")
            if scaled:
                self.lost.append(f"{scaled} frames of another size were scaled to fit into {shape[1]} x {shape[0]} px")
            if stream.frames > count:
                self.lost.append(f"{count} of the {stream.frames} frames that the file announces could be read")


def at_rate(frames: Iterable[Frame], rate_hz: float | None) -> Iterator[Frame]:
    """Thin out a video to `rate_hz` by time stamps: the first frame of each 1/rate_hz seconds; all frames if None.

    No frames are invented, so a slower video stays as it is.

    Raises:
        DataError: the rate is not above 0.
    """
    if rate_hz is not None and not rate_hz > 0:
        raise DataError(f"video: thinned out to {rate_hz} frames a second; expected more than 0")
    next_s = 0.0
    for frame in frames:
        if rate_hz is None:
            yield frame
        elif frame.time_s >= next_s - 1e-6:
            yield frame
            # Ticks are evenly spaced; only a gap in the video moves them.
            next_s = max(next_s + 1 / rate_hz, frame.time_s)


def _pictures(folder: Path) -> list[Path]:
    names = in_number_order(file.name for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    files = [folder / name for name in names]
    if not files:
        raise DataError(f"{folder}: no picture in this folder; expected {', '.join(sorted(IMAGE_SUFFIXES))}, or a file")
    return files


def _open(path: Path) -> Any:
    """An open container with a video stream of sound size."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; expected a video file or a folder of pictures")
    if not path.stat().st_size:
        raise DataError(f"{path}: the file is empty; expected a video")
    file = path.open("rb")
    try:
        container = av.open(file, options=_OPTIONS, buffer_size=_BUFFER_BYTES)
    except (FFmpegError, ValueError) as error:
        file.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path}: no video that can be read ({reason}); if it plays elsewhere, convert it") from error
    if not container.streams.video:
        container.close()
        raise DataError(f"{path}: the file holds no pictures; expected a video")
    stream = container.streams.video[0]
    stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}  # for frames larger than their header says
    width, height = stream.width, stream.height
    if width * height > MOST_PIXELS:
        container.close()
        raise DataError(f"{path}: frames of {width} x {height} px; expected at most {MOST_PIXELS:,} pixels: scale it")
    return container


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames, and None for each packet that is damaged."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
            frames = packet.decode()
        except StopIteration:
            return
        except FFmpegError as error:
            yield None
            if not isinstance(error, av.error.InvalidDataError):
                return
            continue
        yield from frames


def _upright(frame: Any) -> NDArray[np.uint8]:
    image = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _fitted(image: NDArray[np.uint8], height_px: int, width_px: int) -> NDArray[np.uint8]:
    """Scaled to fit, centered on black, without distortion."""
    scale = min(height_px / image.shape[0], width_px / image.shape[1])
    high, wide = (max(round(scale * side), 1) for side in image.shape[:2])
    top, left = (height_px - high) // 2, (width_px - wide) // 2
    canvas = np.zeros((height_px, width_px, 3), np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[top : top + high, left : left + wide] = cv2.resize(image, (wide, high), interpolation=method)
    return canvas
