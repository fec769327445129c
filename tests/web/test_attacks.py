"""What an attacker tries; none of it succeeds. `docs/server.md` has the list."""

import gzip
import os
import random
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.video.films import film, shades
from tests.web.server import API, LIMITS, TOKEN, ended, enroll, identify, serving, video

from walkprint.core.errors import DataError
from walkprint.web.access import read_or_make_token, token_beside
from walkprint.web.gate import Buckets
from walkprint.web.serve import serve


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory):
    with serving(tmp_path_factory.mktemp("web"), replace(LIMITS, upload_mb=1, video_s=2, frame_px=10_000_000)) as made:
        yield made


def _upload(content: bytes, name: str = "v.mp4") -> dict[str, tuple[str, bytes, str]]:
    return {"video": (name, content, "video/mp4")}


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}"]
)
def test_wrong_tokens(client: TestClient, given: str) -> None:
    for path in ("people", "jobs", "journal", "metrics", "events", "about", "people/x/strip.png"):
        answer = client.get(f"{API}/{path}", headers={"Authorization": given})
        assert answer.status_code in {401, 429}
        assert TOKEN not in answer.text
    assert client.delete(f"{API}/people/x", headers={"Authorization": given}).status_code in {401, 429}
    assert client.get(f"{API}/people?token={TOKEN}", headers={"Authorization": given}).status_code in {401, 429}
    assert client.get(f"{API}/people").status_code == 200, "who has the token gets in, while others guess"


def test_guessing_is_slowed(client: TestClient) -> None:
    found = {client.get(f"{API}/people", headers={"Authorization": f"Bearer {n}"}).status_code for n in range(30)}
    assert 429 in found


