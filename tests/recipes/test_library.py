"""Bundled files are found by their names, and advice is given about misspelt ones."""

from pathlib import Path

import pytest

from walkprint.core.errors import RecipeError
from walkprint.recipes import library
from walkprint.recipes.library import bundled, find_file, first_comment

ROOT = Path(__file__).resolve().parents[2]


def test_every_recipe_and_example_is_bundled() -> None:
    files = {path.resolve() for path in [*(ROOT / "recipes").rglob("*.yaml"), *(ROOT / "examples").glob("*.py")]}
    assert set(bundled().values()) == files
    assert list(bundled()) == sorted(bundled())
    assert {"walkers/gaitset_narrow", "kth/protocol", "examples/01_walkers"} <= set(bundled())


def test_every_bundled_file_says_what_it_is() -> None:
    assert all(len(first_comment(path)) > 10 for path in bundled().values())


@pytest.mark.parametrize("name", ["walkers/gaitset_narrow", "walkers/gaitset_narrow.yaml"])
def test_a_name_is_enough(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_file(name) == ROOT / "recipes" / "walkers" / "gaitset_narrow.yaml"
    own = Path("walkers/gaitset_narrow.yaml")
    own.parent.mkdir()
    own.write_text("# Mine.\n")
    assert find_file(own) == own, "a file in this folder counts more"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("walkers/gaitset_narow", "; did you mean walkers/gaitset_narrow?"),
        ("mnie.yaml", "; did you mean mine.yaml?"),
        ("xqzw", "; `recipes` lists those of the package"),
    ],
)
def test_a_misspelt_name(name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").touch()
    with pytest.raises(RecipeError) as caught:
        find_file(name)
    assert str(caught.value).endswith(advice)


def test_an_installed_package_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipes" / "mine").mkdir(parents=True)
    (tmp_path / "recipes" / "mine" / "one.yaml").touch()
    monkeypatch.setattr(library, "_INSTALLED", tmp_path)
    assert set(bundled()) == {"mine/one"}
