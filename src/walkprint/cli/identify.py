"""`walkprint identify`: who walks in a video?"""

from csv import DictWriter
from pathlib import Path
from typing import TYPE_CHECKING

from walkprint.cli.known_people import Place, Seeing
from walkprint.cli.progress import progress
from walkprint.cli.settings import check_there
from walkprint.cli.values import UsageError
from walkprint.cli.verb import Summary
from walkprint.core.bounds import Count, OpenFraction

if TYPE_CHECKING:
    from walkprint.recognizer import Sighting

_COLUMNS = (
    "video", "track", "start_s", "end_s", "view", "walks", "frames", "quality", "name", "score", "threshold",
    "probability", "unknown",
)  # fmt: skip


def identify(
    videos: list[Path],
    *,
    false_positive_rate: OpenFraction = 0.01,
    each_walk: bool = False,
    candidates: Count = 5,
    csv: Path | None = None,
    video: Path | None = None,
    place: Place,
    seeing: Seeing,
) -> Summary:
    """Say who walks in videos: a known person, or unknown.

    Args:
        videos: video files or folders of pictures.
        false_positive_rate: of all strangers, how many may be named; docs/recognizer.md says what real people got.
        each_walk: judge each walk alone instead of all walks of a person (track) together.
        candidates: how many known people are listed for each, with --json.
        csv: file for the table.
        video: file for a copy of the video with names, scores and outlines, .mp4; for one video.
        place: where people are known.
        seeing: what sees people.

    Example:
        walkprint identify hall.mp4 --false_positive_rate 0.01 --video named.mp4
    """
    for one in videos:
        check_there(one)
    if video is not None and len(videos) != 1:
        raise UsageError(f"--video is a copy of one video; found {len(videos)}")
    recognizer = seeing.recognizer(place)
    found = []
    with progress("identifying") as tell:
        for one in videos:
            seen = recognizer.identify(
                one, false_positive_rate=false_positive_rate, most=candidates, fuse=not each_walk,
                hook=lambda frame, _: tell(frame.number + 1, None),
            )  # fmt: skip
            found += [(one, sighting) for sighting in seen]
    if csv is not None:
        _write(csv, found)
    if video is not None:
        recognizer.annotate(videos[0], [sighting for _, sighting in found], video)
    numbers = {"sightings": [{"video": str(one), **seen.to_dict()} for one, seen in found]}
    lines = [f"{one.name}  {line(seen)}" for one, seen in found] or ["no walk found"]
    return Summary(numbers, "\n".join([*lines, *(str(file) for file in (csv, video) if file is not None)]))


def line(seen: "Sighting") -> str:
    """A sighting in one line."""
    best = seen.candidates[0] if seen.candidates else None
    score = (
        "" if best is None else f"  best {best.name} {best.score:.2f} of {seen.threshold:.2f}, {best.probability:.0%}"
    )
    when = f"{seen.start_s:7.1f} to {seen.end_s:.1f} s"
    return f"{when}  person {seen.track}  {seen.walks} walks  {seen.name or 'unknown'}{score}"


def _write(path: Path, found: list[tuple[Path, "Sighting"]]) -> None:
    from io import StringIO

    from walkprint.core.files import write_atomically

    text = StringIO()
    table = DictWriter(text, _COLUMNS, extrasaction="ignore")
    table.writeheader()
    for video, seen in found:
        best = seen.candidates[0] if seen.candidates else None
        own = {"score": best and best.score, "probability": best and best.probability}
        row = {"video": video, **seen.to_dict(), **own}
        row["name"] = f"'{row['name']}" if str(row["name"] or "")[:1] in tuple("=+-@") else row["name"]
        table.writerow(row)  # a name is never a formula
    write_atomically(path, text.getvalue())