def test_pages_of_other_origins(client: TestClient) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999", "http://localhost.evil.example:8000"):
        answer = client.post(f"{API}/identify", files=_upload(video("001")), headers={"Origin": origin})
        assert answer.status_code == 403
        assert client.delete(f"{API}/people/x", headers={"Origin": origin}).status_code == 403
    plain = client.get(f"{API}/people")
    assert "access-control-allow-origin" not in plain.headers
    assert "set-cookie" not in plain.headers
    assert client.get(f"{API}/people", headers={"Origin": "http://127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "localhost.evil", "", "[::2]:80"])
def test_other_names_of_this_machine(client: TestClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 421
    assert client.get("/", headers={"Host": "[::1]:8000"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc%2fpasswd", "%2e%2e/app.py", "....//app.py", "..\\app.py", "%00", "a" * 5000]
)
def test_paths_lead_nowhere(client: TestClient, path: str) -> None:
    for start in ("", f"{API}/people/", f"{API}/jobs/"):
        assert client.get(f"/{start.strip('/')}/{path}" if start else f"/{path}").status_code in {404, 405}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/tmp/x.mp4", "C:\\x.mp4", "a\x00b.mp4", "<img src=x>.mp4", ".." * 900]
)
def test_names_of_files_mean_nothing(client: TestClient, name: str, tmp_path: Path) -> None:
    before = set(tmp_path.parent.iterdir())
    answer = client.post(f"{API}/identify", files=_upload(b"no video", name))
    if answer.status_code == 202:
        job = ended(client, answer)
        assert job["error"].startswith("the video:")
    assert list(client.service.folder.iterdir()) == []  # type: ignore[attr-defined]
    assert set(tmp_path.parent.iterdir()) == before


def test_html_in_names_stays_text(client: TestClient) -> None:
    name = "<script>alert(1)</script>"
    assert enroll(client, name, "003")["person"]["name"] == name
    answer = client.get(f"{API}/people")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (one,) = [one for one in answer.json() if one["name"] == name]
    client.delete(f"{API}/people/{one['id']}")


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x1b[2J", "x" * 201, "\u202eevil"])
def test_names_that_are_none(client: TestClient, name: str) -> None:
    answer = client.post(f"{API}/people", data={"name": name}, files=_upload(video("001")))
    assert answer.status_code == 422
    assert client.get(f"{API}/people").json() == []


def test_uploads_that_are_too_large(client: TestClient) -> None:
    answer = client.post(f"{API}/identify", files=_upload(bytes(2_000_000)))
    assert answer.status_code == 413

    def chunks():
        yield b'--x\r\nContent-Disposition: form-data; name="video"; filename="v"\r\n\r\n'
        for _ in range(40):
            yield bytes(100_000)

    answer = client.post(
        f"{API}/identify", content=chunks(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code == 413
    answer = client.post(f"{API}/jobs/x/sightings/1/name", content=b"x" * 100_000)
    assert answer.status_code == 413


def test_bodies_that_are_none(client: TestClient) -> None:
    for content, kind in (
        (b"{", "application/json"),
        (b"--", "multipart/form-data; boundary=x"),
        (b"a=b", "text/plain"),
    ):
        for path in ("people", "identify", "jobs/x/sightings/1/name"):
            answer = client.post(f"{API}/{path}", content=content, headers={"Content-Type": kind})
            assert 400 <= answer.status_code < 500, (path, answer.text)


def test_videos_that_are_too_long_or_too_wide(client: TestClient, tmp_path: Path) -> None:
    long = film(tmp_path / "long.mp4", shades(100)).read_bytes()
    job = ended(client, client.post(f"{API}/identify", files=_upload(long)))
    assert "longer than 2 s" in job["error"]
    wide = film(tmp_path / "wide.mp4", shades(2, 3200, 3200)).read_bytes()
    job = ended(client, client.post(f"{API}/identify", files=_upload(wide)))
    assert "pixels" in job["error"]


def test_broken_videos_take_down_no_server(client: TestClient) -> None:
    bomb = gzip.compress(bytes(10**7))
    job = ended(client, client.post(f"{API}/identify", files=_upload(bomb), headers={"Content-Encoding": "gzip"}))
    assert "no video that can be read" in job["error"]
    rng = random.Random(0)
    for _ in range(5):
        broken = bytearray(video("001"))
        for _ in range(40):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        assert ended(client, client.post(f"{API}/identify", files=_upload(bytes(broken))))["error"].count("/") == 0
    assert client.get("/health").json() == {"status": "ok"}


def test_a_process_that_dies_or_hangs_ends_its_job_only(tmp_path: Path) -> None:
    with serving(tmp_path, replace(LIMITS, job_s=0.2)) as client:
        service = client.service  # type: ignore[attr-defined]
        take = service._cutter._take

        def stopped():
            process = take()
            os.kill(process.pid, signal.SIGSTOP)
            return process

        service._cutter._take = stopped
        assert "longer than 0.2 s" in identify(client, "001")["error"]

        def dead():
            process = take()
            process.kill()
            return process

        service._cutter._take = dead
        assert "died" in identify(client, "001")["error"]
        assert list(service.folder.iterdir()) == []
        assert not service._cutter._running


def test_forgetting_while_others_identify(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for name, person in (("Anna", "001"), ("Bob", "002")):
            enroll(client, name, person, keep_silhouettes="true")
        (anna,) = [one for one in client.get(f"{API}/people").json() if one["name"] == "Anna"]
        jobs = [client.post(f"{API}/identify", files=_upload(video("001", 1))) for _ in range(4)]
        done = threading.Event()

        def forget() -> None:
            time.sleep(0.3)
            assert client.delete(f"{API}/people/{anna['id']}").status_code == 200
            done.set()

        thread = threading.Thread(target=forget)
        thread.start()
        assert {ended(client, job)["state"] for job in jobs} == {"done"}
        thread.join()
        assert done.is_set()
        text = client.get(f"{API}/jobs").text
        assert anna["id"] not in text
        assert "Anna" not in text
        assert client.get(f"{API}/journal/verify").status_code == 200
        path = client.service.recognizer.gallery.path  # type: ignore[attr-defined]
        raw = b"".join(one.read_bytes() for one in path.parent.glob("people.gallery*"))
        assert b"Anna" not in raw


def test_the_token_is_the_owners_alone(tmp_path: Path) -> None:
    path = token_beside(tmp_path / "people.gallery")
    token, new = read_or_make_token(path)
    assert (new, path.stat().st_mode & 0o777, len(token) >= 40) == (True, 0o600, True)
    assert read_or_make_token(path) == (token, False)
    path.chmod(0o644)
    with pytest.raises(DataError, match="others on this machine can read the token"):
        read_or_make_token(path)
    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(DataError, match="found 5 characters"):
        read_or_make_token(path)


def test_no_address_for_others_without_a_token_file() -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.org"):
        with pytest.raises(DataError, match="can be reached from other machines"):
            serve(None, limits=LIMITS, host=host, say=print)  # type: ignore[arg-type]


def test_a_bucket_fills_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("walkprint.web.gate.time.monotonic", lambda: clock[0])
    bucket = Buckets(2, 3)
    assert [bucket.take("a") for _ in range(4)] == [True, True, True, False]
    assert bucket.take("b")
    clock[0] = 0.5
    assert [bucket.take("a") for _ in range(2)] == [True, False]
