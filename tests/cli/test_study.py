"""Sizes of studies: what is given counts more than --large and --quick."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from walkprint.cli import main
from walkprint.recipes.library import bundled
from walkprint.studies import cloth_expansion, disentanglement, fine_tuning, inter_class, recorded_people, run
from walkprint.studies.recorded_people import RecordedPeople

MODULES = {
    "inter-class": inter_class,
    "cloth-expansion": cloth_expansion,
    "disentanglement": disentanglement,
    "fine-tuning": fine_tuning,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the studies were asked to compute, in place of computing it."""
    found: dict[str, Any] = {}

    def note(name: str, study: Any, out: Path, *, workers: int | None, **_: Any) -> Any:
        cells = study.cells()
        found.update(
            seeds={cell.settings["seed"] for cell in cells},
            recipe=next(cell.settings["recipe"] for cell in cells if "recipe" in cell.settings),
            workers=workers,
            cells={cell.name for cell in cells},
        )
        page = SimpleNamespace(tables=[], to_text=str)
        return run.Result(page, out, 0, len(cells))

    monkeypatch.setattr(run, "run_study", note)
    return found


def _study(*words: str) -> None:
    assert main(["study", *words]) == 0


@pytest.mark.parametrize("name", run.STUDIES)
def test_what_is_given_counts_more_than_quick(name: str, asked: dict[str, Any]) -> None:
    quick = MODULES[name].QUICK  # type: ignore[attr-defined]
    _study(name, "--quick")
    assert asked["seeds"] == set(range(quick["seeds"]))
    assert (asked["recipe"]["steps"], asked["recipe"]["frames"], asked["workers"]) == (
        quick["steps"],
        quick["frames"],
        1,
    )
    _study(name, "--quick", "--set", "seeds=3", "steps=7", "--workers", "2")  # three seeds are the default
    assert asked["seeds"] == {0, 1, 2}
    assert (asked["recipe"]["steps"], asked["recipe"]["frames"], asked["workers"]) == (7, quick["frames"], 2)
    _study(name, "--set", "steps=7")
    assert (asked["recipe"]["steps"], asked["workers"]) == (7, None)
    assert asked["recipe"]["frames"] != quick["frames"]


def test_what_is_given_counts_more_than_large(asked: dict[str, Any]) -> None:
    words = ["cloth-expansion", "--large", "--set", "sections=[recognition]"]
    large = cloth_expansion.LARGE
    for given, steps in (([], large["steps"]), (["steps=500"], 500), (["steps=300"], 300)):
        _study(*words, *given)
        assert asked["recipe"]["steps"] == steps
        assert asked["recipe"]["data"]["people"]["subjects"] == large["subjects"]
        assert asked["recipe"]["data"]["people"]["views"] == list(large["views"])
        assert asked["workers"] is None


@pytest.mark.parametrize("name", run.STUDIES)
def test_in_python_a_study_is_the_same(name: str, asked: dict[str, Any]) -> None:
    _study(name, "--quick", "--set", "steps=7")
    expected = asked["cells"], asked["recipe"]
    study = run.build_study(*run.find_study(name, {"steps": 7}), quick=True)
    cells = study.cells()
    recipe = next(cell.settings["recipe"] for cell in cells if "recipe" in cell.settings)
    assert ({cell.name for cell in cells}, recipe) == expected


