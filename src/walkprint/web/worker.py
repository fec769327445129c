"""The process that reads one video: `python -m walkprint.web.worker`, an order on stdin, walks on stdout.

It holds no gallery, no key and no network. The order is a line of JSON. What comes back are lines of JSON, each with
the number of bytes that follow it; nothing is pickled.
"""

import importlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from walkprint.core.errors import DataError, GaitError
from walkprint.video.judge import fault
from walkprint.video.reader import Frame, Video
from walkprint.video.segmenter import Segmenter
from walkprint.video.walks import look_first, walks

_MOST_HZ = 240.0
_EVERY_FRAMES = 10


def main() -> None:
    """Wait for an order, carry it out, and end."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print stays out of the answer
    line = sys.stdin.buffer.readline()
    if not line:
        return
    order = json.loads(line)
    try:
        _confine(order)
        _cut(order, out)
        _say(out, {"done": True})
    except GaitError as error:
        _say(out, {"error": str(error).replace(order["video"], "the video")})
    except MemoryError:
        _say(out, {"error": "the video needs more memory than a job may have; scale it down"})


def _cut(order: Mapping[str, Any], out: BinaryIO) -> None:
    video = Video(Path(order["video"]))
    segmenter = _segmenter(order["segmenter"])
    total = 2 * video.announced if segmenter.LOOKS_FIRST else video.announced
    done = 0

    def bounded() -> Iterator[Frame]:
        nonlocal done
        for frame in video:
            if frame.time_s > order["video_s"] or frame.number > order["video_s"] * _MOST_HZ:
                raise DataError(f"the video is longer than {order['video_s']:g} s; cut it")
            height, width, _ = frame.image.shape
            if height * width > order["frame_px"]:
                raise DataError(
                    f"frames of {width} x {height} px; expected at most {order['frame_px']:,} pixels: scale the video"
                )
            done += 1
            if done % _EVERY_FRAMES == 0:
                _say(out, {"progress": min(done / total, 1.0) if total else None, "second": round(frame.time_s, 2)})
            yield frame

    look_first(bounded(), segmenter)
    for walk in walks(bounded(), segmenter, judge=fault):
        header = {"track": walk.track, "start_s": walk.start_s, "end_s": walk.end_s, "view": walk.direction}
        _say(out, {"walk": header}, walk.silhouettes.tobytes())


def _segmenter(entry: Mapping[str, Any]) -> Segmenter:
    """The one of the server, made again; its class path is the server's own, never a client's."""
    module, _, name = entry["class_path"].rpartition(".")
    made = getattr(importlib.import_module(module), name)(**entry["init_args"])
    if not isinstance(made, Segmenter):
        raise DataError(f"{entry['class_path']}: expected a segmenter")
    return made


def _say(out: BinaryIO, line: Mapping[str, Any], data: bytes = b"") -> None:
    out.write(json.dumps({**line, "bytes": len(data)}).encode() + b"\n" + data)
    out.flush()


def _confine(order: Mapping[str, Any]) -> None:
    """Bound memory, time and files of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    processors = os.cpu_count() or 1
    bounds = {
        resource.RLIMIT_AS: order["memory_mb"] * 10**6,
        resource.RLIMIT_CPU: int(order["job_s"] * processors) + 1,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        resource.setrlimit(kind, (bound, bound))


if __name__ == "__main__":
    main()
