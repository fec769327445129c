"""An annotated copy of a video: outlines and numbers of people; gray for masks that are left out."""

import contextlib
import unicodedata
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.files import replacing
from walkprint.video.reader import Frame
from walkprint.video.segmenter import PersonMask
from walkprint.video.tracker import Update

_TICKS_PER_S = 1000
_MOST_ROWS = 720
_FORMATS = {".mp4": "mp4", ".mkv": "matroska", ".avi": "avi"}
_COLORS = ((15, 130, 200), (224, 112, 30), (10, 158, 115), (201, 96, 155), (184, 146, 15), (138, 99, 201))
_GRAY = (150, 150, 150)


class Preview:
    """Writes an annotated video (MPEG-4) while walks are cut; a context manager and a hook of `walks`.

    The file appears when the block ends without an error.

    Args:
        path: file to write, .mp4, .mkv or .avi.
        names: track -> what is written beside it; its number if there is none.

    Raises:
        DataError: another kind of file.
    """

    def __init__(self, path: str | Path, names: Mapping[int, str] | None = None) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in _FORMATS:
            raise DataError(f"{path}: expected a name that ends in .mp4, .mkv or .avi")
        self._names = names or {}
        self._written = contextlib.ExitStack()
        self._container: Any = None
        self._stream: Any = None
        self._last_tick = -1

    def __call__(self, frame: Frame, update: Update) -> None:
        """Write one annotated frame."""
        image = annotated(frame.image, update, self._names)
        scale = min(1.0, _MOST_ROWS / len(image))
        size = [round(side * scale) // 2 * 2 for side in (image.shape[1], image.shape[0])]
        if min(size) < 2:
            raise DataError(f"{self.path}: frames of {frame.image.shape[:2]} px are too small for a preview")
        if size != [image.shape[1], image.shape[0]]:
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        if self._stream is None:
            self._open(*size)
        picture = av.VideoFrame.from_ndarray(image, format="rgb24")
        self._last_tick = max(round(frame.time_s * _TICKS_PER_S), self._last_tick + 1)
        picture.pts, picture.time_base = self._last_tick, Fraction(1, _TICKS_PER_S)
        self._container.mux(self._stream.encode(picture))

    def _open(self, width_px: int, height_px: int) -> None:
        temporary = self._written.enter_context(replacing(self.path))
        self._container = av.open(str(temporary), "w", format=_FORMATS[self.path.suffix.lower()])
        self._stream = self._container.add_stream("mpeg4", rate=25)
        self._stream.width, self._stream.height, self._stream.pix_fmt = width_px, height_px, "yuv420p"
        self._stream.bit_rate = 4_000_000
        self._stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._container is None:
            return
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        self._written.__exit__(kind, error, traceback)


def annotated(image: NDArray[np.uint8], update: Update, names: Mapping[int, str] | None = None) -> NDArray[np.uint8]:
    """A copy of a frame with outlines, boxes and names or numbers of tracks; doubtful masks and cut people are gray."""
    canvas = image.copy()
    for track, person in update.seen.items():
        _draw(
            canvas, person, _GRAY if person.cut else _COLORS[track % len(_COLORS)], (names or {}).get(track, str(track))
        )
    for person in update.doubtful:
        _draw(canvas, person, _GRAY, "?")
    return canvas


def _draw(canvas: NDArray[np.uint8], person: PersonMask, color: tuple[int, int, int], text: str) -> None:
    certain = (person.mask >= 128).astype(np.uint8)
    outlines, _ = cv2.findContours(certain, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    box = person.box
    cv2.drawContours(canvas, outlines, -1, color, 1, offset=(box.left, box.top))
    cv2.rectangle(canvas, (box.left, box.top), (box.left + box.width - 1, box.top + box.height - 1), color, 1)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().strip()  # OpenCV draws no others
    (wide, high), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    left, foot = max(min(box.left, canvas.shape[1] - wide - 6), 0), max(box.top, high + 8)
    cv2.rectangle(canvas, (left, foot - high - 8), (left + wide + 6, foot), color, cv2.FILLED)
    cv2.putText(canvas, text, (left + 3, foot - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)


def both(*hooks: Callable[[Frame, Update], None]) -> Callable[[Frame, Update], None]:
    """One hook that calls several."""

    def call(frame: Frame, update: Update) -> None:
        for hook in hooks:
            hook(frame, update)

    return call
