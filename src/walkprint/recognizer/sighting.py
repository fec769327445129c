"""What is said of somebody who was seen walking."""

from dataclasses import asdict, dataclass
from typing import Any


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
