"""A generator's recipe: one complete training as YAML. Names of subjects, conditions and views come from the data."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from walkprint.core.bounds import Checked, Count, Fraction, OpenFraction, Positive, Seed
from walkprint.data.packed import Packed
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches
from walkprint.generation.labels import LabelNames
from walkprint.recipes.recipe import loop_settings, read_entry, recorded, training_keys
from walkprint.training.loop import Loop, Precision

_FACTORS = ("subjects", "conditions", "views")
FROM_DATA = tuple(f"generator.{factor}" for factor in _FACTORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRecipe(Checked):
    """One complete training run of a generator.

    Attributes:
        generator: the generator to train; subjects, conditions and views are filled in from the data.
        data: the packed store; only its training subjects are used.
        conditions: conditions to train on, the source among them; null for all conditions of the training subjects.
        batch_size: number of real frames in a batch, and of frames to generate from.
        steps: number of steps of all stages together.
        ema_decay: decay of a moving average of the weights, which is then saved in their place; null for none.
        clip_norm: largest norm of each phase's gradient; null for none.
        watch_every: steps between checks of the diversity of generated frames.
        least_diversity: training ends if the diversity falls below this fraction of that of real frames.
        log_every: steps between log lines.
        checkpoint_every: steps between checkpoints.
        checkpoint_minutes: also save a checkpoint if the last one is older than this; null for none.
        keep: number of checkpoints to keep.
        precision: precision of the computation: 32-true or bf16-mixed.
        channels_last: memory order of the weights; true is often faster.
        seed: seed of the first weights and of everything random.
        record: the recipe as plain data with every default spelled out, if it was read from a file; goes into the run
            folder.
    """

    generator: GenerativeModel
    data: Packed
    steps: Count
    conditions: list[str] | None = None
    batch_size: Count = 64
    ema_decay: OpenFraction | None = 0.999
    clip_norm: Positive | None = None
    watch_every: Count = 200
    least_diversity: Fraction = 0.05
    log_every: Count = 10
    checkpoint_every: Count = 500
    checkpoint_minutes: Positive | None = None
    keep: Count = 2
    precision: Precision = "32-true"
    channels_last: bool = False
    seed: Seed = 0
    record: Mapping[str, Any] | None = None

    def loop(self, *, accelerator: str = "auto", resume: bool = True) -> Loop:
        """The training loop of this recipe on this machine; the arguments are those of `Loop`."""
        return Loop(**loop_settings(self), accelerator=accelerator, resume=resume)

    def batches(self) -> FrameBatches:
        """The training frames.

        Raises:
            DataError: the data are no packed store, or there is no take of the source condition.
        """
        keys = training_keys(self.data, self.conditions)
        return FrameBatches(
            self.data.store(),
            keys,
            batch_size=self.batch_size,
            source_condition=self.generator.source_condition,
            seed=self.seed,
        )

    def wanted(self) -> dict[str, int]:
        """How many takes of each learned condition an expansion should aim at.

        Where most training subjects have no take of it, they get as many as the others, or one; where most have, each
        gets as many as of the source. Where the data have the source alone, others that the generator knows count.
        """
        takes: dict[str, Counter[str]] = {}
        for subject, condition, _ in {
            (key.subject, key.condition, key.take) for key in training_keys(self.data, self.conditions)
        }:
            takes.setdefault(condition, Counter())[subject] += 1
        most = {condition: max(counted.values()) for condition, counted in takes.items()}
        source, people = self.generator.source_condition, len(set().union(*takes.values()))
        others = set(most) - {source} or set(self.generator.names.conditions) - {source}
        return {
            name: most.get(name, 1) if 2 * len(takes.get(name, ())) < people else max(most[source], most[name] + 1)
            for name in sorted(others) or [source]
        }


def load_generator_recipe(
    source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None
) -> GeneratorRecipe:
    """A generator's recipe, built.

    Args:
        source: a YAML file, the name of a bundled recipe, or the recipe as plain data.
        changes: settings that replace those of the recipe, by dotted names such as "generator.latent_size".

    Raises:
        RecipeError: there is no such recipe, or a setting is unknown, missing or wrong.
    """
    entry = read_entry(GeneratorRecipe, source, changes, later=FROM_DATA)
    record, settings = recorded(entry), entry.settings
    dataset = settings["data"].build()
    names = LabelNames.of(training_keys(dataset, settings["conditions"]))
    settings["generator"].settings.update({factor: list(getattr(names, factor)) for factor in _FACTORS})
    torch.manual_seed(settings["seed"])
    settings["data"] = dataset
    recipe: GeneratorRecipe = entry.build()
    return replace(recipe, record=record)
