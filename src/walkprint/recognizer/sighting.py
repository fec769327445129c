"""What is said of somebody who was seen walking."""

from collections.abc import Iterable
from csv import DictWriter
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from walkprint.core.files import write_atomically
from walkprint.core.summary import counted

_COLUMNS = (
    "video", "track", "start_s", "end_s", "view", "walks", "frames", "quality", "name", "score", "threshold",
    "probability", "unknown",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Candidate:
    """A known person in comparison with a walk.

    Attributes:
        id, name: of the person.
        score: normalized, higher is more similar; compare it with the sighting's threshold.
        probability: that it is this person, 0 to 1.
    """

    id: str
    name: str
    score: float
    probability: float


@dataclass(frozen=True, slots=True)
class Sighting:
    """One person in one video, over one walk or several.

    Attributes:
        track: number of the person in the video, from 1.
        start_s, end_s: from the first to the last frame, in seconds from the video's beginning.
        view: direction of walking of the last walk, "" if unknown.
        walks, frames: behind the verdict.
        quality: of the silhouettes, 0 to 1.
        candidates: known people, best first.
        threshold: the score that the best must reach to be named.
        false_positive_rate: what the threshold was asked for.
        unknown: probability that it is no known person, 0 to 1.
        event: number of its line in the journal.
    """

    track: int
    start_s: float
    end_s: float
    view: str
    walks: int
    frames: int
    quality: float
    candidates: tuple[Candidate, ...]
    threshold: float
    false_positive_rate: float
    unknown: float
    event: int

    @property
    def name(self) -> str | None:
        """Who it is; None for somebody unknown."""
        best = self.candidates[0] if self.candidates else None
        return best.name if best is not None and best.score >= self.threshold else None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the name included."""
        return {"name": self.name, **asdict(self)}

    def __str__(self) -> str:
        who = f"{self.start_s:7.1f} to {self.end_s:.1f} s  person {self.track}  {counted(self.walks, 'walk')}"
        if not self.candidates:
            return f"{who}  unknown  no person is enrolled"
        best, nearest = self.candidates[0], "" if self.name else f"nearest {self.candidates[0].name}, "
        numbers = f"score {best.score:.2f}, threshold {self.threshold:.2f}, probability {_percent(best.probability)}"
        return f"{who}  {self.name or 'unknown'}  {nearest}{numbers}"


def _percent(share: float) -> str:
    """Never 0 or 100."""
    return "< 1 %" if share < 0.01 else "> 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def save_sightings(path: str | Path, found: Iterable[tuple[str | Path, Sighting]]) -> None:
    """Write sightings, each with its video, as a CSV table; a name in it is never a formula."""
    text = StringIO()
    table = DictWriter(text, _COLUMNS, extrasaction="ignore")
    table.writeheader()
    for video, seen in found:
        best = seen.candidates[0] if seen.candidates else None
        name = f"'{seen.name}" if str(seen.name).startswith(("=", "+", "-", "@")) else seen.name
        own = {"name": name, "score": best and best.score, "probability": best and best.probability}
        table.writerow({"video": video, **seen.to_dict(), **own})
    write_atomically(path, text.getvalue())
