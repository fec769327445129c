"""`walkprint train`: a network by a recipe; the same command goes on with a run that was stopped."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.words import BadWordsError, Summary, new_parser, parse, spelled_out
from walkprint.recipes.recipe import add_recipe, build_recipe
from walkprint.recipes.training import train
from walkprint.training.listeners import TensorBoard
from walkprint.training.run import RunFolder

EXAMPLE = "walkprint train recipes/walkers/gaitset_narrow.yaml --run runs/first --set schedule.steps=200"
_OWN = ("run", "accelerator", "devices", "nodes", "tensorboard", "fresh")


def main(words: Sequence[str]) -> Summary | None:
    """Carry out the words after `train`; of several processes only the first has something to report."""
    parser = new_parser(
        "train",
        "Train a network by a recipe: walkprint train RECIPE --run FOLDER [--SETTING VALUE ...]. Every setting of the "
        "recipe is an option as well; --set name=value is the same. Without RECIPE, go on with the run in FOLDER.",
        EXAMPLE,
    )
    parser.add_argument("--run", type=Path, required=True, help="Folder of the run.")
    parser.add_argument("--accelerator", type=str, default="auto", help="auto, cpu or cuda.")
    parser.add_argument("--devices", type=str, default="1", help="Processes on this machine, or auto.")
    parser.add_argument("--nodes", type=int, default=1, help="Machines; call the same on each.")
    parser.add_argument("--tensorboard", type=bool, default=False, help="Also write TensorBoard files.")
    parser.add_argument("--fresh", type=bool, default=False, help="Delete what is in the folder and begin anew.")
    add_recipe(parser)
    settings = parse(parser, recipe_first(spelled_out(words, ["tensorboard", "fresh"])))
    own = {name: settings.pop(name) for name in _OWN}
    result = train(
        build_recipe(parser, settings),
        own["run"],
        accelerator=own["accelerator"],
        devices=int(own["devices"]) if own["devices"].isdigit() else own["devices"],
        nodes=own["nodes"],
        listeners=[TensorBoard(own["run"] / "tensorboard")] if own["tensorboard"] else [],
        resume=not own["fresh"],
    )
    if not result.first:
        return None
    run = result.run.path
    loss = f", loss {result.numbers['loss']:.4g}" if "loss" in result.numbers else ""
    return Summary(
        {"run": str(run), "step": result.step, "numbers": dict(result.numbers)},
        f"{run}: {result.step} steps{loss}\nnext: walkprint embed --run {run} --out FILE.npz",
    )


def recipe_first(words: Sequence[str]) -> list[str]:
    """Words with the recipe as an option before all others, and `--set name=value` as `--name=value`."""
    left = list(words)
    named = bool(left) and not left[0].startswith("-")
    recipe = ["--recipe", left.pop(0)] if named else _recipe_of_run(left)
    return [*recipe, *sets_as_options(left)]


def sets_as_options(words: Sequence[str], prefix: str = "") -> list[str]:
    """Words with each `--set name=value` as `--name=value`, its name after `prefix`."""
    left, spelled = list(words), list[str]()
    while left:
        word = left.pop(0)
        if word != "--set":
            spelled.append(word)
            continue
        if not left or "=" not in left[0]:
            raise BadWordsError("--set takes name=value, say --set schedule.steps=200")
        while left and "=" in left[0] and not left[0].startswith("-"):
            spelled.append(f"--{prefix}{left.pop(0)}")
    return spelled


def _recipe_of_run(words: Sequence[str]) -> list[str]:
    """The recipe that an earlier call left in the folder of the run."""
    for i, word in enumerate(words):
        name, _, value = word.partition("=")
        if name == "--run":
            file = RunFolder(value or "".join(words[i + 1 : i + 2])).recipe
            return ["--recipe", str(file)] if file.is_file() else []
    return []
