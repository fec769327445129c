"""Every command line that README, documentation, recipes and examples show fits its verb, and names what is bundled."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from walkprint.cli import VERBS, find_verb
from walkprint.recipes.library import bundled

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
    *bundled().values(),
]
_IN_BLOCK = re.compile(r"^\s*(?:# |# First: )?walkprint (.*)", re.MULTILINE)
_IN_PROSE = re.compile(r"(?<!`)`walkprint ([^`]*)`(?!`)")


def _commands(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Verb and words of each command line; those that only name a verb, or leave something out, do not count."""
    text = re.sub(r"\s*\\\n\s*", " ", path.read_text(encoding="utf-8"))
    for command in _IN_BLOCK.findall(text) + _IN_PROSE.findall(text):
        if "…" in command or "..." in command or "--help" in command:
            continue
        verb, *words = shlex.split(re.split(r"\s(?:\|\|?|>|&&|;)\s", command)[0], comments=True)
        if verb in VERBS and words:
            yield verb, words


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_documented_command_fits_its_verb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("walkprint.cli.verb.import_modules", lambda names: None)  # a reader's own module
    for verb, words in _commands(path):
        if "--config" in words:
            place = words.index("--config")
            assert words[place + 1] in bundled()
            del words[place : place + 2]
        options = find_verb(verb).options
        given = {word.removeprefix("--") for word in words if word.startswith("--")}
        assert given <= options.keys() | {"json", "import"}, f"walkprint {verb} {shlex.join(words)}"
        if {one.name for one in options.values() if one.required and not one.positional} <= given:
            find_verb(verb).parse(words)  # else prose shows a part of a command
        if verb in ("train", "train-generator") and re.fullmatch(r"[a-z_]+/[a-z_0-9]+", words[0]):
            assert words[0] in bundled()


def test_there_are_many() -> None:
    assert sum(len(list(_commands(path))) for path in PAGES) > 100
