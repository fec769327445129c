"""From videos to a packed store: find the people, follow them, keep their silhouettes or masked pictures."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from walkprint.core.described import describe
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.writing import StoreWriter
from walkprint.video.preview import Preview, both
from walkprint.video.reader import Frame, Video, at_rate
from walkprint.video.segmenter import Segmenter
from walkprint.video.tracker import Update
from walkprint.video.walks import Cut, Dropped, Hook, TrackedWalk, look_first, walks

Progress = Callable[[int, int], None]
_SHOWN_CLIPS, _SHOWN_FRAMES = 40, 12


@dataclass(slots=True)
class Captured:
    """What was found in videos.

    Attributes:
        out: the store.
        takes: how many walks of each subject.
        frames: in the store.
        dropped: why frames were left out -> how many.
        lost: a line on each thing that could not be read.
        previews: annotated videos that were written.
        shown: a few frames of the first clips, for a sheet.
    """

    out: Path
    takes: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    dropped: Dropped = field(default_factory=Dropped)
    lost: list[str] = field(default_factory=list)
    previews: list[Path] = field(default_factory=list)
    shown: list[Clip] = field(default_factory=list)


def capture(
    videos: Sequence[Video],
    segmenter: Segmenter,
    out: str | Path,
    *,
    cut: Cut = Cut(),  # noqa: B008 - frozen
    one_person: bool = False,
    condition: str = "",
    frame_rate_hz: float | None = None,
    preview: Path | None = None,
    progress: Progress | None = None,
) -> Captured:
    """Cut the walks out of videos and pack them.

    Args:
        videos: of different names, after which subjects are named.
        segmenter: finds people.
        out: folder of the store to be.
        cut: how walks are cut.
        one_person: whether each video is one subject, else each track.
        condition: of all walks, e.g. "nm".
        frame_rate_hz: faster videos are thinned out to this.
        preview: folder of annotated videos.
        progress: called with frames done and in all of a video.

    Raises:
        DataError: the store is there already, two videos have one name, or there is no walk in any.
    """
    found = Captured(Path(out))
    if found.out.exists():
        raise DataError(f"{out}: already exists; choose another folder or remove it first")
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        raise DataError(f"two videos are called {twice[0]}; subjects are named after them: rename one")
    settings = {
        "segmenter": describe(segmenter),
        **describe(cut)["init_args"],
        "one_person": one_person,
        "condition": condition,
        "frame_rate_hz": frame_rate_hz,
        "videos": {one.path.name: one.size_bytes for one in videos},
    }
    with ExitStack() as stack:
        writer: StoreWriter | None = None
        for video in videos:
            for walk in _walks(video, segmenter, found, cut, frame_rate_hz, preview, progress):
                if writer is None:  # opened late, so that a video without people leaves nothing behind
                    writer = stack.enter_context(StoreWriter(found.out, dataset="video", settings=settings))
                clip = walk.clip(_key(video, walk, found.takes, one_person, condition), color=cut.color)
                if clip.key not in writer.done:
                    writer.add(clip)
                if len(found.shown) < _SHOWN_CLIPS:
                    found.shown.append(_few_frames(clip))
        if writer is not None:
            writer.finish(found.dropped.frames)
            found.frames = sum(writer.done.values())
    if writer is None:
        names = ", ".join(str(video.path) for video in videos)
        raise DataError(
            f"no walk of {cut.least_frames} frames in {names}{_reasons(found)}; "
            "try another segmenter or fewer least_frames"
        )
    return found


def _walks(
    video: Video,
    segmenter: Segmenter,
    found: Captured,
    cut: Cut,
    frame_rate_hz: float | None,
    preview: Path | None,
    progress: Progress | None,
) -> Iterator[TrackedWalk]:
    """The walks of one video."""

    def watch(frame: Frame, update: Update) -> None:
        if progress is not None:
            progress(frame.number + 1, video.announced)

    try:
        look_first(at_rate(video, frame_rate_hz), segmenter)
        with ExitStack() as stack:
            hook: Hook = watch
            if preview is not None:
                hook = both(watch, stack.enter_context(Preview(preview / f"{video.name}.mp4")))
            frames = at_rate(video, frame_rate_hz)
            yield from walks(frames, segmenter, cut=cut, dropped=found.dropped, hook=hook)
        if preview is not None:
            found.previews.append(preview / f"{video.name}.mp4")
    finally:
        found.lost += [f"{video.path}: {line}" for line in video.lost]


def _key(video: Video, walk: TrackedWalk, takes: Counter[str], one_person: bool, condition: str) -> SequenceKey:
    subject = video.name if one_person else f"{video.name}-{walk.track:02d}"
    takes[subject] += 1
    return SequenceKey(subject, condition, f"{takes[subject]:02d}", walk.direction)


def _reasons(found: Captured) -> str:
    reasons = [f"{count} {reason}" for reason, count in sorted(found.dropped.frames.items())]
    lines = [f"left out: {', '.join(reasons)}"] if reasons else []
    lines += [f"lost: {line}" for line in found.lost]
    return f" ({'; '.join(lines)})" if lines else ""


def _few_frames(clip: Clip) -> Clip:
    """The frames of a clip that a sheet shows, so that the others need not be held until the end."""
    shown = np.linspace(0, len(clip) - 1, min(_SHOWN_FRAMES, len(clip))).round().astype(int)
    return Clip(clip.frames[shown], clip.key)
