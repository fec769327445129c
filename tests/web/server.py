"""A server on a gallery of rendered people: videos of them, quick to read, and a small network."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from starlette.testclient import TestClient
from tests.recognizer.people import Pooling, clip, strangers
from tests.video.films import film

from walkprint.recognizer import Recognizer
from walkprint.video.background import Background
from walkprint.web.app import create_app
from walkprint.web.limits import Limits
from walkprint.web.service import Service

TOKEN = "t" * 40
HEADERS = {"Authorization": f"Bearer {TOKEN}"}
API = "/api/v1"
LIMITS = Limits(requests_hz=1000)


def past(masks: np.ndarray) -> list[np.ndarray]:
    """A person walks past, as a dark figure in front of a light wall, which is seen alone before and after."""
    wall = np.random.default_rng(0).integers(170, 190, (96, 240, 1), np.uint8).repeat(3, axis=2)
    images = []
    for number, mask in enumerate(masks):
        image = wall.copy()
        left = round(170 * number / len(masks))
        place = image[18:82, left : left + 64]
        place[mask >= 128] = 30
        images.append(image)
    return [wall, *images, wall]


@cache
def video(name: str, take: int = 0) -> bytes:
    """A video in which a rendered person walks past, made once."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        return film(Path(folder) / "walk.mp4", past(clip(name, take).frames[:, 0])).read_bytes()


@contextmanager
def serving(folder: Path, limits: Limits = LIMITS, *, token: str = TOKEN, **asked: Any) -> Iterator[TestClient]:
    """A client of a server whose gallery lies in a folder; `client.service` is behind it."""
    recognizer = Recognizer(folder / "people.gallery", Pooling(), segmenter=Background(), cohort=strangers(), **asked)
    service = Service(recognizer, limits)
    with TestClient(create_app(service, token=token), base_url="http://127.0.0.1:8000") as client:
        client.headers.update({"Authorization": f"Bearer {token}"})
        client.service = service  # type: ignore[attr-defined]
        yield client
    recognizer.gallery.close()


def ended(client: TestClient, answer: Any, within_s: float = 60) -> dict[str, Any]:
    """The job of an answer, when it is over."""
    assert answer.status_code == 202, answer.text
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        job: dict[str, Any] = client.get(f"{API}/jobs/{answer.json()['id']}").json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.05)
    raise AssertionError(f"job is still {job}")


def enroll(client: TestClient, name: str, person: str, **fields: Any) -> dict[str, Any]:
    """Enroll a rendered person under a name."""
    files = {"video": ("v.mp4", video(person), "video/mp4")}
    return ended(client, client.post(f"{API}/people", data={"name": name, **fields}, files=files))


def identify(client: TestClient, person: str, **fields: Any) -> dict[str, Any]:
    """Identify a rendered person by the other video."""
    files = {"video": ("v.mp4", video(person, 1), "video/mp4")}
    return ended(client, client.post(f"{API}/identify", data=fields, files=files))
