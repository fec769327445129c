"""The application: routes of the API, events, the page."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, File, Form, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

from walkprint import __version__
from walkprint.core.errors import GaitError
from walkprint.gallery import Person
from walkprint.web.gate import API, App, Gate
from walkprint.web.jobs import BusyError, Job
from walkprint.web.metrics import Metrics
from walkprint.web.schemas import (
    About,
    Amended,
    ChainOut,
    ErrorRatesOut,
    EventOut,
    JobOut,
    NamedAs,
    PersonOut,
    Problem,
    ThresholdOut,
    WalkOut,
)
from walkprint.web.service import MissingError, NamedAlreadyError, Notes, Service

_STATIC = Path(__file__).parent / "static"
_LOOK_S, _EVENTS_S, _EXPIRE_S, _STREAMS = 0.2, 1.0, 3600.0, 64
_STATUS = {MissingError: 404, NamedAlreadyError: 409, BusyError: 429}
_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": text}
    for status, text in {
        401: "token missing or wrong", 404: "not there", 409: "has a name already", 413: "too large", 422: "refused",
        429: "too many",
    }.items()
}  # fmt: skip

Video = Annotated[UploadFile, File(description="video file, e.g. MP4")]
Asker = Annotated[str, Form(max_length=100, description="who asks, for the journal")]
Note = Annotated[str, Form(max_length=2000, description="when consent was given, and for what")]
Rate = Annotated[float | None, Form(gt=0, lt=1, description="share of strangers who may be named")]


def create_app(service: Service, *, token: str, local: bool = True) -> App:
    """The application around a service, behind its gate.

    Args:
        service: closed when the application ends.
        token: that requests to the API must bring.
        local: answer to names of this machine only.
    """
    metrics = Metrics()
    service.jobs.listen(lambda job: metrics.job_ended(job.kind, job.state, job.ended - job.begun))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        daily = asyncio.create_task(_expire(service))
        yield
        daily.cancel()
        await asyncio.to_thread(service.close)

    app = FastAPI(
        title="walkprint", version=__version__, summary="Who walked there?", docs_url=None, redoc_url=None,
        openapi_url=f"{API}openapi.json", lifespan=lifespan, responses=_PROBLEMS, redirect_slashes=False,
    )  # fmt: skip
    app.include_router(_people(service), prefix=API.rstrip("/"), tags=["people"])
    app.include_router(_jobs(service), prefix=API.rstrip("/"), tags=["identify"])
    app.include_router(_journal(service, metrics), prefix=API.rstrip("/"), tags=["journal"])
    app.add_api_route("/health", lambda: {"status": "ok"}, tags=["journal"], summary="Health, without a token")
    app.mount("/", StaticFiles(directory=_STATIC, html=True))
    app.add_exception_handler(GaitError, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Gate(app, token=token, limits=service.limits, local=local, metrics=metrics)


def _people(service: Service) -> APIRouter:
    router = APIRouter()

    @router.get("/people")
    def people() -> list[PersonOut]:
        """All known people, by name."""
        return [_person(one) for one in service.people()]

    @router.post("/people", response_model=JobOut, status_code=202)
    def enroll(
        video: Video,
        name: Annotated[str, Form(max_length=200)],
        consent: Note = "",
        expires: Annotated[date | None, Form(description="last day to keep the person")] = None,
        keep_silhouettes: Annotated[bool, Form(description="for pictures, and to change the network")] = False,
        asked_by: Asker = "",
    ) -> dict[str, Any]:
        """Make a person known by a video that shows this person alone; more videos can follow."""
        notes = Notes(consent=consent, expires=expires, keep_silhouettes=keep_silhouettes, asked_by=asked_by)
        return service.enroll(video.file, name, notes).to_dict()

    @router.get("/people/{person}")
    def show(person: str) -> PersonOut:
        """A person by id."""
        return _person(service.person(person))

    @router.get("/people/{person}/walks", response_model=list[WalkOut])
    def walks(person: str) -> list[dict[str, Any]]:
        """The walks of a person."""
        return service.walks(person)

    @router.get("/people/{person}/strip.png", response_class=Response, responses=_png())
    def strip(person: str) -> Response:
        """Silhouettes of a person, where they were kept."""
        return Response(service.person_strip(person), media_type="image/png")

    @router.patch("/people/{person}")
    def amend(person: str, notes: Amended) -> PersonOut:
        """Change the note on a person's consent, or the last day."""
        return _person(service.amend(person, consent=notes.consent, expires=notes.expires, asked_by=notes.asked_by))

    @router.delete("/people/{person}")
    def forget(person: str, asked_by: Annotated[str, Query(max_length=100)] = "") -> PersonOut:
        """Delete a person for good: all walks, in the gallery and in results."""
        return _person(service.forget(person, asked_by))

    return router


