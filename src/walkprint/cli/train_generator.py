"""`walkprint train-generator`: a generator by a recipe; the same command goes on with a run that was stopped."""

import shlex
from pathlib import Path
from typing import Any

from walkprint.core.progress import progress
from walkprint.core.summary import Summary, counted
from walkprint.recipes.library import find_recipe


def train_generator(
    recipe: str | None = None,
    *,
    run: Path,
    set: dict[str, Any] | None = None,
    accelerator: str = "auto",
    fresh: bool = False,
) -> Summary:
    """Train a generator of rare conditions by a recipe, or resume a run.

    Args:
        recipe: a YAML file or a bundled recipe; `walkprint recipes` lists those. Without it, the run is resumed.
        run: folder of the run.
        set: settings that replace those of the recipe, e.g. steps=2000 data.root=stores/mine; `walkprint explain
            GeneratorRecipe` lists them, `walkprint explain AEGuidedGAN` those of a class.
        accelerator: auto, cpu or cuda.
        fresh: delete the run in the folder and start again.

    Example:
        walkprint train-generator walkers/ae_guided --run runs/coats --set steps=2000
    """
    source = find_recipe(recipe, run)
    from walkprint.recipes.generator_recipe import load_generator_recipe
    from walkprint.recipes.training import train_generator as train_by

    loaded = load_generator_recipe(source, set)
    with progress("training", bar=False) as on_progress:
        listeners = [lambda step, numbers: on_progress(step, loaded.steps)]
        result = train_by(loaded, run, accelerator=accelerator, listeners=listeners, resume=not fresh)
    numbers = dict(result.numbers)
    found = " and ".join(f"{name} {numbers[name]:.2f}" for name in ("diversity", "labels") if name in numbers)
    beside = f", {found} of real frames'" if found else ""
    beside = beside if numbers else "; it was finished before, so nothing was left to do"
    wanted = [f"{condition}={takes}" for condition, takes in loaded.wanted().items()]
    expand = ["walkprint", "expand", "--run", str(run), "--wanted", *wanted, "--out", f"{loaded.data.root}-expanded"]
    return Summary(
        {"run": str(run), "step": result.step, "numbers": numbers},
        f"{run}: {counted(result.step, 'step')}{beside}\nnext: {shlex.join(expand)}",
    )
