"""What the README and the documentation show is true: their Python runs, their verbs, recipes and links exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from walkprint import Walkers, cli, prepare
from walkprint.data.packed import Packed
from walkprint.generation.baselines import MorphologicalCoat
from walkprint.generation.expand import expand

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS]


def _blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), flags=re.DOTALL)


def test_the_readme_runs(tmp_path: Path) -> None:
    code = "\n".join(_blocks(ROOT / "README.md", "python"))
    assert code
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "rank-1 by probe view" in done.stdout


@pytest.mark.parametrize("name", ["types.md", "protocols.md", "studies.md"])
def test_python_in_the_documentation_runs(name: str, tmp_path: Path) -> None:
    for code in _blocks(ROOT / "docs" / name, "python"):
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_python_about_rare_conditions_tells_figures_where_one_in_four_has_coats(tmp_path: Path) -> None:
    scarce = Walkers(subjects=5, train=4, views=("090",), frames=4, takes={"nm": 2, "cl": 2}, scarce={"cl": 4})
    prepare(scarce, tmp_path / "scarce", workers=1)
    expand(Packed(tmp_path / "scarce"), MorphologicalCoat(), wanted={"cl": 2}, out=tmp_path / "stores" / "filled")
    (code,) = _blocks(ROOT / "docs" / "rare_conditions.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = {line.split()[0]: line.split(maxsplit=3)[1:] for line in done.stdout.splitlines()}
    assert list(told) == ["quality", "diversity", "novelty", "smoothness"]
    assert told.pop("quality")[:2] == ["None", "None"]
    for *figures, note in told.values():
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
