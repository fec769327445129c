"""`walkprint watch`: names people while a camera runs."""

import json
import sys
import warnings
from pathlib import Path

from walkprint.core.bounds import Count, OpenFraction
from walkprint.core.summary import Summary, counted
from walkprint.recognizer.opening import Place, Seeing, Sites


def watch(
    source: str,
    *,
    false_positive_rate: OpenFraction = 0.05,
    events: Path | None = None,
    most: Count | None = None,
    attempts: Count = 8,
    place: Place,
    seeing: Seeing,
    sites: Sites,
) -> Summary:
    """Say who walks in front of a camera; each walk is a line on stderr when it ends.

    Args:
        source: a file, rtsp://..., /dev/video0, or the number of a camera. If a camera fails, it is opened again.
        false_positive_rate: as in `walkprint identify`.
        events: file to which each sighting is added as a line of JSON.
        most: stop after this number of sightings.
        attempts: give up after this number of failed attempts in a row to open the camera; 8 take two minutes.
        place: where people are known.
        seeing: what sees people.
        sites: what was calibrated of cameras.

    Example:
        walkprint watch rtsp://camera/hall --events seen.jsonl
    """
    from walkprint.video.live import Live, is_live

    recognizer = seeing.recognizer(place, sites, known=True)
    if doubt := recognizer.doubt(false_positive_rate):
        warnings.warn(doubt, stacklevel=2)
    count, names = 0, dict[str, int]()
    seen = (
        iter(Live(source, tries=attempts, warn=lambda text: sys.stderr.write(f"{text}\n")))
        if is_live(source)
        else Path(source)
    )
    for sighting in recognizer.watch(seen, false_positive_rate=false_positive_rate):
        count += 1
        names[sighting.name or "unknown"] = names.get(sighting.name or "unknown", 0) + 1
        sys.stderr.write(f"{sighting}\n")
        if events is not None:
            with events.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(sighting.to_dict())}\n")
        if count == most:
            break
    text = ", ".join(f"{name} {number}" for name, number in sorted(names.items()))
    found = f"{counted(count, 'walk')}: {text}" if count else "no walk found"
    return Summary({"walks": count, "names": names}, f"{source}: {found}")
