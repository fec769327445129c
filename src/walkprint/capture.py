"""From videos to a packed store: find the people, follow them, keep their silhouettes or masked pictures."""

import csv
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.core.described import describe
from walkprint.core.engine import Engine, map_over
from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.core.progress import Progress
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.summary import counted
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.sheets import caption, contact_sheet
from walkprint.video.cut import Cut
from walkprint.video.judge import fault
from walkprint.video.preview import Preview, both
from walkprint.video.reader import VIDEO_SUFFIXES, Frame, Video, at_rate
from walkprint.video.segmenter import Segmenter
from walkprint.video.tracker import Update
from walkprint.video.walks import Dropped, Hook, TrackedWalk, look_first, walks

_SHOWN_CLIPS, _SHOWN_FRAMES = 40, 12


@dataclass(frozen=True, slots=True)
class Recording:
    """A video, and what is known about who walks in it.

    Attributes:
        video: the video.
        subject: the one person in it; if empty, every track is a subject, named after the video.
        condition: of all its walks, e.g. "nm".
    """

    video: Video
    subject: str = ""
    condition: str = ""


@dataclass(slots=True)
class Captured:
    """What was found in videos.

    Attributes:
        out: the store.
        keys: of the walks that were packed.
        takes: how many walks there are of each key without its take.
        frames: in the store.
        dropped: why frames were left out -> how many.
        empty: a line on each video without a walk.
        lost: a line on each thing that could not be read.
        previews: annotated videos that were written.
        shown: a few frames of the first walks.
        refused: a few frames of the first walks that were refused, and why.
    """

    out: Path
    keys: list[SequenceKey] = field(default_factory=list)
    takes: Counter[SequenceKey] = field(default_factory=Counter)
    frames: int = 0
    dropped: Dropped = field(default_factory=Dropped)
    empty: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    previews: list[Path] = field(default_factory=list)
    shown: list[Clip] = field(default_factory=list)
    refused: list[tuple[Clip, str]] = field(default_factory=list)

    def add(self, other: "Captured") -> None:
        """Count what was left out of another video."""
        self.dropped.add(other.dropped)
        self.empty += other.empty
        self.lost += other.lost
        self.previews += other.previews
        self.refused += other.refused[: _SHOWN_CLIPS - len(self.refused)]

    def save_sheet(self, path: Path) -> None:
        """Write a sheet of walks and of what was refused as PNG, atomically."""
        captions = [caption(clip.key) for clip in self.shown]
        captions += [f"refused: {reason.removeprefix('of ')} ({caption(clip.key)})" for clip, reason in self.refused]
        clips = self.shown + [clip for clip, _ in self.refused]
        write_atomically(path, contact_sheet(clips, captions=captions))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "out": str(self.out), "walks": len(self.keys), "subjects": len({key.subject for key in self.keys}),
            "frames": self.frames, "left_out": self.dropped.frames, "empty": self.empty, "lost": self.lost,
        }  # fmt: skip

    def __str__(self) -> str:
        walks, subjects = counted(len(self.keys), "walk"), counted(len({key.subject for key in self.keys}), "subject")
        lines = [f"{self.out}: {walks} of {subjects}, {counted(self.frames, 'frame')}"]
        lines += [
            f"left out: {counted(number, 'frame')}, {reason}" for reason, number in sorted(self.dropped.frames.items())
        ]
        lines += [f"no walk: {line}" for line in self.empty]
        return "\n".join([*lines, *(f"lost: {line}" for line in self.lost)])