@pytest.mark.parametrize(
    ("words", "people"),
    [
        ([], 6),
        (["rare=quarter"], 8),
        (['coats=["2",eighth]'], 14),
        (["subjects=30", "rare=half"], 30),
    ],
)
def test_quick_takes_people_enough_for_rare_coats(words: list[str], people: int, asked: dict[str, Any]) -> None:
    _study("cloth-expansion", "--quick", *(["--set", *words] if words else []))
    assert asked["recipe"]["data"]["people"]["subjects"] == people


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["inter-clas"], "did you mean inter-class?"),
        (["studies/rare_coat"], "did you mean studies/rare_coats?"),
        (["mine.yaml"], "mine.yaml: study is 'rare'; expected inter-class or"),
        (["inter-class", "--set", "sedes=3"], "has no setting sedes; did you mean seeds?"),
        (["inter-class", "--set", "seeds=few"], "seeds: expected a whole number, found few"),
        (["inter-class", "--set", "protocol=none.yaml"], "none.yaml: no such file"),
        (["inter-class", "--set", "real=masks"], "masks: no such file or folder"),
        (["inter-class", "--large"], "study inter-class: has no large size"),
        (["inter-class", "--share", "2"], "share is 2; expected i/n"),
        (["inter-class", "--seeds", "2"], "no option --seeds"),
    ],
)
def test_refusals(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("study: rare")
    assert main(["study", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_bundled_protocol_is_read(asked: dict[str, Any], tmp_path: Path) -> None:
    words = ["sections=[real]", f"real={tmp_path}", "protocol=kth/protocol", "networks=[GaitSet]"]
    name, given = run.find_study("inter-class", dict(word.split("=") for word in words))
    assert given["protocol"] == bundled()["kth/protocol"]
    assert run.build_study(name, given).protocol.name == "kth-outdoor-gallery"


PEOPLE = RecordedPeople((2,) * 74, 50, fingerprint="0", rendered=False)
FILES = sorted((Path(__file__).parents[2] / "recipes/studies").glob("rare_*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipes_of_studies_ask_for_rare_coats(path: Path, asked: dict[str, Any]) -> None:
    _study(str(path))
    given = yaml.safe_load(path.read_text())
    assert asked["seeds"] == {0, 1, 2}
    assert asked["recipe"]["steps"] == given.get("steps", 300)
    assert (asked["recipe"]["data"]["coats"], asked["recipe"]["data"]["wanted"]) == ("eighth", given.get("wanted", 6))
    assert asked["recipe"].get("precision", "32-true") == ("bf16-mixed" if given.get("bf16") else "32-true")


@pytest.mark.parametrize(("name", "coats"), [("rivals", "eighth"), ("realistic", "rcc"), ("original", "2")])
def test_protocols_of_coats_are_recipes(name: str, coats: str, asked: dict[str, Any]) -> None:
    _study(f"studies/coats_{name}")
    assert asked["recipe"]["data"]["coats"] == coats
    assert any("draper-covering" in cell for cell in asked["cells"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_recipes_of_studies_have_a_quick_plan(path: Path, asked: dict[str, Any]) -> None:
    given = yaml.safe_load(path.read_text())
    _study(f"studies/{path.stem}", "--quick")
    recipe, quick = asked["recipe"], cloth_expansion.QUICK
    assert (asked["seeds"], recipe["data"]["coats"], recipe["data"]["people"]["subjects"]) == ({0}, "eighth", 14)
    assert recipe["steps"] == quick["steps"]
    named = {f"{section}-gaitset-ae-guided-seed0" for section in given["sections"]}
    assert named <= asked["cells"]
    assert any("gaitpart" in name for name in asked["cells"])


@pytest.mark.parametrize("rendered", [True, False])
@pytest.mark.usefixtures("asked")
def test_rendered_people_in_a_store_are_synthetic(
    rendered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in (cloth_expansion, recorded_people):
        monkeypatch.setattr(module, "recorded_people", lambda store: replace(PEOPLE, rendered=rendered))
    changes = [f"store={tmp_path}", "wanted=2", "rare=half", "variants=[original]", "sections=[recognition]"]
    _study("cloth-expansion", "--quick", "--json", "--set", *changes)
    assert json.loads(capsys.readouterr().out)["synthetic"] is rendered


EVERY_FILE = sorted((Path(__file__).parents[2] / "recipes/studies").glob("*.yaml"))


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: path.stem)
def test_every_recipe_of_a_study_is_tiny_if_quick(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloth_expansion, "recorded_people", lambda store: PEOPLE)
    name, given = run.find_study(str(path), {}, quick=True)
    study, quick = run.build_study(name, given, quick=True), MODULES[name].QUICK  # type: ignore[attr-defined]
    cells = study.cells()
    assert {cell.settings["seed"] for cell in cells} == set(range(quick["seeds"]))
    assert {cell.settings["recipe"]["steps"] for cell in cells if "recipe" in cell.settings} <= {quick["steps"]}
    assert study.subjects <= 26
    chosen = set(yaml.safe_load(path.read_text())) & {"networks", "variants", "sections", "losses", "coats", "rare"}
    assert all(list(getattr(study, one)) == list(given[one]) for one in chosen)
