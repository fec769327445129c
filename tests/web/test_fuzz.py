"""Every endpoint with values that fit nothing, and with those of its schema: never an error of the server."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
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


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(tmp_path_factory.mktemp("web"), LIMITS) as opened:
        opened.service._cutter.cut = lambda path, on_progress: []  # type: ignore[attr-defined]
        yield TestClient(
            opened.app, base_url="http://127.0.0.1:8000", headers=HEADERS, raise_server_exceptions=False
        )  # fmt: skip


def test_no_endpoint_fails_by_values_that_fit_nothing(client: TestClient) -> None:
    rng = random.Random(0)
    for path, methods in client.get(f"{API}/openapi.json").json()["paths"].items():
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
                sent = rng.choice([{"json": body}, {"data": form, "files": {"video": b"x"}}, {"content": b"\xff{"}, {}])
                answer = client.request(method.upper(), filled, params=query, **sent)
                assert answer.status_code < 500, (method, filled, query, sent, answer.text)
    assert client.get("/health").status_code == 200


def test_no_endpoint_fails_by_values_of_its_schema(client: TestClient) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install schemathesis")
    seen = set()
    for found in schemathesis.openapi.from_dict(client.get(f"{API}/openapi.json").json()).get_all_operations():
        operation = found.ok()
        if operation.path.endswith("/events"):
            continue

        @settings(
            max_examples=3, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.as_strategy())
        def check(case: "schemathesis.Case") -> None:
            sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8000", headers=HEADERS)
            sent.pop("cookies", None)
            answer = client.request(**sent)
            assert answer.status_code < 500, (sent, answer.text)
            seen.add((case.operation.label, answer.status_code))

        check()
    assert {("POST /api/v1/identify", 202), ("GET /api/v1/people", 200)} <= seen
    assert len({label for label, _ in seen}) > 15
