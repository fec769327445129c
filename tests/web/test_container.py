"""The Dockerfile does what docs/server.md says, as far as that can be checked without docker."""

import json
import re
from pathlib import Path

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


def test_everything_it_copies_is_here() -> None:
    for step, rest in STEPS:
        if step == "COPY":
            for name in rest.split()[:-1]:
                assert (ROOT / name).exists(), name
