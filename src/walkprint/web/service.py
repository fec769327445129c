"""What the server does, without HTTP: one recognizer, used by one thread at a time."""

import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from walkprint.core.errors import DataError
from walkprint.gallery import Person
from walkprint.gallery.journal import Event
from walkprint.gallery.records import check_day, check_name
from walkprint.recognizer import Recognizer
from walkprint.recognizer.sources import Walk
from walkprint.web.cutting import Cutter
from walkprint.web.jobs import Job, Jobs
from walkprint.web.limits import Limits
from walkprint.web.pictures import strip

RATES = (0.001, 0.0015, 0.002, 0.003, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3)
"""False positive rates for which the page knows the threshold."""


class MissingError(DataError):
    """There is no such person, job or picture."""


class NamedAlreadyError(DataError):
    """A sighting has a name already."""


@dataclass(frozen=True, kw_only=True)
class Notes:
    """What is noted when a person is enrolled.

    Attributes:
        consent: when it was given, and for what; "" leaves an earlier note.
        expires: last day to keep the person; None leaves an earlier one.
        keep_silhouettes: keep them in the gallery.
        asked_by: for the journal.
    """

    consent: str = ""
    expires: date | None = None
    keep_silhouettes: bool = False
    asked_by: str = ""


class Service:
    """People, jobs and journal of one gallery.

    Args:
        recognizer: knows the people; nothing else may use it meanwhile.
        limits: of jobs.

    Attributes:
        recognizer, limits, jobs: the same, and the jobs.
        folder: uploads lie here under random names until they are read.
    """

    def __init__(self, recognizer: Recognizer, limits: Limits) -> None:
        self.recognizer, self.limits = recognizer, limits
        self.folder = Path(tempfile.mkdtemp(prefix="walkprint-"))
        self.jobs = Jobs(limits)
        self._gallery = recognizer.gallery
        self._cutter = Cutter(recognizer.segmenter, limits)
        self._lock = threading.RLock()
        self._rates: tuple[int, dict[str, Any]] | None = None

    def close(self) -> None:
        """End all jobs and remove all uploads."""
        self._cutter.close()
        self.jobs.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def people(self) -> list[Person]:
        """All known people, by name."""
        self.expire()
        return self._gallery.people()

    def person(self, person: str) -> Person:
        """By id.

        Raises:
            MissingError: there is none.
        """
        for one in self.people():
            if one.id == person:
                return one
        raise MissingError("no such person; list the people first")

    def walks(self, person: str) -> list[dict[str, Any]]:
        """The walks of a person, as plain data."""
        return [asdict(walk) for walk in self._gallery.walks(self.person(person).name)]

    def person_strip(self, person: str) -> bytes:
        """Silhouettes of a person, PNG.

        Raises:
            MissingError: there is no such person, or no silhouettes were kept.
        """
        for walk in self._gallery.walks(self.person(person).name):
            frames = self._gallery.silhouettes(walk.id) if walk.silhouettes else None
            if frames is not None:
                return strip(frames)
        raise MissingError("no silhouettes of this person were kept")

    def amend(self, person: str, *, consent: str, expires: str | None, asked_by: str) -> Person:
        """Change what is noted of a person; see `Gallery.amend`."""
        with self._lock:
            name = self.person(person).name
            return self._gallery.amend(name, consent=consent, expires=expires, asked_by=asked_by)

    def forget(self, person: str, asked_by: str) -> Person:
        """Delete a person from the gallery and from the results of jobs."""
        with self._lock:
            one = self.person(person)
            self._gallery.forget(one.name, asked_by=asked_by)
            self.jobs.forget(person)
        return one

    def expire(self) -> int:
        """Delete people whose last day has passed; returns how many."""
        overdue = self._gallery.overdue()
        if not overdue:
            return 0
        with self._lock:
            for person in overdue:
                self.jobs.forget(person)
            return self._gallery.expire()

    def enroll(self, video: BinaryIO, name: str, notes: Notes) -> Job:
        """Queue a video that shows one person.

        Raises:
            DataError: the name is none, or the last day has passed.
            BusyError: too many videos wait.
        """
        name = check_name(name)
        check_day(notes.expires.isoformat() if notes.expires else None)

        def work(job: Job, walks: Sequence[Walk]) -> None:
            job.person = self._enrolled(walks, name, notes, job)

        return self._submit(Job("enroll"), video, work)

    def identify(self, video: BinaryIO, *, false_positive_rate: float | None, asked_by: str) -> Job:
        """Queue a video; the job ends with one sighting for each person in it.

        Raises:
            BusyError: too many videos wait.
        """

        def work(job: Job, walks: Sequence[Walk]) -> None:
            seen = self.recognizer.identify(list(walks), false_positive_rate=false_positive_rate, asked_by=asked_by)
            job.cut = {one.event: [walk for walk in walks if walk.track == one.track] for one in seen}
            job.sightings = sorted(seen, key=lambda one: one.start_s)

        return self._submit(Job("identify"), video, work)

    def _enrolled(self, walks: Sequence[Walk], name: str, notes: Notes, job: Job) -> Person:
        expires = notes.expires.isoformat() if notes.expires else None
        return self.recognizer.enroll(
            list(walks), name, consent=notes.consent, expires=expires, keep_silhouettes=notes.keep_silhouettes,
            asked_by=notes.asked_by, warn=job.warnings.append,
        )  # fmt: skip

    def _submit(self, job: Job, video: BinaryIO, work: Callable[[Job, Sequence[Walk]], None]) -> Job:
        with self.jobs.room():
            path = self.folder / secrets.token_hex(16)
        try:
            with path.open("xb") as file:
                shutil.copyfileobj(video, file, 1 << 20)

            def run(job: Job) -> None:
                try:
                    walks = self._cutter.cut(path, job.on_progress)
                finally:
                    path.unlink(missing_ok=True)
                with self._lock:
                    job.on_progress(1.0, len(walks))
                    self.expire()
                    work(job, walks)

            return self.jobs.submit(job, run)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def job(self, name: str) -> Job:
        """By id.

        Raises:
            MissingError: there is none, or no more.
        """
        job = self.jobs.find(name)
        if job is None:
            raise MissingError("no such job; finished ones are kept for an hour")
        return job

    def sighting_strip(self, name: str, event: int) -> bytes:
        """Silhouettes of a sighting, PNG.

        Raises:
            MissingError: they are not kept any more.
        """
        walks = self.job(name).cut.get(event)
        if not walks:
            raise MissingError("no silhouettes of this sighting are kept")
        return strip(np.concatenate([walk.silhouettes for walk in walks]))

    def name_sighting(self, name: str, event: int, person: str, notes: Notes) -> Person:
        """Enroll the walks of a sighting, and note in the journal who confirmed it.

        Raises:
            MissingError: the walks are not kept any more.
            NamedAlreadyError: the sighting has a name already.
        """
        with self._lock:
            job = self.job(name)
            walks = job.cut.get(event)
            if event in job.named:
                raise NamedAlreadyError("this sighting has a name already; to change it, forget that person")
            if not walks:
                raise MissingError("the walks of this sighting are not kept; send the video again")
            job.warnings.clear()
            enrolled = self._enrolled(walks, person, notes, job)
            self._gallery.confirm(event, enrolled.name, asked_by=notes.asked_by)
            job.named[event] = enrolled.id
            job.version += 1
        return enrolled

    def thresholds(self) -> list[dict[str, float | str | None]]:
        """The score from which a person is named, for each of `RATES`; None while no person is known."""
        with self._lock:
            known = len(self._gallery) > 0

            def limit(rate: float, walks: int) -> float | None:
                return self.recognizer.threshold(rate, walks) if known else None

            return [
                {
                    "false_positive_rate": rate, "threshold": limit(rate, 1), "joined": limit(rate, 2),
                    "doubt": self.recognizer.doubt(rate),
                }
                for rate in RATES
            ]  # fmt: skip

    def error_rates(self) -> dict[str, Any]:
        """Error rates at the thresholds for `RATES`, as plain data; "missing" says why there are none."""
        with self._lock:
            state = self._gallery.state
            if self._rates is None or self._rates[0] != state:
                try:
                    found = self.recognizer.error_rates(RATES)
                    own = [None if score == -np.inf else round(score, 4) for score in found.own.tolist()]
                    others = np.quantile(found.others, np.linspace(0, 1, 101)).round(4).tolist()
                    self._rates = (state, {**asdict(found), "missing": "", "own": own, "others": others})
                except DataError as error:
                    self._rates = (state, {"missing": str(error).removeprefix(f"{self._gallery.path}: ")})
            return self._rates[1]

    def journal(self, since: int, most: int) -> list[dict[str, Any]]:
        """Lines of the journal after a number, at most so many of the newest, with the names that are still known."""
        names = {one.id: one.name for one in self.people()}
        return [_line(event, names) for event in self._gallery.journal(since)[-most:]]

    def verify_journal(self) -> dict[str, Any]:
        """Check the chain.

        Raises:
            DataError: a line was changed or is missing.
        """
        lines, digest = self._gallery.verify_journal()
        return {"lines": lines, "digest": digest}


def _line(event: Event, names: dict[str, str]) -> dict[str, Any]:
    return {**asdict(event), "names": [names.get(one, "") for one in event.people]}
