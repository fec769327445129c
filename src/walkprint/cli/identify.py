"""`walkprint identify`: who walks in a video?"""

import warnings
from pathlib import Path

from walkprint.cli.values import UsageError
from walkprint.core.bounds import Count, OpenFraction
from walkprint.core.files import check_there
from walkprint.core.progress import progress
from walkprint.core.summary import Summary
from walkprint.recognizer.opening import Place, Seeing, Sites


def identify(
    videos: list[Path],
    *,
    false_positive_rate: OpenFraction = 0.05,
    each_walk: bool = False,
    candidates: Count = 5,
    csv: Path | None = None,
    video: Path | None = None,
    place: Place,
    seeing: Seeing,
    sites: Sites,
) -> Summary:
    """Say who walks in videos: a known person, or unknown.

    Args:
        videos: video files or folders of pictures.
        false_positive_rate: share of strangers who may be named; figures on real people: docs/results/recognizer.md.
        each_walk: judge each walk alone instead of all walks of a person (track) together.
        candidates: how many known people to list for each person, with --json.
        csv: also write the results as a table to this file.
        video: also write a copy of the video with names, scores and outlines, .mp4, .mkv or .avi; only for a
            single video.
        place: where people are known.
        seeing: what sees people.
        sites: what was calibrated of cameras.

    Example:
        walkprint identify hall.mp4 --false_positive_rate 0.02 --video named.mp4
        walkprint identify hall.mp4 --site hall.site --gallery_site door.site
    """
    check_there(*videos)
    if video is not None and len(videos) != 1:
        raise UsageError(f"--video is a copy of one video; found {len(videos)}")
    recognizer = seeing.recognizer(place, sites, known=True)
    found = []
    with progress("identifying") as on_progress:
        for one in videos:
            seen = recognizer.identify(
                one, false_positive_rate=false_positive_rate, most=candidates, fuse=not each_walk,
                hook=lambda frame, _: on_progress(frame.number + 1, None),
            )  # fmt: skip
            found += [(one, sighting) for sighting in seen]
    if csv is not None:
        from walkprint.recognizer.sighting import save_sightings

        save_sightings(csv, found)
    if video is not None:
        recognizer.annotate(videos[0], [sighting for _, sighting in found], video)
    if found and (doubt := recognizer.doubt(false_positive_rate, max(seen.walks for _, seen in found))):
        warnings.warn(doubt, stacklevel=2)
    numbers = {"sightings": [{"video": str(one), **seen.to_dict()} for one, seen in found]}
    lines = [f"{one.name}  {seen}" for one, seen in found] or ["no walk found"]
    return Summary(numbers, "\n".join([*lines, *(str(file) for file in (csv, video) if file is not None)]))
