"""`walkprint train-generator`, and recipes of generators."""

import importlib
import json
import shlex
from pathlib import Path

import pytest
import yaml

from walkprint.cli import main
from walkprint.core.errors import NotImportedError, RecipeError
from walkprint.data.packed import Packed
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.base import GenerativeModel
from walkprint.generation.monitor import DiversityMonitor
from walkprint.recipes.classes import build, members
from walkprint.recipes.generator_recipe import load_generator_recipe
from walkprint.recipes.trained import load_generator

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [
    path for path in sorted((ROOT / "recipes").rglob("*.yaml")) if "generator" in yaml.safe_load(path.read_text())
]
NAMES = {"subjects": ["a", "b"], "conditions": ["cl", "nm"], "views": ["090"]}
SMALL = {"class_path": "AEGuidedGAN", "init_args": {"widths": [2, 2, 4, 4], "latent_size": 4}}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_generator_of_a_recipe_can_be_built(path: Path, store: Path) -> None:
    plain = yaml.safe_load(path.read_text())
    conditions = plain.get("conditions", NAMES["conditions"])
    made = build(GenerativeModel, plain["generator"], **{**NAMES, "conditions": conditions})
    known = {*conditions, getattr(made, "condition", conditions[0])}  # a draper's coats need not be recorded
    assert made.names.conditions == tuple(sorted(known))
    if "nm" not in conditions:  # of people who are not here: the same on walkers
        plain["conditions"], plain["generator"]["init_args"]["source_condition"] = ["cl", "nm"], "nm"
    data = {"root": str(store)}
    recipe = load_generator_recipe({**plain, "data": data})
    assert recipe.generator.source_condition in recipe.batches().names.conditions
    assert not {"subjects", "conditions", "views"} & set(recipe.record["generator"]["init_args"])


def test_there_is_one_for_each_benchmark() -> None:
    assert {"walkers", "casia_b"} <= {path.parent.name for path in RECIPES if path.stem == "ae_guided"}


