"""Frames of a camera or a stream, which is opened again when it fails."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from walkprint.core.errors import DataError
from walkprint.video.reader import Frame

_TIMEOUT_S = 10.0
_STREAM = re.compile(r"(rtsps?|rtmp|https?|udp|srt)://\S+", re.IGNORECASE)


def is_live(source: str | int) -> bool:
    """Whether a source is a camera or a stream instead of a file."""
    return bool(re.fullmatch(r"\d+|/dev/video\d+", str(source)) or _STREAM.fullmatch(str(source)))


class Live:
    """A camera or stream; iterating yields frames with the time since the first, until it cannot be opened any more.

    Args:
        source: number of a camera, /dev/video0, or the address of a stream such as rtsp://...
        tries: how often in a row it is opened in vain before the end.
        wait_s: seconds before it is opened again, doubled each time up to a minute.
        warn: called with a line each time that it broke off or failed, with the wait that follows.

    Attributes:
        lost: one line for each time that the stream broke off.

    Raises:
        DataError: another kind of source; while iterating: it could never be opened.
    """

    def __init__(
        self,
        source: str | int,
        *,
        tries: int = 8,
        wait_s: float = 1.0,
        warn: Callable[[str], object] = lambda line: None,
    ) -> None:
        if not is_live(source):
            raise DataError(f"{source}: no camera and no stream; expected a number, /dev/video0 or rtsp://...")
        self.source = f"/dev/video{source}" if str(source).isdecimal() else str(source)
        self.tries, self.wait_s, self.warn = tries, wait_s, warn
        self.lost: list[str] = []
        self._open: Callable[[], Any] = self._connect
        self._sleep: Callable[[float], None] = time.sleep

    def __iter__(self) -> Iterator[Frame]:
        number, begun_s, failed, error = 0, 0.0, 0, "no frame"
        while failed < self.tries:
            if failed or number:
                wait_s = min(self.wait_s * 2 ** max(failed - 1, 0), 60.0)
                self.warn(f"{self.source}: {error}; attempt {failed + 1} of {self.tries} in {wait_s:g} s")
                self._sleep(wait_s)
            failed += 1
            try:
                with self._open() as container:
                    for decoded in container.decode(video=0):
                        now_s = time.monotonic()
                        begun_s, failed = (begun_s if number else now_s), 0
                        yield Frame(decoded.to_ndarray(format="rgb24"), now_s - begun_s, number)
                        number += 1
                    error = "the stream ended"
            except (FFmpegError, OSError) as reason:
                error = str(reason)
            self.lost = [*self.lost[-99:], f"after {number} frames: {error}"]
        if not number:
            raise DataError(f"{self.source}: cannot be opened ({error}); check the address, or whether it is in use")

    def _connect(self) -> Any:
        device = Path(self.source).exists() or self.source.startswith("/dev/")
        options = {} if device else {"rtsp_transport": "tcp"}
        return av.open(self.source, format="v4l2" if device else None, options=options, timeout=_TIMEOUT_S)
