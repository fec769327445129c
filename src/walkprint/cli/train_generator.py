"""`walkprint train-generator`: a generator by a recipe; the same command goes on with a run that was stopped."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from walkprint.cli.progress import progress
from walkprint.cli.train import find_recipe
from walkprint.cli.verb import Summary

if TYPE_CHECKING:
    from walkprint.recipes.generator_recipe import GeneratorRecipe


def train_generator(
    recipe: str | None = None,
    *,
    run: Path,
    set: dict[str, Any] | None = None,
    accelerator: str = "auto",
    fresh: bool = False,
) -> Summary:
    """Train a generator of rare conditions by a recipe, or go on with a run.

    Args:
        recipe: a YAML file or a bundled recipe; `walkprint recipes` lists those. Without it, go on with the run.
        run: folder of the run.
        set: settings that replace those of the recipe, e.g. steps=2000 data.root=stores/mine; `walkprint explain
            GeneratorRecipe` lists them, `walkprint explain AEGuidedGAN` those of a class.
        accelerator: auto, cpu or cuda.
        fresh: delete what is in the folder and begin anew.

    Example:
        walkprint train-generator walkers/ae_guided --run runs/coats --set steps=2000
    """
    source = find_recipe(recipe, run)
    from walkprint.recipes.generator_recipe import load_generator_recipe
    from walkprint.recipes.training import train_generator as train_by

    loaded = load_generator_recipe(source, set)
    with progress("training", bar=False) as tell:
        listeners = [lambda step, numbers: tell(step, loaded.steps)]
        result = train_by(loaded, run, accelerator=accelerator, listeners=listeners, resume=not fresh)
    numbers = dict(result.numbers)
    found = " and ".join(f"{name} {numbers[name]:.2f}" for name in ("diversity", "labels") if name in numbers)
    beside = f", {found} of real frames'" if found else ""
    return Summary(
        {"run": str(run), "step": result.step, "numbers": numbers},
        f"{run}: {result.step} steps{beside}\nnext: {next_command(loaded, run)}",
    )


def next_command(recipe: "GeneratorRecipe", run: Path) -> str:
    """The `walkprint expand` that fills up each learned condition."""
    settings = [
        f"data.{name}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in recipe.data.init_args.items()
        if name != "root" and value is not None
    ]
    wanted = [f"{condition}={takes}" for condition, takes in recipe.wanted().items()]
    words = ["--data", str(recipe.data.root), *(["--set", *settings] if settings else []), "--run", str(run)]
    words += ["--wanted", *wanted, "--out", f"{recipe.data.root}-expanded"]
    return shlex.join(["walkprint", "expand", *words])
