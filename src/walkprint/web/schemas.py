"""What the API takes and gives, with an example each."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field
from pydantic.dataclasses import dataclass

from walkprint.gallery import Person
from walkprint.gallery.journal import Event
from walkprint.gallery.records import KnownWalk
from walkprint.recognizer import Candidate, Sighting
from walkprint.recognizer.error_rates import Point, Share

_ID = "9f86d081884c7d65"
_PERSON = {
    "id": _ID, "name": "Anna", "consent": "signed on 1 May", "added": "2026-11-27T10:15:00.000+00:00",
    "expires": "2027-12-31", "walks": 2, "frames": 143,
}  # fmt: skip
_CANDIDATE = {"id": _ID, "name": "Anna", "score": 0.61, "probability": 0.98}
_SIGHTING: dict[str, Any] = {
    "name": "Anna", "track": 1, "start_s": 0.4, "end_s": 3.1, "view": "right", "walks": 1, "frames": 66,
    "quality": 0.97, "candidates": [_CANDIDATE], "threshold": 0.45, "false_positive_rate": 0.05, "unknown": 0.02,
    "event": 17, "confirmed_as": None, "kept": True,
}  # fmt: skip

_POINT: dict[str, Any] = {
    "false_positive_rate": 0.05, "threshold": 0.45, "fpir": {"value": 0.05, "low": 0.04, "high": 0.07},
    "fnir": {"value": 0.2, "low": 0.1, "high": 0.4},
}  # fmt: skip


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


@dataclass(frozen=True, slots=True, config=_example(**_PERSON))
class PersonOut(Person):
    """A known person."""


@dataclass(
    frozen=True, slots=True,
    config=_example(
        id="a1b2c3d4e5f60718", person=_ID, added="2026-11-27T10:15:00.000+00:00", frames=66, quality=0.97,
        view="right", input="2c26b46b68ffc68f", silhouettes=True,
    ),
)  # fmt: skip
class WalkOut(KnownWalk):
    """An enrolled walk; `input` is the digest of its video."""


@dataclass(frozen=True, slots=True, config=_example(**_CANDIDATE))
class CandidateOut(Candidate):
    """A known person in comparison with a walk; compare the score with the sighting's threshold."""


@dataclass(frozen=True, slots=True, kw_only=True, config=_example(**_SIGHTING))
class SightingOut(Sighting):
    """A person in a video; `name` is null for somebody unknown, `event` is its line in the journal."""

    candidates: tuple[CandidateOut, ...]
    confirmed_as: str | None
    kept: bool

    @computed_field  # type: ignore[prop-decorator]
    @property
    def name(self) -> str | None:
        """Who it is."""
        return Sighting.name.fget(self)  # type: ignore[attr-defined,no-any-return]


class JobOut(BaseModel):
    """A video that is read; `progress` is 0 to 1, or null if the video does not say how long it is."""

    model_config = _example(
        id="5d41402abc4b2a76b9719d91", kind="identify", state="done", progress=1.0, walks=1, error="",
        warnings=[], sightings=[_SIGHTING], person=None, made="2026-11-27T10:16:00.000+00:00",
    )  # fmt: skip
    id: str
    kind: Literal["identify", "enroll"]
    state: Literal["waiting", "running", "done", "failed"]
    progress: float | None
    walks: int
    error: str
    warnings: list[str]
    sightings: list[SightingOut]
    person: PersonOut | None
    made: str


class NamedAs(BaseModel):
    """Who a sighting shows."""

    model_config = _example(name="Anna", consent="signed on 1 May", expires=None, keep_silhouettes=True, asked_by="Eve")
    name: str = Field(max_length=200)
    consent: str = Field("", max_length=2000)
    expires: date | None = None
    keep_silhouettes: bool = False
    asked_by: str = Field("", max_length=100)


class Amended(BaseModel):
    """New notes of a person; "" and null leave the earlier ones, "never" removes the last day."""

    model_config = _example(consent="signed again on 2 May", expires="2028-12-31", asked_by="Eve") | {"extra": "forbid"}
    consent: str = Field("", max_length=2000)
    expires: str | None = Field(None, max_length=100)
    asked_by: str = Field("", max_length=100)


class ThresholdOut(BaseModel):
    """The score from which a person is named at a false positive rate; null while no person is known.

    `joined` is that of several walks together; `doubt` says in a line why it cannot be trusted, or is "".
    """

    model_config = _example(false_positive_rate=0.05, threshold=0.45, joined=0.48, doubt="")
    false_positive_rate: float
    threshold: float | None
    joined: float | None
    doubt: str


@dataclass(frozen=True, slots=True, config=_example(value=0.1, low=0.03, high=0.3))
class ShareOut(Share):
    """A share with its interval of 95 %."""


@dataclass(frozen=True, slots=True, config=_example(**_POINT))
class PointOut(Point):
    """Error rates at the threshold for a false positive rate."""

    fpir: ShareOut
    fnir: ShareOut


class ErrorRatesOut(BaseModel):
    """How often the gallery errs; `missing` says in a line why nothing can be measured, else it is "".

    `own` are scores of enrolled walks that were looked up among the others, null where another person is nearer;
    `others` are 101 quantiles of the scores of rendered strangers.
    """

    model_config = _example(
        missing="", points=[_POINT], walks=12, people=4, strangers=1000, own=[0.4, None], others=[-0.1, 0.2]
    )
    missing: str
    points: list[PointOut] = []
    walks: int = 0
    people: int = 0
    strangers: int = 0
    own: list[float | None] = []
    others: list[float] = []


@dataclass(
    frozen=True, slots=True,
    config=_example(
        number=17, action="identify", asked_by="Eve", begun="2026-11-27T10:16:00.000+00:00",
        ended="2026-11-27T10:16:02.000+00:00", state=3, input="2c26b46b68ffc68f", people=[_ID], names=["Anna"],
        confirms=None, digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ),
)  # fmt: skip
class EventOut(Event):
    """A line of the journal; `names` has "" for people who were forgotten."""

    names: list[str]


class ChainOut(BaseModel):
    """The journal's chain holds: how many lines, and the digest of the last; keep it elsewhere."""

    model_config = _example(lines=17, digest="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    lines: int
    digest: str


class About(BaseModel):
    """What the page needs to know."""

    model_config = _example(version="0.1.0", network="street", false_positive_rate=0.05, upload_mb=200, video_s=300)
    version: str
    network: str
    false_positive_rate: float
    upload_mb: int
    video_s: float


class Problem(BaseModel):
    """Why a request was refused, in a line."""

    model_config = _example(detail="no such person; list the people first")
    detail: str
