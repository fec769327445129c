"""From whatever holds walks to walks: videos, frames, silhouettes, clips, stores."""

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip
from walkprint.core.silhouette import align_clip, reasons_in_words
from walkprint.video.judge import fault
from walkprint.video.reader import Frame, Video
from walkprint.video.segmenter import Segmenter
from walkprint.video.walks import Dropped, Hook, TrackedWalk, look_first, walks

SIZE_PX = 64
_LEARN_FRAMES, _LEARN_S = 50, 2.0
_RATE_HZ = 25.0  # of live frames without times
_USUAL_FRAMES = 30


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A walk, wherever it came from.

    Attributes:
        silhouettes: uint8 (time, 1, 64, 64), aligned.
        track: number of the person in the source, from 1.
        start_s, end_s: in seconds; 0 where there is no time.
        view: direction of walking, "" if unknown.
        input: digest of the source, "" for a live one.
    """

    silhouettes: NDArray[np.uint8]
    track: int = 1
    start_s: float = 0.0
    end_s: float = 0.0
    view: str = ""
    input: str = ""

    @property
    def quality(self) -> float:
        """0 to 1: how steady the area of the silhouettes is, and whether there are enough of them."""
        area = self.silhouettes.mean(axis=(1, 2, 3), dtype=np.float64)
        steady = float((np.abs(area - np.median(area)) <= 0.25 * np.median(area)).mean())
        return round(steady * min(1.0, len(area) / _USUAL_FRAMES), 3)


def walks_of(source: Any, segmenter: Segmenter, hook: Hook | None = None) -> Iterator[Walk]:
    """The walks in a source.

    Args:
        source: a video file or a folder of pictures, by its path; silhouettes, uint8 (time, height, width) or (time, 1,
            height, width); RGB frames, uint8 (time, height, width, 3), or an iterator of such frames or of
            `video.reader.Frame`; a `Clip`, a `TrackedWalk` or a `Walk`; a store or data set; a sequence of these, where
            tracks of different sources differ: a `Walk` is a source of its own unless all have the same `input`.
        segmenter: finds the people of a video.
        hook: called with every frame of a video and what the tracker made of it.

    Raises:
        DataError: the source is nothing of this, or cannot be read.

    Warns of a video file without a walk, and says why.
    """
    if isinstance(source, str | Path):
        video = Video(source)
        look_first(video, segmenter)
        yield from _tracked(video, segmenter, hook, digest_of(video.path), str(source))
    elif isinstance(source, Walk | TrackedWalk | Clip):
        yield _one(source, 1)
    elif isinstance(source, np.ndarray):
        if source.ndim == 4 and source.shape[-1] == 3 and source.shape[1] != 1:
            yield from _live(iter(source), segmenter, hook, _digest(source))
        else:
            yield _one(source, 1)
    elif hasattr(source, "read") or hasattr(source, "store"):
        store = source.store() if hasattr(source, "store") else source
        for number, key in enumerate(store.keys, 1):
            yield _one(store.read(key), number)
    elif isinstance(source, Sequence):
        yield from source if _of_one_input(source) else _of_each(source, segmenter, hook)
    elif isinstance(source, Iterator):
        yield from _live(source, segmenter, hook, "")
    else:
        raise DataError(f"no walks in {type(source).__name__}; expected a video, frames, silhouettes, clips or a store")


def _of_each(source: Sequence[Any], segmenter: Segmenter, hook: Hook | None) -> Iterator[Walk]:
    """The walks of several sources, whose tracks are counted on."""
    number = 0
    for one in source:
        last = 0
        for walk in walks_of(one, segmenter, hook):
            last = max(last, walk.track)
            yield replace(walk, track=number + walk.track)
        number += last


def _of_one_input(source: Sequence[Any]) -> bool:
    """Whether these are walks that were cut out of one video."""
    return all(isinstance(one, Walk) for one in source) and len({one.input or id(one) for one in source}) == 1


def _one(source: Any, track: int) -> Walk:
    """A walk that is cut out already."""
    if isinstance(source, Walk):
        return source
    if isinstance(source, TrackedWalk):
        times = (source.start_s, source.end_s)
        return Walk(source.silhouettes, source.track, *times, source.direction, _digest(source.silhouettes))
    frames, view = (source.frames, source.key.view) if isinstance(source, Clip) else (source, "")
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4) or (frames.ndim == 4 and frames.shape[1] != 1):
        raise DataError(
            f"frames are {frames.dtype} {frames.shape}; expected silhouettes, uint8 (time, height, width), 0 "
            "background to 255 person"
        )
    frames = frames if frames.ndim == 4 else frames[:, None]
    if frames.shape[2:] != (SIZE_PX, SIZE_PX):
        frames, dropped = align_clip(frames[:, 0], SIZE_PX)
        if not len(frames):
            why = reasons_in_words(dropped) or "there is none"
            raise DataError(f"no frame shows a person that can be aligned ({why})")
    frames = frames * np.uint8(255) if frames.max() == 1 else frames
    return Walk(frames, track, view=view, input=_digest(frames))


def _tracked(
    frames: Iterable[Frame], segmenter: Segmenter, hook: Hook | None, digest: str, path: str = ""
) -> Iterator[Walk]:
    """The walks of a video; a file without any is named in a warning."""
    dropped, count = Dropped(), 0
    for walk in walks(frames, segmenter, hook=hook, judge=fault, dropped=dropped):
        count += 1
        yield Walk(walk.silhouettes, walk.track, walk.start_s, walk.end_s, walk.direction, digest)
    if path and not count:
        why = f"frames left out: {dropped}" if dropped.frames else "no person was found"
        warnings.warn(f"{path}: no walk found; {why}", stacklevel=2)


def _live(source: Iterator[Any], segmenter: Segmenter, hook: Hook | None, digest: str) -> Iterator[Walk]:
    """Frames that come once: the first two seconds are held, so that a segmenter may look first."""
    frames = _as_frames(source)
    held: list[Frame] = []
    if segmenter.LOOKS_FIRST:
        for frame in frames:
            held.append(frame)
            if len(held) >= _LEARN_FRAMES or frame.time_s >= _LEARN_S:
                break
        if not held:
            raise DataError("no frame came; expected RGB frames, uint8 (height, width, 3)")
        look_first(held, segmenter)
    yield from _tracked(chain(held, frames), segmenter, hook, digest)


def _as_frames(source: Iterator[Any]) -> Iterator[Frame]:
    for number, frame in enumerate(source):
        yield frame if isinstance(frame, Frame) else Frame(np.asarray(frame), number / _RATE_HZ, number)


def digest_of(path: Path) -> str:
    """Sixteen hexadecimal digits of the SHA-256 digest of a file, or of all files of a folder."""
    digest = hashlib.sha256()
    for file in sorted(one for one in path.iterdir() if one.is_file()) if path.is_dir() else [path]:
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]


def _digest(frames: NDArray[np.uint8]) -> str:
    return hashlib.sha256(np.ascontiguousarray(frames).data).hexdigest()[:16]
