"""`walkprint expand`: from words to a store, a manifest and a sheet."""

import json
from pathlib import Path

import cv2
import pytest

from walkprint.cli import main
from walkprint.data.store import Store
from walkprint.data.walkers import Walkers

Captured = pytest.CaptureFixture[str]


def _words(store: Path, out: Path, *more: str) -> list[str]:
    return ["expand", "--data", "Walkers", "--data.root", str(store), "--wanted", "{cl: 4}", "--out", str(out), *more]


def test_something_simple(store: Path, tmp_path: Path, capsys: Captured) -> None:
    sheet = tmp_path / "sheets" / "s.png"
    expander = ["--expander", "NoiseInjection", "--expander.p", "0.1", "--seed", "3", "--sheet", str(sheet)]
    assert main([*_words(store, tmp_path / "more", *expander), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["name"], found["sequences"], found["seed"], found["missing"]) == ("NoiseInjection", 8, 3, [])
    more = Store.open(tmp_path / "more")
    assert len(more.generated) == 8  # two training subjects, two takes, two views
    assert {key.subject for key in more.generated} == set(Walkers(store).subjects("train"))
    assert cv2.imread(str(sheet)).shape[0] == 6 * 66 - 2  # of both subjects the source, the generated, a real take
    assert sum(int(more.lengths[more.index(key)]) for key in more.generated) == found["frames"]


def test_it_says_what_was_missing(store: Path, tmp_path: Path, capsys: Captured) -> None:
    words = _words(store, tmp_path / "more", "--expander", "Copying", "--wanted", "{cl: 3, hat: 1}")
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "4 sequences" in shown
    assert "nothing to start from: 001/hat" in shown


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ([], "either --run or --expander"),
        (["--expander", "Copying", "--run", "x"], "either --run or --expander"),
        (["--expander", "Copying", "--wanted", "cl"], "wanted"),
        (["--expander", "Copying", "--wanted", "{cl: 1}"], "nothing to make"),
        (["--expander", "subprocess.Popen"], "not allowed"),
        (["--run", "nowhere"], "nowhere"),
    ],
)
def test_refusals(store: Path, tmp_path: Path, capsys: Captured, more: list[str], message: str) -> None:
    assert main(_words(store, tmp_path / "more", *more)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("walkprint: error: ")
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert not (tmp_path / "more").exists()
