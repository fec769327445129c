"""Every endpoint with values that fit nothing: refused or answered, never an error of the server."""

import random
from pathlib import Path

from starlette.testclient import TestClient
from tests.web.server import API, HEADERS, LIMITS, serving

ODD = [
    "",
    "0",
    "-1",
    "1e999",
    "NaN",
    "null",
    "[]",
    "{}",
    "true",
    "x" * 300,
    "\u202e",
    "%00",
    "../..",
    "9" * 40,
    "é",
    "'--",
]
PLAIN = [None, True, 0, -1, 1e300, "", "x" * 300, "a\x00b", [], {}, [{}], "2027-02-30"]


def test_no_endpoint_fails(tmp_path: Path) -> None:
    rng = random.Random(0)
    with serving(tmp_path, LIMITS) as opened:
        opened.service._cutter.cut = lambda path, tell: []  # type: ignore[attr-defined]
        client = TestClient(
            opened.app, base_url="http://127.0.0.1:8000", headers=HEADERS, raise_server_exceptions=False
        )
        paths = client.get(f"{API}/openapi.json").json()["paths"]
        for path, methods in paths.items():
            if path.endswith("/events"):
                continue  # they do not end
            for method, operation in methods.items():
                for _ in range(15):
                    filled = "/".join(rng.choice(ODD) if part.startswith("{") else part for part in path.split("/"))
                    query = {one["name"]: rng.choice(ODD) for one in operation.get("parameters", ())}
                    body = {name: rng.choice(PLAIN) for name in ("name", "consent", "expires", "asked_by", "odd")}
                    form = {
                        name: rng.choice(ODD) for name in ("name", "expires", "false_positive_rate", "keep_silhouettes")
                    }
                    sent = rng.choice(
                        [{"json": body}, {"data": form, "files": {"video": b"x"}}, {"content": b"\xff{"}, {}]
                    )
                    answer = client.request(method.upper(), filled, params=query, **sent)
                    assert answer.status_code < 500, (method, filled, query, sent, answer.text)
        assert client.get("/health").status_code == 200
