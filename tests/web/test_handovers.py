"""What a request says reaches the recognizer, and where the server listens reaches the gate."""

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.web.server import API, LIMITS, enroll, identify, serving

from walkprint.recognizer import Recognizer
from walkprint.video.judge import fault
from walkprint.web import serve, worker


def test_every_field_of_a_request_reaches_the_recognizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, dict[str, Any]] = {}
    taken = [
        one.name for one in inspect.signature(Recognizer.enroll).parameters.values() if one.kind == one.KEYWORD_ONLY
    ]
    for name in ("enroll", "identify"):
        plain = getattr(Recognizer, name)

        def noting(*arguments: Any, _name: str = name, _plain: Any = plain, **given: Any) -> Any:
            asked[_name] = given
            return _plain(*arguments, **given)

        monkeypatch.setattr(Recognizer, name, noting)
    with serving(tmp_path) as client:
        settings = {"consent": "signed", "expires": "2999-12-31", "keep_silhouettes": True, "asked_by": "Eve"}
        assert enroll(client, "Anna", "002", **settings)["state"] == "done"
        assert asked["enroll"].pop("warn")("a line") is None
        assert asked["enroll"] == settings
        assert client.get(f"{API}/jobs").json()[0]["warnings"] == ["a line"]
        assert {*taken} == {*settings, "hook", "warn"}
        assert identify(client, "002", false_positive_rate="0.3", asked_by="gate")["state"] == "done"
        assert asked["identify"] == {"false_positive_rate": 0.3, "asked_by": "gate"}
        (anna,) = client.get(f"{API}/people").json()
        notes = {"consent": "again", "expires": "never", "asked_by": "Ann"}
        changed = client.patch(f"{API}/people/{anna['id']}", json=notes).json()
        assert (changed["consent"], changed["expires"]) == ("again", None)
        line = client.get(f"{API}/journal").json()[-1]
        assert (line["action"], line["asked_by"]) == ("amend", "Ann")
        later = client.patch(f"{API}/people/{anna['id']}", json={"expires": "2999-01-01"}).json()
        assert (later["consent"], later["expires"]) == ("again", "2999-01-01")
        for given, said in (
            ({"expires": "2020-01-01"}, "has passed"), ({"expires": "soon"}, "or 'never'"),
            ({"consent": "x", "expirse": "2999-01-01"}, "expirse"), ({}, "nothing to change"),
        ):  # fmt: skip
            refused = client.patch(f"{API}/people/{anna['id']}", json=given)
            assert (refused.status_code, said in refused.json()["detail"]) == (422, True), refused.json()
        assert client.patch(f"{API}/people/nobody", json=notes).status_code == 404
        client.delete(f"{API}/people/{anna['id']}?asked_by=Bob")
        line = client.get(f"{API}/journal").json()[-1]
        assert (line["action"], line["asked_by"]) == ("forget", "Bob")


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_the_gate_knows_who_can_reach_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, local: bool
) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(serve, "create_app", lambda service, **given: asked.append(given))
    monkeypatch.setattr(serve, "Service", lambda recognizer, limits: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(serve.uvicorn, "Config", lambda app, **given: given)
    monkeypatch.setattr(serve.uvicorn, "Server", lambda config: SimpleNamespace(run=lambda sockets: sockets[0].close()))
    recognizer, said = SimpleNamespace(cohort=None), list[str]()
    arguments: dict[str, Any] = {"host": host, "port": 0, "token_file": tmp_path / "token", "say": said.append}
    serve.serve(recognizer, false_positive_rate=0.2, limits=LIMITS, **arguments)  # type: ignore[arg-type]
    (given,) = asked
    assert given == {"token": (tmp_path / "token").read_text().strip(), "local": local}
    assert recognizer.false_positive_rate == 0.2
    assert any("not encrypted" in line for line in said) != local


def test_uploaded_videos_are_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Any] = []
    monkeypatch.setattr(worker, "Video", lambda path: SimpleNamespace(announced=1))
    monkeypatch.setattr(worker, "_segmenter", lambda entry: SimpleNamespace(LOOKS_FIRST=False))
    monkeypatch.setattr(worker, "walks", lambda frames, segmenter, **given: found.append(given) or [])
    worker._cut({"video": "v", "segmenter": {}}, None)  # type: ignore[arg-type]
    assert found == [{"judge": fault}]
