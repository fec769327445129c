"""`walkprint segment`: videos become clips of single people, in a packed store."""

import importlib
import re
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from walkprint.cli.recipe import import_families
from walkprint.cli.words import BadWordsError, Summary, instantiate, new_parser, parse, progress, spelled_out
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.sheets import save_sheet_of
from walkprint.video.preview import Preview, both
from walkprint.video.reader import Frame, Video, at_rate
from walkprint.video.segmenter import Segmenter
from walkprint.video.tracker import Update
from walkprint.video.walks import Cut, Dropped, Hook, Walk, look_first, walks

EXAMPLE = "walkprint segment walk.mp4 --out stores/walk --preview preview"
SEGMENTERS = {"background": "Background", "mediapipe": "MediaPipe", "mask_rcnn": "MaskRcnn", "onnx": "Onnx"}
_SHEET_CLIPS, _SHEET_FRAMES = 40, 12
_BUNDLED_PX = 64


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `segment`."""
    import_families()
    for module in ("background", "mask_rcnn", "mediapipe", "onnx"):
        importlib.import_module(f"walkprint.video.{module}")
    parser = new_parser(
        "segment",
        "Find the people in videos, follow them, and pack their silhouettes: walkprint segment VIDEO... --out STORE. "
        "A video is a file or a folder of pictures. Every track becomes a subject, named after file and track.",
        EXAMPLE,
    )
    parser.add_argument("videos", nargs="+", type=Path, help="Video files, or folders of pictures.")
    parser.add_argument("--out", type=Path, required=True, help="Folder of the store to be.")
    parser.add_argument(
        "--segmenter", type=Segmenter, required=True, help=f"{', '.join(SEGMENTERS)}, or a class of yours; mediapipe."
    )
    parser.add_argument("--color", type=bool, default=False, help="Pack masked RGB instead of silhouettes.")
    parser.add_argument(
        "--gaitnet_crop", type=bool, default=False, help="With --color: 2:1, 1.5 heights, as GaitNet's authors cut."
    )
    parser.add_argument("--one_person", type=bool, default=False, help="Each video shows one person: one subject.")
    parser.add_argument("--condition", type=str, default="", help="Condition of all walks, say nm.")
    parser.add_argument("--frame_rate_hz", type=float | None, default=None, help="Thin faster videos out to this.")
    parser.add_argument("--image_rate_hz", type=float, default=25.0, help="Pictures of a folder are so many a second.")
    parser.add_argument("--size_px", type=int, default=64, help="Height and width of the frames.")
    parser.add_argument("--least_frames", type=int, default=15, help="Shorter walks are left out.")
    parser.add_argument("--preview", type=Path | None, default=None, help="Folder for annotated videos and a sheet.")
    settings = parse(parser, with_segmenter(spelled_out(words, ["color", "gaitnet_crop", "one_person"])))
    segmenter = instantiate(parser, settings)["segmenter"]
    cut = Cut(settings.size_px, settings.color, settings.gaitnet_crop, settings.least_frames)
    plan = {name: value for name, value in settings.as_dict().items() if name not in {"out", "preview", "videos"}}
    job = Job(segmenter, cut, settings.one_person, settings.condition, settings.frame_rate_hz, settings.preview)
    videos = [Video(video, image_rate_hz=settings.image_rate_hz) for video in settings.videos]
    return job.carry_out(videos, settings.out, plan)


def with_segmenter(words: Sequence[str]) -> list[str]:
    """Words with the short names of segmenters spelled out, and the default where none is named.

    Raises:
        BadWordsError: there is no segmenter of such a name.
    """
    spelled = [
        _class_of(word) if before == "--segmenter" else re.sub(
            r"^--segmenter=(\w+)$", lambda found: f"--segmenter={_class_of(found[1])}", word
        )
        for before, word in zip(["", *words], words, strict=False)
    ]  # fmt: skip
    if not any(re.match(r"--segmenter(=|$)", word) for word in spelled) and "--help" not in spelled:
        spelled += ["--segmenter", SEGMENTERS["mediapipe"]] if not _has_config(spelled) else []
    return _class_before_its_settings(spelled)


def _class_of(name: str) -> str:
    if re.fullmatch(r"\w+", name) and name not in {*SEGMENTERS, *SEGMENTERS.values()}:
        raise BadWordsError(f"segmenter is {name!r}; expected {', '.join(SEGMENTERS)}, or a class as module.Class")
    return SEGMENTERS.get(name, name)


def _has_config(words: Sequence[str]) -> bool:
    return any(word.startswith("--config") for word in words)


def _class_before_its_settings(words: Sequence[str]) -> list[str]:
    """The option that names the class first, so that `--segmenter.model` may stand anywhere."""
    words = list(words)
    for place, word in enumerate(words):
        if word == "--segmenter":
            return [*words[place : place + 2], *words[:place], *words[place + 2 :]]
        if word.startswith("--segmenter="):
            return [word, *words[:place], *words[place + 1 :]]
    return words


@dataclass(slots=True)
class Job:
    """Videos to be cut into one store.

    Attributes:
        segmenter: finds people.
        cut: how their walks are cut.
        one_person: whether each video is one subject, else each track.
        condition: of every key.
        frame_rate_hz: faster videos are thinned out to this.
        preview: folder of annotated videos and of the sheet, or None.
        dropped: frames left out, by reason.
        lost: lines on what could not be read.
        takes: walks of each subject so far.
        artifacts: files written beside the store so far.
    """

    segmenter: Segmenter
    cut: Cut
    one_person: bool = False
    condition: str = ""
    frame_rate_hz: float | None = None
    preview: Path | None = None
    dropped: Dropped = field(default_factory=Dropped)
    lost: list[str] = field(default_factory=list)
    takes: Counter[str] = field(default_factory=Counter)
    artifacts: list[str] = field(default_factory=list)

    def carry_out(self, videos: Sequence[Video], out: Path, plan: dict[str, Any]) -> Summary:
        """Segment all videos and write the store.

        Raises:
            DataError: the store is there already, two videos have one name, or nobody walks in any.
        """
        if out.exists():
            raise DataError(f"{out}: already exists; choose another folder or remove it first")
        twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
        if twice:
            raise DataError(f"two videos are called {twice[0]}; subjects are named after them: rename one")
        shown: list[Clip] = []
        with ExitStack() as stack, progress("segmenting") as tell:
            writer: StoreWriter | None = None
            for video in videos:
                for clip in self._clips(video, tell):
                    if writer is None:  # opened late, so that a video without people leaves nothing behind
                        plan = plan | {"videos": {one.path.name: one.size_bytes for one in videos}}
                        writer = stack.enter_context(StoreWriter(out, dataset="video", settings=_plain(plan)))
                    if clip.key not in writer.done:
                        writer.add(clip)
                    if len(shown) < _SHEET_CLIPS:
                        shown.append(_few_frames(clip))
            if writer is not None:
                writer.finish(self.dropped.frames)
        if writer is None:
            names = ", ".join(str(video.path) for video in videos)
            raise DataError(
                f"nobody walks for {self.cut.least_frames} frames in {names}{self._reasons()}; "
                "try another segmenter or a smaller --least_frames"
            )
        if self.preview is not None:
            save_sheet_of(shown, self.preview / "sheet.png")
            self.artifacts.append(str(self.preview / "sheet.png"))
        return self._summary(out, sum(writer.done.values()))

    def _clips(self, video: Video, tell: Any) -> Iterator[Clip]:
        """The walks of one video under their names."""

        def watch(frame: Frame, update: Update) -> None:
            tell(frame.number + 1, video.announced)

        try:
            look_first(at_rate(video, self.frame_rate_hz), self.segmenter)
            with ExitStack() as stack:
                hook: Hook = watch
                if self.preview is not None:
                    hook = both(watch, stack.enter_context(Preview(self.preview / f"{video.name}.mp4")))
                frames = at_rate(video, self.frame_rate_hz)
                for walk in walks(frames, self.segmenter, cut=self.cut, dropped=self.dropped, hook=hook):
                    yield walk.clip(self._key(video, walk), color=self.cut.color)
            if self.preview is not None:
                self.artifacts.append(str(self.preview / f"{video.name}.mp4"))
        finally:
            self.lost += [f"{video.path}: {line}" for line in video.lost]

    def _key(self, video: Video, walk: Walk) -> SequenceKey:
        subject = video.name if self.one_person else f"{video.name}-{walk.track:02d}"
        self.takes[subject] += 1
        return SequenceKey(subject, self.condition, f"{self.takes[subject]:02d}", walk.direction)

    def _reasons(self) -> str:
        reasons = [f"{count} {reason}" for reason, count in sorted(self.dropped.frames.items())]
        said = [f"left out: {', '.join(reasons)}"] if reasons else []
        said += [f"lost: {line}" for line in self.lost]
        return f" ({'; '.join(said)})" if said else ""

    def _summary(self, out: Path, frames: int) -> Summary:
        count = sum(self.takes.values())
        lines = [f"{out}: {count} walks of {len(self.takes)} subjects, {frames} frames"]
        lines += [f"left out: {number} frames, {reason}" for reason, number in sorted(self.dropped.frames.items())]
        lines += [f"lost: {line}" for line in self.lost]
        if self.preview is not None:
            lines.append(f"{self.preview}: annotated videos and a sheet")
        if max(self.takes.values()) == 1:
            lines.append(
                "nobody has a second recording: identification has no gallery; --one_person, or more videos of the "
                "same person"
            )
        # The network that comes with the package reads silhouettes of 64 px.
        run = "RUN" if self.cut.color or self.cut.size_px != _BUNDLED_PX else "street"
        root = shlex.quote(str(out))
        lines.append(f"next: walkprint embed --run {run} --data Folder --data.root {root} --out embeddings.npz")
        numbers = {
            "out": str(out), "walks": count, "subjects": len(self.takes), "frames": frames,
            "left_out": self.dropped.frames, "lost": self.lost,
            "preview": None if self.preview is None else str(self.preview), "artifacts": self.artifacts,
        }  # fmt: skip
        return Summary(numbers, "\n".join(lines))


def _few_frames(clip: Clip) -> Clip:
    """The frames of a clip that the sheet shows, so that the others need not be held until the end."""
    shown = np.linspace(0, len(clip) - 1, min(_SHEET_FRAMES, len(clip))).round().astype(int)
    return Clip(clip.frames[shown], clip.key)


def _plain(value: Any) -> Any:
    """Settings as JSON can hold them."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
