"""The Dockerfile does what docs/server.md says, as far as that can be checked without docker."""

import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from walkprint.cli import find_verb

ROOT = Path(__file__).resolve().parents[2]
TEXT = re.sub(r"\\\n", "", (ROOT / "Dockerfile").read_text())
STEPS = [line.split(maxsplit=1) for line in TEXT.splitlines() if line and not line.startswith(("#", " "))]


def test_it_runs_as_a_user_without_rights_and_keeps_the_gallery_in_a_volume() -> None:
    users = [rest for step, rest in STEPS if step == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}
    assert f"useradd --system --uid 10001 --create-home {users[-1]}" in TEXT
    assert ["VOLUME", "/gallery"] in STEPS


def test_its_command_is_understood() -> None:
    (entry,) = [json.loads(rest) for step, rest in STEPS if step == "ENTRYPOINT"]
    assert entry[:2] == ["walkprint", "serve"]
    given, _ = find_verb("serve").parse(entry[2:])
    assert given["host"] == "0.0.0.0"
    assert given["gallery"].parent == given["token_file"].parent == Path("/gallery")


def test_its_health_check_asks_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/health" else 404)
            self.end_headers()

    (check,) = [json.loads(one) for one in re.findall(r"CMD (\[.*\])", TEXT)]
    assert check[0] == "python"
    server = HTTPServer(("127.0.0.1", 0), Healthy)
    command = [sys.executable, "-I", *check[1:-1], check[-1].replace(":8000/", f":{server.server_port}/")]
    assert f":{server.server_port}/" in command[-1]
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    assert subprocess.run(command, check=False).returncode == 0
    thread.join()
    server.server_close()
    assert subprocess.run(command, check=False).returncode == 1
    assert "refused" in capfd.readouterr().err


def test_everything_it_copies_is_here() -> None:
    for step, rest in STEPS:
        if step == "COPY":
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
