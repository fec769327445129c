"""Walks out of videos, each video in a process of its own with bounds on time and memory."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from walkprint.core.described import describe
from walkprint.core.errors import DataError
from walkprint.recognizer.sources import SIZE_PX, Walk, digest_of
from walkprint.video.segmenter import Segmenter
from walkprint.web.limits import Limits

OnProgress = Callable[[float | None, int], None]
"""Called with the share that is done, 0 to 1 or None if unknown, and the number of walks so far."""
_FRAME_BYTES = SIZE_PX**2
_MOST_BYTES = 2 * 10**8
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "COVERAGE_PROCESS_START")


class Cutter:
    """Reads videos in processes of their own; the next process waits, with all libraries loaded.

    Args:
        segmenter: finds the people; made again in each process from its class and arguments.
        limits: bounds of each process.
    """

    def __init__(self, segmenter: Segmenter, limits: Limits) -> None:
        self._order = {
            "segmenter": describe(segmenter),
            **{name: getattr(limits, name) for name in ("video_s", "frame_px", "job_s", "memory_mb")},
        }
        self._limit_s = limits.job_s
        self._lock = threading.Lock()
        self._closed = False
        self._running: set[subprocess.Popen[bytes]] = set()
        self._next: subprocess.Popen[bytes] | None = None

    def cut(self, path: Path, on_progress: OnProgress) -> list[Walk]:
        """The walks in a video file.

        Args:
            path: of the file.
            on_progress: called with the share done and the walks so far; if it raises, the process is ended.

        Raises:
            DataError: the video cannot be read or exceeds a bound, or its process died.
        """
        digest = digest_of(path)
        process = self._take()
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        timer = threading.Timer(self._limit_s, end)
        timer.start()
        try:
            order = json.dumps({**self._order, "video": str(path)})
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(order.encode() + b"\n")
                process.stdin.flush()
            walks = _listen(process.stdout, digest, on_progress)
        finally:
            timer.cancel()
            _kill(process)
            with self._lock:
                self._running.discard(process)
        if walks is None and late.is_set():
            raise DataError(f"the video took longer than {self._limit_s:g} s; cut it or scale it down")
        if walks is None:
            raise DataError("the process that read the video died; the video may be damaged or too large: convert it")
        return walks

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            self._closed = True
            for process in [*self._running, *([self._next] if self._next else [])]:
                _kill(process)

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise DataError("the server is being stopped; send the video again later")
            ready = self._next if self._next is not None and self._next.poll() is None else _start()
            self._next = _start()
            self._running.add(ready)
        return ready


def _start() -> subprocess.Popen[bytes]:
    """A process that waits for its order; of the environment it sees only what Python needs."""
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join(one for one in sys.path if one)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "walkprint.web.worker"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        env=environment | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _listen(stream: BinaryIO | Any, digest: str, on_progress: OnProgress) -> list[Walk] | None:
    """What the process says, checked; None if it ends before it is done.

    Raises:
        DataError: it refused the video, or there are too many walks.
    """
    walks: list[Walk] = []
    held = 0
    while line := stream.readline(1 << 16):
        try:
            said = json.loads(line)
            data = stream.read(min(int(said["bytes"]), _MOST_BYTES))
        except (ValueError, KeyError, TypeError):
            return None
        if "error" in said:
            raise DataError(str(said["error"])[:500])
        if "done" in said:
            return walks
        if "progress" in said:
            on_progress(said["progress"], len(walks))
        if "walk" in said:
            held += len(data)
            if held > _MOST_BYTES:
                raise DataError("the video shows too many walks for one job; cut it")
            walk = _walk(said["walk"], data, digest)
            if walk is None:
                return None
            walks.append(walk)
            on_progress(None, len(walks))
    return None


def _walk(said: dict[str, Any], data: bytes, digest: str) -> Walk | None:
    if not data or len(data) % _FRAME_BYTES:
        return None
    frames = np.frombuffer(data, np.uint8).reshape(-1, 1, SIZE_PX, SIZE_PX).copy()
    try:
        times = float(said["start_s"]), float(said["end_s"])
        return Walk(frames, int(said["track"]), *times, str(said["view"])[:20], digest)
    except (KeyError, TypeError, ValueError):
        return None
