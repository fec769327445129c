"""Sizes of studies: what is given counts more than --large and --quick."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from walkprint.cli import study
from walkprint.cli.words import Summary
from walkprint.studies import cloth_expansion, disentanglement, inter_class

MODULES = {"inter-class": inter_class, "cloth-expansion": cloth_expansion, "disentanglement": disentanglement}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the studies were asked to compute, in place of computing it."""
    found: dict[str, Any] = {}

    def note(cells: Any, compute: Any, report: Any, out: Any, shard: str, workers: int | None) -> Summary:
        found.update(
            seeds={cell.settings["seed"] for cell in cells},
            recipe=next(cell.settings["recipe"] for cell in cells if "recipe" in cell.settings),
            workers=workers,
            cells={cell.name for cell in cells},
        )
        return Summary({}, "")

    monkeypatch.setattr(study, "_carry_out", note)
    return found


@pytest.mark.parametrize("name", study.STUDIES)
def test_what_is_given_counts_more_than_quick(name: str, asked: dict[str, Any]) -> None:
    quick = MODULES[name].QUICK  # type: ignore[attr-defined]
    study.main([name, "--quick"])
    assert asked["seeds"] == set(range(quick["seeds"]))
    assert (asked["recipe"]["steps"], asked["recipe"]["frames"], asked["workers"]) == (
        quick["steps"],
        quick["frames"],
        1,
    )
    study.main([name, "--quick", "--seeds", "3", "--steps", "7", "--workers", "2"])  # three seeds are the usual ones
    assert asked["seeds"] == {0, 1, 2}
    assert (asked["recipe"]["steps"], asked["recipe"]["frames"], asked["workers"]) == (7, quick["frames"], 2)
    study.main([name, "--steps", "7"])
    assert (asked["recipe"]["steps"], asked["workers"]) == (7, None)
    assert asked["recipe"]["frames"] != quick["frames"]


def test_what_is_given_counts_more_than_large(asked: dict[str, Any]) -> None:
    words = ["cloth-expansion", "--large", "--parts", "[recognition]"]
    large = cloth_expansion.LARGE
    for given, steps in (([], large["steps"]), (["--steps", "500"], 500), (["--steps", "300"], 300)):
        study.main([*words, *given])
        assert asked["recipe"]["steps"] == steps
        assert asked["recipe"]["data"]["people"]["subjects"] == large["subjects"]
        assert asked["recipe"]["data"]["people"]["views"] == list(large["views"])
        assert asked["workers"] is None


@pytest.mark.parametrize("name", study.STUDIES)
def test_called_in_python_a_study_heeds_its_flags(name: str, asked: dict[str, Any], tmp_path: Path) -> None:
    study.main([name, "--quick"])
    expected = dict(asked)
    study.STUDIES[name](out=tmp_path, quick=True)
    assert asked == expected
    study.STUDIES[name](out=tmp_path, quick=True, steps=7)
    assert (asked["recipe"]["steps"], asked["workers"]) == (7, 1)


def test_a_study_needs_no_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    def count(*, seeds: int = 3) -> Summary:
        return Summary({}, str(seeds))

    monkeypatch.setitem(study.STUDIES, "own", count)
    assert (study.main(["own"]).text, study.main(["own", "--seeds", "2"]).text) == ("3", "2")


@pytest.mark.parametrize(
    ("words", "people"),
    [
        ([], 6),
        (["--rare", "quarter"], 8),
        (["--coats", "[2,eighth]"], 14),
        (["--subjects", "30", "--rare", "half"], 30),
    ],
)
def test_quick_takes_people_enough_for_rare_coats(words: list[str], people: int, asked: dict[str, Any]) -> None:
    study.main(["cloth-expansion", "--quick", *words])
    assert asked["recipe"]["data"]["people"]["subjects"] == people


FILES = sorted((Path(__file__).parents[2] / "recipes/studies").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipes_of_studies_ask_for_rare_coats(path: Path, asked: dict[str, Any]) -> None:
    study.main(["cloth-expansion", "--config", str(path)])
    given = yaml.safe_load(path.read_text())
    assert asked["seeds"] == {0, 1, 2}
    assert asked["recipe"]["steps"] == given.get("steps", 300)
    assert (asked["recipe"]["data"]["coats"], asked["recipe"]["data"]["wanted"]) == ("eighth", given.get("wanted", 6))
    assert asked["recipe"].get("precision", "32-true") == ("bf16-mixed" if given.get("bf16") else "32-true")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipes_of_studies_have_a_quick_plan(path: Path, asked: dict[str, Any]) -> None:
    given = yaml.safe_load(path.read_text())
    study.main(["cloth-expansion", "--config", str(path), "--quick"])
    recipe, quick = asked["recipe"], cloth_expansion.QUICK
    assert (asked["seeds"], recipe["data"]["coats"], recipe["data"]["people"]["subjects"]) == ({0}, "eighth", 14)
    assert recipe["steps"] == given.get("steps", quick["steps"])
    parts = {f"{part}-gaitset-ae-guided-seed0" for part in given["parts"]}
    assert parts <= asked["cells"]
    assert any("gaitpart" in name for name in asked["cells"]) is ("steps" not in given)  # long trainings of one network
