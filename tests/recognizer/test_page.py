"""README, docs/recognizer.md and docs/video.md: their commands and Python run on videos of rendered people."""

import re
import shlex
from pathlib import Path

import pytest
from benchmarks._street import street
from tests.recognizer.people import Pooling, clips, strangers
from tests.video.films import film

from walkprint import Walkers, cli
from walkprint.core.sequence import SequenceKey
from walkprint.recognizer import calibrate
from walkprint.recognizer import recognizer as room

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "recognizer.md"


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """anna.mp4 and ben.mp4, each from left to right; hall.mp4, Anna once more."""
    folder = tmp_path_factory.mktemp("films")
    walkers = Walkers(subjects=2, frames=24)
    for name, subject, take in (("anna", "001", "01"), ("ben", "002", "01"), ("hall", "001", "02")):
        shown = street(
            walkers, [SequenceKey(subject, "nm", take, "090")], height_px=160, width_px=240, person=0.7,
            paths=[(0.25, 0.7)], feet=(0.88,),
        )  # fmt: skip
        film(folder / f"{name}.mp4", [frame for frame, _ in shown])
    return folder


def _commands(path: Path) -> list[list[str]]:
    blocks = "\n".join(re.findall(r"```\n(.*?)```", path.read_text(), flags=re.DOTALL))
    found = [shlex.split(line, comments=True)[1:] for line in blocks.splitlines() if line.startswith("walkprint ")]
    return [words for words in found if words[0] in {"enroll", "identify", "gallery"}]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that only pools, in place of the trained one."""
    monkeypatch.setattr(room, "load_network", lambda _: Pooling())
    monkeypatch.setattr(room, "find_or_make", lambda *_: strangers())


@pytest.mark.parametrize("page", [ROOT / "README.md", PAGE], ids=lambda page: page.name)
def test_the_commands_run(
    page: Path, films: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for file in films.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    passing = [clips(f"{number:03d}")[0] for number in range(1, 7)]
    for site in ("hall.site", "door.site"):  # the page's own have days of videos
        calibrate(passing, Pooling()).save(site)
    commands = _commands(page)
    assert [words[0] for words in commands][:3] == ["enroll", "enroll", "identify"]
    for words in commands:
        assert cli.main(words) == 0, capsys.readouterr().err
    said = capsys.readouterr().out
    assert "Anna  1 walk," in said
    assert re.search(r"hall.mp4 .* person 1  1 walk  .*score \S+, threshold \S+, probability", said)


def test_the_python_runs(films: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in films.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    assert blocks
    names: dict[str, object] = {}
    for code in blocks:
        exec(compile(code, str(PAGE), "exec"), names)
    assert Path("named.mp4").stat().st_size > 1000
    assert Path("people.gallery").is_file()


def test_the_python_about_videos_runs(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first block of docs/video.md; the second leaves the mask out."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "walk.mp4").write_bytes((films / "anna.mp4").read_bytes())
    code, _ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "video.md").read_text(), flags=re.DOTALL)
    exec(compile(code, "docs/video.md", "exec"), {})
    assert "1 right (" in capsys.readouterr().out
    assert Path("seen.mp4").stat().st_size > 1000
