"""`walkprint train-generator`: a generator by a recipe; the same command goes on with a run that was stopped."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.train import recipe_first
from walkprint.cli.words import Summary, new_parser, parse, spelled_out
from walkprint.data.packed import Packed
from walkprint.recipes.generator_recipe import GeneratorRecipe, add_generator_recipe, build_generator_recipe
from walkprint.recipes.recipe import training_keys
from walkprint.recipes.training import train_generator

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
    return shlex.join(["walkprint", "expand", *_data_words(recipe.data), *words])


def _data_words(data: Packed) -> list[str]:
    """The options that open the same data set."""
    words = ["--data", str(data.root)]
    for setting, value in data.init_args.items():
        if setting != "root" and value is not None:
            words += [f"--data.{setting}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return words
