"""From videos to a packed store in one call; `walkprint segment`."""

from pathlib import Path
from typing import Any

from walkprint.core.bounds import Positive
from walkprint.core.engine import HERE, Machines
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary
from walkprint.recipes.settings import settings_of
from walkprint.video.cut import Cut

STANDARD = Cut()
_ADVICE = {
    False: "use `one_person`, or more videos of the same person",
    True: "give more videos of each person, in folders CONDITION/PERSON or by a CSV file of file, subject, condition",
}


def segment_to_store(
    videos: list[Path | str],
    *,
    out: Path | str,
    segmenter: str = "MediaPipe",
    set: dict[str, Any] | None = None,
    cut: Cut = STANDARD,
    machines: Machines = HERE,
    one_person: bool = False,
    condition: str = "",
    frame_rate_hz: Positive | None = None,
    image_rate_hz: Positive = 25.0,
    keep_all: bool = False,
    preview: Path | str | None = None,
) -> Summary:
    """Find people in videos, track them, and pack the silhouettes of people who walk.

    Every track becomes a subject, named after file and track, unless folders or a CSV file name the people.

    Args:
        videos: video files; folders of pictures; folders of videos as CONDITION/PERSON.mp4; CSV files with the columns
            file, subject, condition.
        out: folder of the store.
        segmenter: Background, MediaPipe, MaskRcnn, Onnx, or a class of yours by its dotted path.
        set: settings of the segmenter, e.g. segmenter.contrast=12; `walkprint explain CLASS` lists them.
        cut: how walks are cut out.
        machines: where work is done; by default in one process. Each takes whole videos.
        one_person: each video shows one person, who becomes one subject.
        condition: condition of all walks, e.g. nm.
        frame_rate_hz: drop frames of faster videos down to this rate.
        image_rate_hz: pictures per second of folders of pictures.
        keep_all: also pack people who stand, jump or crouch, and broken masks.
        preview: folder for annotated videos and a sheet of silhouettes.

    Example:
        walkprint segment walk.mp4 --out stores/walk --preview preview
        walkprint segment videos/ --out stores/walks   # videos/nm/ann.mp4, videos/cl/ann.mp4, videos/nm/bob.mp4
    """
    check_there(*videos)
    from walkprint.capture import capture, recordings
    from walkprint.recipes.classes import build_segmenter

    (settings,) = settings_of(set, "segmenter")
    of = ""

    def on_video(number: int, videos: int) -> None:
        nonlocal of
        of = f"video {number} of {videos}" if videos > 1 else ""

    with progress("segmenting") as on_progress:
        found = capture(
            [
                one
                for video in videos
                for one in recordings(video, subject=one_person, condition=condition, image_rate_hz=image_rate_hz)
            ],
            build_segmenter(segmenter, settings),
            out,
            cut=cut,
            keep_all=keep_all,
            frame_rate_hz=frame_rate_hz,
            preview=None if preview is None else Path(preview),
            workers=machines.workers,
            engine=machines.chosen,
            progress=lambda frames, total: on_progress(frames, total, of),
            on_video=on_video,
        )
    text, artifacts = [str(found)], [str(path) for path in found.previews]
    if preview is not None:
        found.save_sheet(sheet := Path(preview) / "sheet.png")
        artifacts.append(str(sheet))
        text.append(f"{preview}: annotated videos and a sheet")
    if len({key.subject for key in found.keys}) == len(found.keys):
        text.append(f"no subject has a second recording, so identification has no gallery; {_ADVICE[one_person]}")
    run = "RUN" if cut.color or cut.size_px != 64 else "street"  # which reads silhouettes of 64 px
    numbers = {"preview": preview and str(preview), "artifacts": artifacts, "run": run}
    return Summary(found.to_dict() | numbers, "\n".join(text))
