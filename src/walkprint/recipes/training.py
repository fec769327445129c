"""Training by a recipe: what a recipe says goes whole into the one training loop."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from walkprint.generation.monitor import DiversityMonitor
from walkprint.losses.weighted import WeightedLosses
from walkprint.recipes.earlier import current_recipe
from walkprint.recipes.fine_tuning import by_layer, freeze, take_weights
from walkprint.recipes.generator_recipe import GeneratorRecipe
from walkprint.recipes.recipe import Recipe
from walkprint.training.fit import FitResult, fit
from walkprint.training.fit_generator import GeneratorResult, fit_generator
from walkprint.training.listeners import Listener
from walkprint.training.loop import Resident
from walkprint.training.run import RunFolder


def train(
    recipe: Recipe,
    run: str | Path,
    *,
    init: str | Path | None = None,
    accelerator: str = "auto",
    devices: int | str = 1,
    nodes: int = 1,
    resident: Resident = "auto",
    compile: bool = False,
    listeners: Sequence[Listener] = (),
    resume: bool = True,
) -> FitResult:
    """Train a network by a recipe.

    Args:
        recipe: what to train on what; see `load_recipe`.
        run: the run folder.
        init: in place of the recipe's own.
        accelerator, devices, nodes, resident, compile, resume: see `Loop`.
        listeners: see `fit`.

    Raises:
        RecipeError: a layer is not there, and as in `fit`.
        CheckpointError: nothing of `init` fits, and as in `fit`.
    """
    if init is not None:
        record = None if recipe.record is None else {**recipe.record, "init": str(init)}
        recipe = replace(recipe, init=str(init), record=record)
    freeze(recipe.network, recipe.freeze or ())
    optimizer = by_layer(recipe.network, recipe.optimizer, recipe.groups or {})
    if recipe.init is not None and not (resume and any(RunFolder(run).checkpoints.glob("*.safetensors"))):
        taken = take_weights(recipe.network, recipe.init)
        if os.environ.get("LOCAL_RANK", "0") == os.environ.get("NODE_RANK", "0") == "0":
            sys.stderr.write(f"walkprint: {taken.to_text()}\n")
    return fit(
        recipe.network,
        WeightedLosses(recipe.losses, recipe.loss_weights),
        recipe.batches(),
        optimizer,
        recipe.loop(
            accelerator=accelerator, devices=devices, nodes=nodes, resident=resident, compile=compile, resume=resume
        ),
        RunFolder(run, recipe.record, current_recipe),
        scheduler=recipe.scheduler,
        listeners=listeners,
    )


def train_generator(
    recipe: GeneratorRecipe,
    run: str | Path,
    *,
    accelerator: str = "auto",
    listeners: Sequence[Listener] = (),
    resume: bool = True,
) -> GeneratorResult:
    """Train a generator by a recipe.

    Args:
        recipe: what to train on what; see `load_generator_recipe`.
        run: the run folder.
        accelerator, resume: see `Loop`.
        listeners: see `fit_generator`.
    """
    return fit_generator(
        recipe.generator,
        recipe.batches(),
        recipe.loop(accelerator=accelerator, resume=resume),
        RunFolder(run, recipe.record, current_recipe),
        watch=DiversityMonitor(every=recipe.watch_every, stop_below=recipe.least_diversity),
        listeners=listeners,
    )
