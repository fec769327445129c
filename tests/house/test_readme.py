"""What the README and the documentation show is true: their Python runs, their verbs, recipes and links exist."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from walkprint import Walkers, cli, prepare
from walkprint.data.packed import Packed
from walkprint.generation.baselines import MorphologicalCoat
from walkprint.generation.expand import expand

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
Run = Callable[[str], str]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), flags=re.DOTALL)


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs code in an empty folder and gives what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(code: str) -> str:
        exec(compile(code, "documentation", "exec"), {"__name__": "__main__"})
        return capsys.readouterr().out

    return run


def test_the_readme_runs(printed: Run) -> None:
    """With fewer people, which take a fraction of the time."""
    code = "\n".join(_blocks(ROOT / "README.md", "python"))
    assert code.count("subjects=10") == 1
    assert "rank-1 by probe view" in printed(code.replace("subjects=10", "subjects=4"))


@pytest.mark.parametrize("name", ["types.md", "protocols.md", "studies.md"])
def test_python_in_the_documentation_runs(name: str, printed: Run) -> None:
    blocks = _blocks(ROOT / "docs" / name, "python")
    assert blocks
    for code in blocks:
        printed(code)


def test_python_about_rare_conditions_gives_figures_where_one_in_four_has_coats(printed: Run, tmp_path: Path) -> None:
    scarce = Walkers(subjects=5, train=4, views=("090",), frames=4, takes={"nm": 2, "cl": 2}, scarce={"cl": 4})
    prepare(scarce, tmp_path / "scarce", workers=1)
    expand(Packed(tmp_path / "scarce"), MorphologicalCoat(), wanted={"cl": 2}, out=tmp_path / "stores" / "filled")
    (code,) = _blocks(ROOT / "docs" / "rare_conditions.md", "python")
    found = {line.split()[0]: line.split(maxsplit=3)[1:] for line in printed(code).splitlines()}
    assert list(found) == ["quality", "diversity", "novelty", "smoothness"]
    assert found.pop("quality")[:2] == ["None", "None"]
    for *figures, note in found.values():
        assert all(0 < float(one) < 1 for one in figures)
        assert note == "generated of 3 subjects, recordings of 1"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_name_verbs_and_recipes_that_exist(path: Path) -> None:
    text = path.read_text()
    commands = "\n".join(re.findall(r"```\n(.*?)```", text, flags=re.DOTALL))
    for verb in re.findall(r"^walkprint (\w+)", commands, flags=re.MULTILINE):
        assert verb in cli.VERBS
    for recipe in re.findall(r"recipes/[\w/]+\.yaml", text):
        assert (ROOT / recipe).is_file(), recipe
    for example in re.findall(r"examples/\w+\.py", text):
        assert (ROOT / example).is_file(), example


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target
    for page in re.findall(r"`(docs/[\w/]+\.md)`", path.read_text()):
        assert (ROOT / page).is_file(), page
