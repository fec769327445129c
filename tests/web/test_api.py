"""The API, with rendered videos and a small network."""

import json
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.web.server import API, LIMITS, ended, enroll, identify, serving, video

from walkprint.web.gate import API as PREFIX


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("web")) as made:
        for name, person in (("Anna", "002"), ("Bob", "001")):
            job = enroll(made, name, person, keep_silhouettes="true", consent="signed", asked_by="Eve")
            assert job["state"] == "done", job
        yield made


def test_who_is_known(client: TestClient) -> None:
    people = client.get(f"{API}/people").json()
    said = [(one["name"], one["walks"], one["consent"]) for one in people]
    assert said == [("Anna", 1, "signed"), ("Bob", 1, "signed")]
    one = client.get(f"{API}/people/{people[0]['id']}").json()
    assert one == people[0]
    (walk,) = client.get(f"{API}/people/{one['id']}/walks").json()
    assert (walk["person"], walk["silhouettes"]) == (one["id"], True)
    picture = client.get(f"{API}/people/{one['id']}/strip.png")
    assert picture.headers["content-type"] == "image/png"
    pixels = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels.shape == (64, 460, 4)
    assert 0.1 < (pixels[..., 3] > 128).mean() < 0.9


def test_identify_and_name(client: TestClient) -> None:
    job = identify(client, "002", false_positive_rate="0.3", asked_by="gate")
    (seen,) = job["sightings"]
    assert (job["state"], seen["name"], seen["candidates"][0]["name"]) == ("done", "Anna", "Anna")
    strip = f"{API}/jobs/{job['id']}/sightings/{seen['event']}/strip.png"
    assert client.get(strip).content.startswith(b"\x89PNG")
    stranger = identify(client, "009", false_positive_rate="0.000001")
    (unknown,) = stranger["sightings"]
    assert unknown["name"] is None
    named = client.post(
        f"{API}/jobs/{stranger['id']}/sightings/{unknown['event']}/name", json={"name": "Carl", "asked_by": "Eve"}
    )
    assert (named.status_code, named.json()["name"]) == (201, "Carl")
    again = client.post(f"{API}/jobs/{stranger['id']}/sightings/{unknown['event']}/name", json={"name": "Dora"})
    assert again.status_code == 409
    line = client.get(f"{API}/journal").json()[-1]
    assert (line["action"], line["confirms"], line["names"], line["asked_by"]) == (
        "confirm", unknown["event"], ["Carl"], "Eve"
    )  # fmt: skip
    (seen,) = identify(client, "009", false_positive_rate="0.3")["sightings"]
    assert seen["name"] == "Carl"
    (carl,) = [one for one in client.get(f"{API}/people").json() if one["name"] == "Carl"]
    assert client.delete(f"{API}/people/{carl['id']}?asked_by=Eve").json()["name"] == "Carl"
    shown = client.get(f"{API}/jobs").text
    assert carl["id"] not in shown
    assert "Carl" not in shown
    assert client.get(f"{API}/people/{carl['id']}").status_code == 404
    assert client.get(f"{API}/journal?since={line['number'] - 1}&most=1000").json()[0]["names"] == [""]


def test_progress_comes_as_events(client: TestClient) -> None:
    files = {"video": ("v.mp4", video("002", 1), "video/mp4")}
    job = client.post(f"{API}/identify", files=files).json()
    with client.stream("GET", f"{API}/jobs/{job['id']}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    shares = [one["progress"] for one in told]
    assert shares == sorted(shares)
    assert told[-1]["sightings"][0]["candidates"][0]["name"] == "Anna"
    assert client.delete(f"{API}/jobs/{job['id']}").status_code == 204
    assert client.get(f"{API}/jobs/{job['id']}").status_code == 404


def test_thresholds_journal_metrics_health(client: TestClient) -> None:
    found = client.get(f"{API}/thresholds").json()
    values = [one["threshold"] for one in found]
    assert values == sorted(values, reverse=True)
    rates = client.get(f"{API}/error-rates").json()
    assert rates["missing"].startswith("error rates need 3 people with walks from two videos or more, found 0")
    assert rates["points"] == []
    assert len(client.get(f"{API}/journal?most=2").json()) == 2
    assert client.get(f"{API}/journal/verify").json()["lines"] >= 2
    text = client.get(f"{API}/metrics").text
    assert "# TYPE walkprint_requests_total counter" in text
    assert 'walkprint_requests_total{method="GET",route="/thresholds",status="200"} 1' in text
    assert 'walkprint_jobs_total{kind="enroll",state="done"}' in text
    assert "walkprint_people 2" in text
    assert client.get("/health", headers={"Authorization": ""}).json() == {"status": "ok"}


def test_every_answer_has_an_example_and_every_path_is_ours(client: TestClient) -> None:
    spec = client.get(f"{API}/openapi.json", headers={"Authorization": ""}).json()
    assert len(spec["paths"]) > 12
    for name, schema in spec["components"]["schemas"].items():
        if not name.startswith(("Body_", "HTTPValidation", "ValidationError")):
            assert schema.get("examples"), name
    for path in spec["paths"]:
        assert path.startswith(PREFIX) or path == "/health"


def test_the_page_is_served_with_strict_headers(client: TestClient) -> None:
    page = client.get("/", headers={"Authorization": ""})
    assert "Who walked there?" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "camera=(self)" in page.headers["permissions-policy"]
    files = [client.get(f"/{name}") for name in ("app.js", "camera.js", "charts.js", "style.css", "icon.svg")]
    assert {one.status_code for one in files} == {200}
    for text in (page.text, *(one.text for one in files)):
        assert "innerHTML" not in text
        assert "//cdn" not in text
        assert " style=" not in text


def test_videos_that_cannot_be_used_say_why(client: TestClient) -> None:
    def failed(content: bytes) -> str:
        answer = client.post(f"{API}/identify", files={"video": ("v.mp4", content, "video/mp4")})
        job = ended(client, answer)
        assert job["state"] == "failed"
        return str(job["error"])

    assert "the video: no video that can be read" in failed(b"RIFF" * 100)
    assert "empty" in failed(b"")
    past = {"name": "Anna", "expires": "2020-02-29"}
    refused = client.post(f"{API}/people", data=past, files={"video": ("v.mp4", b"x", "video/mp4")})
    assert (refused.status_code, refused.json()["detail"][:31]) == (422, "last day 2020-02-29: has passed")
    assert "no video" in failed(video("001")[:3000])
    assert list(client.service.folder.iterdir()) == []  # type: ignore[attr-defined]


def test_a_queue_that_is_full_refuses(tmp_path: Path) -> None:
    from dataclasses import replace

    with serving(tmp_path, replace(LIMITS, jobs=1, waiting=1)) as client:
        service = client.service  # type: ignore[attr-defined]
        gate = threading.Event()
        service._cutter.cut = lambda path, on_progress: gate.wait(20) and []
        files = {"video": ("v.mp4", b"x", "video/mp4")}
        answers = [client.post(f"{API}/identify", files=files).status_code for _ in range(4)]
        assert answers == [202, 202, 429, 429]
        gate.set()
