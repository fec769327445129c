"""`walkprint segment`: videos become clips of single people, in a packed store."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from walkprint.capture import Captured, capture
from walkprint.cli.words import BadWordsError, Summary, new_parser, parse, progress, spelled_out
from walkprint.evaluation.sheets import save_sheet_of
from walkprint.recipes.classes import import_families, instantiate
from walkprint.video.reader import Video
from walkprint.video.segmenter import Segmenter
from walkprint.video.walks import Cut

EXAMPLE = "walkprint segment walk.mp4 --out stores/walk --preview preview"
SEGMENTERS = {"background": "Background", "mediapipe": "MediaPipe", "mask_rcnn": "MaskRcnn", "onnx": "Onnx"}
_BUNDLED_PX = 64


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `segment`."""
    import_families("video")
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
    videos = [Video(video, image_rate_hz=settings.image_rate_hz) for video in settings.videos]
    with progress("segmenting") as tell:
        found = capture(
            videos,
            segmenter,
            settings.out,
            cut=cut,
            one_person=settings.one_person,
            condition=settings.condition,
            frame_rate_hz=settings.frame_rate_hz,
            preview=settings.preview,
            progress=tell,
        )
    if settings.preview is not None:
        save_sheet_of(found.shown, settings.preview / "sheet.png")
    return _summary(found, cut, settings.preview)


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


def _summary(found: Captured, cut: Cut, preview: Path | None) -> Summary:
    count, out = sum(found.takes.values()), found.out
    lines = [f"{out}: {count} walks of {len(found.takes)} subjects, {found.frames} frames"]
    lines += [f"left out: {number} frames, {reason}" for reason, number in sorted(found.dropped.frames.items())]
    lines += [f"lost: {line}" for line in found.lost]
    artifacts = [str(one) for one in found.previews]
    if preview is not None:
        lines.append(f"{preview}: annotated videos and a sheet")
        artifacts.append(str(preview / "sheet.png"))
    if max(found.takes.values()) < 2:
        lines.append(
            "nobody has a second recording: identification has no gallery; --one_person, or more videos of the "
            "same person"
        )
    # The network that comes with the package reads silhouettes of 64 px.
    run = "RUN" if cut.color or cut.size_px != _BUNDLED_PX else "street"
    root = shlex.quote(str(out))
    lines.append(f"next: walkprint embed --run {run} --data {root} --out embeddings.npz")
    numbers = {
        "out": str(out), "walks": count, "subjects": len(found.takes), "frames": found.frames,
        "left_out": found.dropped.frames, "lost": found.lost,
        "preview": None if preview is None else str(preview), "artifacts": artifacts,
    }  # fmt: skip
    return Summary(numbers, "\n".join(lines))