def recordings(
    path: str | Path, *, subject: bool = False, condition: str = "", image_rate_hz: float = 25.0
) -> list[Recording]:
    """The videos that a path stands for.

    Args:
        path: a video; a folder of pictures, which is one video; a folder with videos as CONDITION/PERSON.mp4 or
            CONDITION/PERSON/ANY.mp4; or a CSV file with the columns file, subject and perhaps condition, whose files
            are relative to it.
        subject: whether a single video shows one person, who is named after it.
        condition: of a single video.
        image_rate_hz: pictures per second of a folder of pictures.

    Raises:
        DataError: there is nothing, or a line of the CSV is incomplete.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv" and path.is_file():
        return [Recording(Video(path.parent / file), name, kind) for file, name, kind in _lines(path)]
    inside = [file for file in path.glob("*/**/*") if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file()]
    if path.is_dir() and inside:
        found = []
        for file in sorted(inside):
            kind, *name = file.relative_to(path).with_suffix("").parts
            found.append(Recording(Video(file), name[0], kind))
        return found
    video = Video(path, image_rate_hz=image_rate_hz)
    return [Recording(video, video.name if subject else "", condition)]


def _lines(path: Path) -> list[tuple[str, str, str]]:
    """File, subject and condition of every line of a CSV file."""
    with path.open(newline="", encoding="utf-8-sig") as lines:
        table = csv.DictReader(lines)
        try:
            rows = [(row["file"], row["subject"], row.get("condition") or "") for row in table]
        except (KeyError, UnicodeDecodeError, csv.Error) as error:
            raise DataError(
                f"{path}: expected a CSV file with the columns file, subject, condition ({error})"
            ) from error
    for number, row in enumerate(rows, 2):
        if not (row[0] and row[1]):
            raise DataError(f"{path}, line {number}: file and subject must not be empty, found {row[:2]}")
    return rows


def capture(
    videos: Sequence[Recording],
    segmenter: Segmenter,
    out: str | Path,
    *,
    cut: Cut = Cut(),  # noqa: B008 - frozen
    keep_all: bool = False,
    frame_rate_hz: float | None = None,
    preview: Path | None = None,
    workers: int | None = None,
    engine: Engine = None,
    progress: Progress | None = None,
    on_video: Progress | None = None,
) -> Captured:
    """Cut the walks out of videos and pack them; what is no walk is left out and counted.

    Takes are numbered for each subject, condition and direction.

    Args:
        videos: see `recordings`.
        segmenter: finds people.
        out: folder of the store to be.
        cut: how walks are cut.
        keep_all: whether tracked people who do not walk are packed too, see `video.judge`.
        frame_rate_hz: faster videos are thinned out to this.
        preview: folder of annotated videos.
        workers: processes, each of which takes whole videos; this one alone when None.
        engine: what runs them, see `map_over`; a cluster's machines read the videos at the same place.
        progress: called with frames done and in all of a video; by several processes, with videos.
        on_video: called by a single process with the number of each video that begins, and of all.

    Raises:
        DataError: the store is there already, two videos without a subject have one name, or there is no walk in any.
    """
    found = Captured(Path(out))
    if found.out.exists():
        raise DataError(f"{out}: already exists; choose another folder or remove it first")
    names = Counter(one.video.name for one in videos if not one.subject)
    if names and max(names.values()) > 1:
        raise DataError(
            f"two videos are called {max(names, key=names.__getitem__)}; subjects are named after them: rename one"
        )
    settings = {
        "segmenter": describe(segmenter),
        **describe(cut)["init_args"],
        "keep_all": keep_all,
        "frame_rate_hz": frame_rate_hz,
        "videos": [
            {
                "file": one.video.path.name,
                "subject": one.subject,
                "condition": one.condition,
                "bytes": one.video.size_bytes,
            }
            for one in videos
        ],
    }
    job = _Job(segmenter, cut, None if keep_all else fault, frame_rate_hz)
    work = [
        (recording, None if preview is None else preview / file)
        for recording, file in zip(videos, _preview_names(videos), strict=True)
    ]
    with ExitStack() as stack:
        writer: StoreWriter | None = None
        for clip in stack.enter_context(closing(_clips(job, work, found, workers, engine, (progress, on_video)))):
            found.keys.append(_numbered(clip.key, found))
            if writer is None:  # opened late, so that a video without people leaves nothing behind
                writer = stack.enter_context(StoreWriter(found.out, dataset="video", settings=settings))
            numbered = replace(clip, key=found.keys[-1])
            if numbered.key not in writer.done:  # an interrupted job goes on
                writer.add(numbered)
            if len(found.shown) < _SHOWN_CLIPS:
                found.shown.append(_few_frames(numbered))
        if writer is not None:
            writer.finish(found.dropped.frames)
            found.frames = sum(writer.done.values())
    if writer is None:
        raise DataError(
            f"no walk of {cut.least_frames} frames in {'; '.join(found.empty + found.lost)}; try another segmenter, "
            "a lower `least_frames`, or `keep_all`"
        )
    return found


_Work = tuple[Recording, Path | None]  # a video, and the file of its preview


@dataclass(frozen=True, slots=True)
class _Job:
    """What is done with every video."""

    segmenter: Segmenter
    cut: Cut
    judge: Callable[[TrackedWalk], str] | None
    frame_rate_hz: float | None

    def whole(self, work: _Work) -> tuple[list[Clip], Captured]:
        """All walks of one video, and what else was found in it."""
        found = Captured(Path())
        return list(self.clips(work, found)), found

    def clips(self, work: _Work, found: Captured, progress: Progress | None = None) -> Iterator[Clip]:
        """The walks of one video, without their takes; what is left out is counted in `found`."""
        (recording, preview), dropped, count = work, Dropped(), 0
        video = recording.video

        def watch(frame: Frame, update: Update) -> None:
            if progress is not None:
                progress(frame.number + 1, video.announced)

        def refuse(walk: TrackedWalk, reason: str) -> None:
            if len(found.refused) < _SHOWN_CLIPS:
                found.refused.append((_few_frames(walk.clip(_key(recording, walk), color=self.cut.color)), reason))

        try:
            look_first(at_rate(video, self.frame_rate_hz), self.segmenter)
            with ExitStack() as stack:
                hook: Hook = watch
                if preview is not None:
                    hook = both(watch, stack.enter_context(Preview(preview)))
                frames = at_rate(video, self.frame_rate_hz)
                for walk in walks(
                    frames, self.segmenter, cut=self.cut, dropped=dropped, hook=hook, judge=self.judge, refused=refuse
                ):
                    count += 1
                    yield walk.clip(_key(recording, walk), color=self.cut.color)
            if preview is not None:
                found.previews.append(preview)
        finally:
            found.lost += [f"{video.path}: {line}" for line in video.lost]
            found.dropped.add(dropped)
        if not count:
            found.empty.append(f"{video.path} (left out: {str(dropped) or 'nothing, as no person was seen'})")


def _clips(
    job: _Job,
    work: Sequence[_Work],
    found: Captured,
    workers: int | None,
    engine: Engine,
    listeners: tuple[Progress | None, Progress | None],
) -> Generator[Clip, None, None]:
    """The walks of all videos, in order; one by one in this process, or video by video in others."""
    progress, on_video = listeners
    if engine is None and workers in (None, 1):
        for number, one in enumerate(work, 1):
            if on_video is not None:
                on_video(number, len(work))
            yield from job.clips(one, found, progress)
        return
    with closing(map_over(work, job.whole, engine, workers=workers)) as parts:
        for done, (clips, part) in enumerate(parts, 1):
            found.add(part)
            yield from clips
            if progress is not None:
                progress(done, len(work))


def _key(recording: Recording, walk: TrackedWalk) -> SequenceKey:
    """A walk's key, but for its take."""
    subject = recording.subject or f"{recording.video.name}-{walk.track:02d}"
    return SequenceKey(subject, recording.condition, "", walk.direction)


def _numbered(key: SequenceKey, found: Captured) -> SequenceKey:
    """A key with the next take of its subject, condition and direction; kept in `found`."""
    found.takes[key] += 1
    return replace(key, take=f"{found.takes[key]:02d}")


def _preview_names(videos: Sequence[Recording]) -> list[str]:
    """A file name for each video, which says its condition and number where names repeat."""
    names = [one.video.name for one in videos]
    if len(set(names)) < len(names):
        names = ["-".join(filter(None, (one.condition, one.subject, one.video.name))) for one in videos]
    if len(set(names)) < len(names):
        names = [f"{number:03d}-{name}" for number, name in enumerate(names, 1)]
    return [f"{name}.mp4" for name in names]


def _few_frames(clip: Clip) -> Clip:
    """The frames of a clip that a sheet shows, so that the others need not be held until the end."""
    shown = np.linspace(0, len(clip) - 1, min(_SHOWN_FRAMES, len(clip))).round().astype(int)
    return Clip(clip.frames[shown], clip.key)
