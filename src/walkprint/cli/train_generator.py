"""`walkprint train-generator`: a generator by a recipe; the same command goes on with a run that was stopped."""

import inspect
import json
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from walkprint.cli.train import recipe_first
from walkprint.cli.words import Summary, new_parser, parse, spelled_out
from walkprint.data.base import GaitDataset
from walkprint.recipes.generator_recipe import GeneratorRecipe, add_generator_recipe, build_generator_recipe
from walkprint.recipes.recipe import plain_settings, training_keys
from walkprint.recipes.train import train_generator

EXAMPLE = "walkprint train-generator recipes/walkers/ae_guided.yaml --run runs/coats --set steps=2000"
_OWN = ("run", "accelerator", "fresh")


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `train-generator`."""
    parser = new_parser(
        "train-generator",
        "Train a generator of rare conditions by a recipe: walkprint train-generator RECIPE --run FOLDER "
        "[--SETTING VALUE ...]. Every setting of the recipe is an option as well; --set name=value is the same. "
        "Without RECIPE, go on with the run in FOLDER.",
        EXAMPLE,
    )
    parser.add_argument("--run", type=Path, required=True, help="Folder of the run.")
    parser.add_argument("--accelerator", type=str, default="auto", help="auto, cpu or cuda.")
    parser.add_argument("--fresh", type=bool, default=False, help="Delete what is in the folder and begin anew.")
    names = add_generator_recipe(parser)
    settings = parse(parser, recipe_first(spelled_out(words, ["fresh"])))
    own = {name: settings.pop(name) for name in _OWN}
    recipe = build_generator_recipe(parser, settings, names)
    result = train_generator(recipe, own["run"], accelerator=own["accelerator"], resume=not own["fresh"])
    run, numbers = result.run.path, dict(result.numbers)
    found = " and ".join(f"{name} {numbers[name]:.2f}" for name in ("diversity", "labels") if name in numbers)
    beside = f", {found} of real frames'" if found else ""
    return Summary(
        {"run": str(run), "step": result.step, "numbers": numbers},
        f"{run}: {result.step} steps{beside}\nnext: {next_command(recipe, run)}",
    )


def next_command(recipe: GeneratorRecipe, run: Path) -> str:
    """The `walkprint expand` that fills up each learned condition.

    Where most have no take of it, they get as many as the others; where most have, everybody as many as of the source.
    """
    takes: dict[str, Counter[str]] = {}
    for subject, condition, _ in {
        (key.subject, key.condition, key.take) for key in training_keys(recipe.data, recipe.conditions)
    }:
        takes.setdefault(condition, Counter())[subject] += 1
    most = {condition: max(counted.values()) for condition, counted in takes.items()}
    source = recipe.generator.source
    rare = sorted(set(most) - {source}) or [source]
    people = len(set().union(*takes.values()))
    wanted = {
        condition: most[condition] if 2 * len(takes[condition]) < people else max(most[source], most[condition] + 1)
        for condition in rare
    }
    out = f"{recipe.data.store().path}-expanded"
    words = ["--run", str(run), "--wanted", json.dumps(wanted, ensure_ascii=False), "--out", out]
    return shlex.join(["walkprint", "expand", *_data_words(recipe.data, (recipe.record or {})["data"]), *words])


def _data_words(data: GaitDataset, plain: Mapping[str, Any]) -> list[str]:
    """The options that open the same data set, without those that its store knows or that are usual."""
    kind, given = type(data), plain["init_args"]
    parameters = inspect.signature(kind).parameters
    needed = {name for name, one in parameters.items() if one.default is one.empty} | {"root"}
    usual = {name: one.default for name, one in parameters.items()}
    usual |= plain_settings(kind(**{name: one for name, one in given.items() if name in needed}).settings)
    name = kind.__name__ if kind.__module__.startswith("walkprint.") else plain["class_path"]
    words = ["--data", name]
    for setting, value in given.items():
        if setting in needed or value != usual.get(setting):
            words += [f"--data.{setting}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return words