@pytest.mark.filterwarnings("ignore:.*the generator collapses")
def test_a_run_by_words(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = {
        "generator": SMALL,
        "data": {"root": str(store)},
        "conditions": ["cl", "nm"],
        "steps": 4,
        "batch_size": 4,
        "least_diversity": 0.0,
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    run = tmp_path / "run"
    words = ["train-generator", str(tmp_path / "recipe.yaml"), "--run", str(run), "--accelerator", "cpu", "--json"]
    assert main([*words, "--set", "steps=10"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 10
    model = load_generator(run)
    assert model.names.conditions == ("cl", "nm")
    assert main(["train-generator", "--run", str(run), "--accelerator", "cpu", "--json"]) == 0, "goes on by its recipe"
    assert json.loads(capsys.readouterr().out) == {"run": str(run), "step": 10, "numbers": {}}
    assert main(words) == 2, "other steps are another recipe"


def test_the_summary_says_what_the_watch_found(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {"root": str(store)}
    recipe = {"generator": SMALL, "data": data, "conditions": ["cl", "nm"], "steps": 10, "batch_size": 4}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    words = ["train-generator", str(tmp_path / "recipe.yaml"), "--accelerator", "cpu", "--run"]
    for found, said in (({"diversity": 1.06, "labels": 0.974}, "diversity 1.06 and labels 0.97"), ({}, "10 steps\n")):
        monkeypatch.setattr(DiversityMonitor, "measure", lambda *_, found=found: found)
        assert main([*words, str(tmp_path / f"text-{len(found)}")]) == 0
        text = capsys.readouterr().out
        assert said in text
        assert ("of real frames'" in text) == bool(found)
        assert main([*words, str(tmp_path / f"json-{len(found)}"), "--json"]) == 0
        assert found.items() <= json.loads(capsys.readouterr().out)["numbers"].items()


@pytest.mark.filterwarnings("ignore:.*the generator collapses")
def test_the_next_command_can_be_run(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "own people"
    with StoreWriter(data) as writer:
        for key in Store.open(store).keys:
            writer.copy(Store.open(store), key)
    settings = {"root": str(data), "train": ["002", "001"], "gallery": "nm-01"}
    recipe = {"generator": SMALL, "data": settings, "steps": 10, "batch_size": 4}
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**recipe, "least_diversity": 0.0}))
    run = str(tmp_path / "run")
    words = ["train-generator", "--run", run, "--accelerator", "cpu"]
    assert main([*words[:1], str(tmp_path / "recipe.yaml"), *words[1:]]) == 0
    told = capsys.readouterr().out.splitlines()[-1].removeprefix("next: ")
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"next: {told}", "the same without the recipe"
    command = shlex.split(told)
    wanted = ["--wanted", "bg=6", "cl=6"]
    assert command == ["walkprint", "expand", "--run", run, *wanted, "--out", f"{data}-expanded"]
    assert main([*command[1:], "--cover", "--json"]) == 0  # so that of frames by so small a generator something is left
    assert json.loads(capsys.readouterr().out)["wanted"] == {"bg": 6, "cl": 6}
    assert {key.subject for key in Packed(f"{data}-expanded").generated} <= {"001", "002"}


@pytest.mark.parametrize(("wearers", "wanted"), [(0, 1), (1, 2), (2, 6)])
def test_what_is_wanted_depends_on_how_many_have_any(store: Path, tmp_path: Path, wearers: int, wanted: int) -> None:
    everybody, people = Store.open(store), ["001", "002", "003"]
    with StoreWriter(tmp_path / "scarce") as writer:
        for key in everybody.keys:
            if key.condition == "nm" or (key.condition == "cl" and key.subject in people[:wearers]):
                writer.copy(everybody, key)
    settings = {"root": str(tmp_path / "scarce"), "train": people}
    data = settings
    draper = {"class_path": "Draper", "init_args": {"widths": [4, 4, 8, 8]}}  # knows coats that nobody has
    made = load_generator_recipe({"generator": SMALL if wearers else draper, "data": data, "steps": 4})
    assert made.wanted() == {"cl": wanted}


def test_generators_by_class_path() -> None:
    assert "AEGuidedGAN" in members(GenerativeModel)
    dotted = {**SMALL, "class_path": "walkprint.generation.ae_guided.AEGuidedGAN"}
    assert build(GenerativeModel, dotted, **NAMES).names == build(GenerativeModel, SMALL, **NAMES).names
    for entry, match in (
        ({"class_path": "os.system"}, "expected one of"),
        ({}, "expected one of"),
        ({"class_path": "AEGuidedGAN", "init_args": {"width": 3}}, "width"),
    ):
        with pytest.raises(RecipeError, match=match):
            build(GenerativeModel, entry, **NAMES)


def test_wrong_recipes(store: Path) -> None:
    recipe = {"generator": SMALL, "data": {"root": str(store)}, "steps": 4}
    for changes, match in (
        ({"conditions": ["nm", "xx"]}, "xx not among"),
        ({"conditions": ["cl"]}, "source_condition is 'nm'"),
        ({"generator": {**SMALL, "init_args": {"width": 3}}}, "width"),
        ({"stepps": 3}, "stepps"),
    ):
        with pytest.raises(RecipeError, match=match):
            load_generator_recipe({**recipe, **changes})


def test_a_generator_of_another_module_is_found_once_that_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from walkprint.generation.acgan import ACGAN\n\n\nclass Own(ACGAN):\n    pass\n"
    (tmp_path / "generators_of_mine.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(NotImportedError, match="the module generators_of_mine is not imported"):
        build(GenerativeModel, {"class_path": "generators_of_mine.Own"}, **NAMES)
    importlib.import_module("generators_of_mine")
    model = build(GenerativeModel, {"class_path": "generators_of_mine.Own"}, **NAMES)
    assert type(model).__name__ == "Own"