def _jobs(service: Service) -> APIRouter:
    router = APIRouter()
    streams = _Streams()

    @router.post("/identify", response_model=JobOut, status_code=202)
    def identify(video: Video, false_positive_rate: Rate = None, asked_by: Asker = "") -> dict[str, Any]:
        """Say who walks in a video; the job has the answer."""
        return service.identify(video.file, false_positive_rate=false_positive_rate, asked_by=asked_by).to_dict()

    @router.get("/thresholds", response_model=list[ThresholdOut])
    def thresholds() -> list[dict[str, float | str | None]]:
        """The score from which a person is named, for several false positive rates and the gallery as it is."""
        return service.thresholds()

    @router.get("/error-rates", response_model=ErrorRatesOut)
    def error_rates() -> dict[str, Any]:
        """How often the gallery errs at these thresholds, by its own walks and rendered strangers: the DET curve."""
        return service.error_rates()

    @router.get("/jobs", response_model=list[JobOut])
    def jobs() -> list[dict[str, Any]]:
        """All jobs of the last hour, the newest first."""
        return [job.to_dict() for job in service.jobs.all()]

    @router.get("/jobs/{job}", response_model=JobOut)
    def show(job: str) -> dict[str, Any]:
        """A job by id."""
        return service.job(job).to_dict()

    @router.delete("/jobs/{job}", status_code=204)
    def drop(job: str) -> None:
        """End a job and delete its result."""
        service.jobs.drop(service.job(job))

    @router.get("/jobs/{job}/events", response_class=StreamingResponse, responses=_events("a job at each change"))
    async def progress(job: str) -> StreamingResponse:
        """Progress as server-sent events; the last one has the result."""
        return streams.open(_changes(service.job(job)))

    @router.get("/jobs/{job}/sightings/{event}/strip.png", response_class=Response, responses=_png())
    def strip(job: str, event: int) -> Response:
        """Silhouettes of a sighting."""
        return Response(service.sighting_strip(job, event), media_type="image/png")

    @router.post("/jobs/{job}/sightings/{event}/name", status_code=201)
    def name(job: str, event: int, said: NamedAs) -> PersonOut:
        """Enroll the walks of a sighting under a name, and note who confirmed it."""
        notes = Notes(**said.model_dump(exclude={"name"}))
        return _person(service.name_sighting(job, event, said.name, notes))

    return router


def _journal(service: Service, metrics: Metrics) -> APIRouter:
    router = APIRouter()
    streams = _Streams()

    @router.get("/journal", response_model=list[EventOut])
    def journal(
        since: Annotated[int, Query(ge=0, le=2**53)] = 0, most: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[dict[str, Any]]:
        """The newest lines of the journal after a number."""
        return service.journal(since, most)

    @router.get("/journal/verify", response_model=ChainOut)
    def verify() -> dict[str, Any]:
        """Check that no line was changed or removed."""
        return service.verify_journal()

    @router.get("/events", response_class=StreamingResponse, responses=_events("each new line of the journal"))
    async def events(since: Annotated[int | None, Query(ge=0, le=2**53)] = None) -> StreamingResponse:
        """New lines of the journal as server-sent events: who was seen, enrolled, forgotten."""
        return streams.open(_lines(service, since))

    @router.get("/about", response_model=About)
    def about() -> dict[str, Any]:
        """Network, usual false positive rate, limits."""
        known, limits = service.recognizer, service.limits
        return {
            "version": __version__, "network": known.gallery.binding.network,
            "false_positive_rate": known.false_positive_rate, "upload_mb": limits.upload_mb, "video_s": limits.video_s,
        }  # fmt: skip

    @router.get("/metrics", response_class=PlainTextResponse)
    def metric_text() -> PlainTextResponse:
        """Counts in the text format of Prometheus."""
        gauges = {"people": len(service.recognizer.gallery), "jobs_unfinished": service.jobs.unfinished}
        return PlainTextResponse(metrics.text(gauges), media_type="text/plain; version=0.0.4")

    return router


class _Streams:
    """Server-sent events, a bounded number at a time."""

    def __init__(self) -> None:
        self._open = 0

    def open(self, source: AsyncIterator[str]) -> StreamingResponse:
        if self._open >= _STREAMS:
            raise BusyError(f"{_STREAMS} streams are open; close one, or ask for the state instead")

        async def stream() -> AsyncIterator[str]:
            self._open += 1
            try:
                async for data in source:
                    yield data
            finally:
                self._open -= 1

        return StreamingResponse(stream(), media_type="text/event-stream")


async def _changes(job: Job) -> AsyncIterator[str]:
    seen = -1
    while True:
        version, over = job.version, job.over
        if version != seen:
            seen = version
            yield f"data: {json.dumps(job.to_dict())}\n\n"
        if over or job.dropped:
            return
        await asyncio.sleep(_LOOK_S)


async def _lines(service: Service, since: int | None) -> AsyncIterator[str]:
    yield ": open\n\n"
    last = since if since is not None else await asyncio.to_thread(_last, service)
    while True:
        for line in await asyncio.to_thread(service.journal, last, 1000):
            last = line["number"]
            yield f"id: {last}\nevent: {line['action']}\ndata: {json.dumps(line)}\n\n"
        await asyncio.sleep(_EVENTS_S)


def _last(service: Service) -> int:
    lines = service.journal(0, 1)
    return int(lines[0]["number"]) if lines else 0


async def _expire(service: Service) -> None:
    while True:
        await asyncio.sleep(_EXPIRE_S)
        await asyncio.to_thread(service.expire)


def _person(person: Person) -> PersonOut:
    return PersonOut(**asdict(person))


def _png() -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"image/png": {}}, "description": "a PNG"}}


def _events(text: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"text/event-stream": {}}, "description": text}}


async def _refusal(_: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 422)
    headers = {"retry-after": "5"} if status == 429 else None
    return JSONResponse({"detail": str(error)}, status, headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    said = [f"{'.'.join(str(one) for one in fault['loc'][1:])}: {fault['msg']}" for fault in found]
    return JSONResponse({"detail": "; ".join(said)[:500]}, 422)
