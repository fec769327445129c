"""`walkprint segment`: videos become clips of single people, in a packed store."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from walkprint.cli.machines import Machines
from walkprint.cli.progress import progress
from walkprint.cli.settings import check_there, settings_of
from walkprint.cli.verb import Summary
from walkprint.core.bounds import Frames, Positive, SizePx


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """How walks are cut out.

    Attributes:
        color: pack masked RGB instead of silhouettes.
        gaitnet_crop: with --color, 2:1 pictures of 1.5 body heights, as GaitNet's authors cut them.
        size_px: height and width of the frames.
        least_frames: shorter walks are left out.
    """

    color: bool = False
    gaitnet_crop: bool = False
    size_px: SizePx = 64
    least_frames: Frames = 15


def segment(
    videos: list[Path],
    *,
    out: Path,
    segmenter: str = "MediaPipe",
    set: dict[str, Any] | None = None,
    cutting: Cutting,
    machines: Machines,
    one_person: bool = False,
    condition: str = "",
    frame_rate_hz: Positive | None = None,
    image_rate_hz: Positive = 25.0,
    keep_all: bool = False,
    preview: Path | None = None,
) -> Summary:
    """Find people in videos, follow them, and pack the silhouettes of people who walk.

    Every track becomes a subject, named after file and track, unless the videos say who walks in them.

    Args:
        videos: video files; folders of pictures; folders of videos as CONDITION/PERSON.mp4; CSV files with the columns
            file, subject, condition.
        out: folder of the store.
        segmenter: Background, MediaPipe, MaskRcnn, Onnx, or a class of yours by its dotted path.
        set: its settings, e.g. segmenter.least_px=500; `walkprint explain CLASS` lists them.
        cutting: how walks are cut out.
        machines: where work is done; by default in one process. Each takes whole videos.
        one_person: each video shows one person: one subject.
        condition: of all walks, e.g. nm.
        frame_rate_hz: faster videos are thinned out to this.
        image_rate_hz: frame rate of folders of pictures.
        keep_all: also pack people who stand, jump or crouch, and broken masks.
        preview: folder for annotated videos and a sheet.

    Example:
        walkprint segment walk.mp4 --out stores/walk --preview preview
        walkprint segment videos/ --out stores/walks   # videos/nm/ann.mp4, videos/cl/ann.mp4, videos/nm/bob.mp4
    """
    for video in videos:
        check_there(video)
    from walkprint.capture import capture, recordings
    from walkprint.recipes.classes import build, members
    from walkprint.video.segmenter import Segmenter
    from walkprint.video.walks import Cut

    (settings,) = settings_of(set, "segmenter")
    short = {name.lower(): name for name in members(Segmenter)}  # mask_rcnn is MaskRcnn
    kind = short.get(segmenter.replace("_", "").lower(), segmenter)
    with progress("segmenting") as tell:
        found = capture(
            [
                one
                for video in videos
                for one in recordings(video, subject=one_person, condition=condition, image_rate_hz=image_rate_hz)
            ],
            build(Segmenter, {"class_path": kind, "init_args": settings}),
            out,
            cut=Cut(**vars(cutting)),
            keep_all=keep_all,
            frame_rate_hz=frame_rate_hz,
            preview=preview,
            workers=1 if machines.workers is None and machines.chosen is None else machines.workers,
            engine=machines.chosen,
            progress=tell,
        )
    text, artifacts = [str(found)], [str(path) for path in found.previews]
    if preview is not None:
        found.save_sheet(preview / "sheet.png")
        artifacts.append(str(preview / "sheet.png"))
        text.append(f"{preview}: annotated videos and a sheet")
    if len({key.subject for key in found.keys}) == len(found.keys):
        text.append(
            "no subject has a second recording, so identification has no gallery; use --one_person, or more videos of "
            "the same person"
        )
    run = "RUN" if cutting.color or cutting.size_px != 64 else "street"  # which reads silhouettes of 64 px
    text.append(f"next: walkprint embed --run {run} --data {shlex.quote(str(out))} --out embeddings.npz")
    numbers = {"preview": None if preview is None else str(preview), "artifacts": artifacts}
    return Summary(found.to_dict() | numbers, "\n".join(text))
