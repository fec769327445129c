"""Jobs: one for each uploaded video, with progress; finished ones are kept for a while, so that walks can be named."""

import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from walkprint.core.errors import GaitError
from walkprint.gallery import Person
from walkprint.gallery.journal import now
from walkprint.recognizer import Sighting
from walkprint.recognizer.sources import Walk
from walkprint.web.limits import Limits

_KEPT_S, _KEPT, _KEPT_BYTES = 3600.0, 200, 3 * 10**8
_log = logging.getLogger(__name__)


class BusyError(GaitError):
    """Too many videos wait."""


class DroppedError(Exception):
    """The job was taken back while it ran."""


@dataclass(eq=False)
class Job:
    """One video.

    Attributes:
        kind: what is asked.
        id: random.
        state: how far it is.
        progress: share of the video that was read, 0 to 1; None if unknown.
        walks: found so far.
        error: why it failed, in a line.
        warnings: a line each.
        sightings: who was seen, of "identify".
        named: number of a sighting's event -> id of the person that it was confirmed as.
        cut: event -> walks of that sighting, so that they can be enrolled.
        person: who was enrolled, of "enroll".
        made: UTC, ISO 8601.
        begun, ended: seconds of a clock of this process.
        version: rises with each change.
    """

    kind: Literal["identify", "enroll"]
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    progress: float | None = 0.0
    walks: int = 0
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    named: dict[int, str] = field(default_factory=dict)
    cut: dict[int, list[Walk]] = field(default_factory=dict)
    person: Person | None = None
    made: str = field(default_factory=now)
    begun: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    version: int = 0
    dropped: bool = False

    @property
    def over(self) -> bool:
        """Whether nothing changes any more."""
        return self.state in {"done", "failed"}

    def to_dict(self) -> dict[str, Any]:
        """Plain data, but for what the process alone needs."""
        sightings = [
            {**one.to_dict(), "confirmed_as": self.named.get(one.event), "kept": one.event in self.cut}
            for one in self.sightings
        ]
        return {
            "id": self.id, "kind": self.kind, "state": self.state, "progress": self.progress, "walks": self.walks,
            "error": self.error, "warnings": list(self.warnings), "sightings": sightings,
            "person": None if self.person is None else asdict(self.person), "made": self.made,
        }  # fmt: skip

    def on_progress(self, progress: float | None, walks: int) -> None:
        """Note how far it is.

        Raises:
            DroppedError: the job was taken back.
        """
        if self.dropped:
            raise DroppedError
        self.progress = self.progress if progress is None else progress
        self.walks = walks
        self.version += 1

    def forget(self, person: str) -> bool:
        """Drop what it holds of a person; whether nothing is left of it."""
        for number, seen in enumerate(self.sightings):
            if seen.name is not None and seen.candidates[0].id == person:
                self.cut.pop(seen.event, None)
            others = tuple(one for one in seen.candidates if one.id != person)
            self.sightings[number] = replace(seen, candidates=others)
        for event in [event for event, one in self.named.items() if one == person]:
            self.named.pop(event)
            self.cut.pop(event, None)
        self.warnings.clear()  # they may name the person
        self.version += 1
        return self.person is not None and self.person.id == person


class Jobs:
    """Runs jobs, a few at a time, and keeps the finished ones for an hour.

    Args:
        limits: how many at a time, and how many may wait.
    """

    def __init__(self, limits: Limits) -> None:
        self._pool = ThreadPoolExecutor(limits.jobs, thread_name_prefix="job")
        self._most = limits.jobs + limits.waiting
        self._listeners: list[Callable[[Job], None]] = []
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def listen(self, listener: Callable[[Job], None]) -> None:
        """Let a function hear of each job that ended."""
        self._listeners.append(listener)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Refuse before an upload is copied.

        Raises:
            BusyError: too many videos wait.
        """
        if self.unfinished >= self._most:
            raise BusyError(f"{self._most} videos are being read or wait; send yours again in a moment")
        yield

    def submit(self, job: Job, work: Callable[[Job], None]) -> Job:
        """Queue a job.

        Raises:
            BusyError: too many wait.
        """
        with self._lock, self.room():
            self._tidy()
            self._jobs[job.id] = job
        self._pool.submit(self._run, job, work)
        return job

    @property
    def unfinished(self) -> int:
        """How many run or wait."""
        return sum(not job.over for job in list(self._jobs.values()))

    def all(self) -> list[Job]:
        """Those that are kept, the newest first."""
        with self._lock:
            self._tidy()
            return list(self._jobs.values())[::-1]

    def find(self, name: str) -> Job | None:
        """The job of an id."""
        return self._jobs.get(name)

    def drop(self, job: Job) -> None:
        """Forget a job, and end it if it runs."""
        job.dropped = True
        with self._lock:
            self._jobs.pop(job.id, None)

    def forget(self, person: str) -> None:
        """Drop what finished jobs hold of a person."""
        with self._lock:
            for job in list(self._jobs.values()):
                if job.forget(person):
                    del self._jobs[job.id]

    def close(self) -> None:
        """End; jobs that wait are dropped."""
        for job in self.all():
            self.drop(job)
        self._pool.shutdown(cancel_futures=True)

    def _run(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            if not job.dropped:
                job.state = "running"
                job.on_progress(0.0, 0)
            work(job)
            job.state = "done"
        except DroppedError:
            job.state, job.error = "failed", "taken back"
        except GaitError as error:
            job.state, job.error = "failed", str(error)
        except Exception:
            _log.exception("job %s", job.id)
            job.state, job.error = "failed", "a server error; see the log of the server"
        job.ended = time.monotonic()
        job.version += 1
        for listener in self._listeners:
            listener(job)

    def _tidy(self) -> None:
        """Drop finished jobs that are old, too many, or hold too much; the oldest first."""
        over = [job for job in self._jobs.values() if job.over]
        held = sum(_bytes(job) for job in over)
        for number, job in enumerate(over):
            old = time.monotonic() - job.ended > _KEPT_S
            if old or len(over) - number > _KEPT or held > _KEPT_BYTES:
                del self._jobs[job.id]
                held -= _bytes(job)


def _bytes(job: Job) -> int:
    return sum(walk.silhouettes.nbytes for walks in list(job.cut.values()) for walk in walks)
