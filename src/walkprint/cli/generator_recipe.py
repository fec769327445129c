"""A generator's recipe: one complete training as YAML. Names of subjects, conditions and views come from the data."""

from argparse import ArgumentError
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

from walkprint.cli.recipe import import_families, plain_settings, training_keys
from walkprint.cli.words import BadWordsError, instantiate, new_parser, parse
from walkprint.core.errors import RecipeError
from walkprint.data.base import GaitDataset
from walkprint.generation.base import GenerativeModel
from walkprint.generation.batches import FrameBatches
from walkprint.generation.build import generator_classes
from walkprint.generation.labels import LabelNames
from walkprint.training.loop import Precision

_FROM_DATA = ("subjects", "conditions", "views")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRecipe:
    """Everything that decides what a generator learns.

    Attributes:
        generator: what is trained; subjects, conditions and views are filled in from the data.
        data: the data set; its root is a packed store, of which only training subjects are seen.
        conditions: those that are learned, one of which is the source; all that training subjects have when null.
        batch_size: real frames in a batch, and as many to generate from.
        steps: how many steps all stages take together.
        ema_decay: of a moving average of the weights, which is then what is saved, or null.
        clip_norm: largest norm of each phase's gradient, or null.
        watch_every: steps between looks at the diversity of generated frames.
        least_diversity: a diversity below this, as a part of that of real frames, ends the training.
        log_every: steps between log lines.
        checkpoint_every: steps between checkpoints.
        keep: how many checkpoints stay.
        precision: of the computation: 32-true or bf16-mixed.
        channels_last: memory order of the weights, often faster.
        seed: of the first weights and of everything random.
    """

    generator: GenerativeModel
    data: GaitDataset
    steps: int
    conditions: list[str] | None = None
    batch_size: int = 64
    ema_decay: float | None = 0.999
    clip_norm: float | None = None
    watch_every: int = 200
    least_diversity: float = 0.05
    log_every: int = 10
    checkpoint_every: int = 500
    keep: int = 2
    precision: Precision = "32-true"
    channels_last: bool = False
    seed: int = 0

    def batches(self) -> FrameBatches:
        """The training frames.

        Raises:
            DataError: the data are no packed store, or nobody walks in the source condition.
        """
        keys = training_keys(self.data, self.conditions)
        return FrameBatches(
            self.data.store(), keys, batch_size=self.batch_size, source=self.generator.source, seed=self.seed
        )


class NamesOfData:
    """Fills the names that a generator needs in from the data; `conditions` is set once the settings are parsed."""

    conditions: Sequence[str] | None = None

    def link(self, parser: ArgumentParser) -> None:
        """Let a parser do so while it builds what the settings describe."""
        for factor in _FROM_DATA:
            parser.link_arguments("data", f"generator.init_args.{factor}", self._reader(factor), apply_on="instantiate")

    def _reader(self, factor: str) -> Callable[[GaitDataset], list[str]]:
        def names(data: GaitDataset) -> list[str]:
            return list(getattr(LabelNames.of(training_keys(data, self.conditions)), factor))

        names.__name__ = f"{factor}_of"  # what --help shows
        return names


def add_generator_recipe(parser: ArgumentParser) -> NamesOfData:
    """Let a parser understand generators' recipes: a file by `--recipe`, and each setting as an option."""
    import_families()
    generator_classes()
    parser.add_argument("--recipe", action="config", help="A YAML file; options after it override its settings.")
    parser.add_class_arguments(GeneratorRecipe, sub_configs=False)
    names = NamesOfData()
    names.link(parser)
    return names


def build_generator_recipe(
    parser: ArgumentParser, settings: Namespace, names_of_data: NamesOfData
) -> tuple[GeneratorRecipe, dict[str, Any]]:
    """Build what the settings describe, the first weights drawn from its seed.

    Returns:
        The recipe, and the same as plain data with every default spelled out.
    """
    names_of_data.conditions = settings["conditions"]
    names = list(GeneratorRecipe.__dataclass_fields__)
    plain = {name: plain_settings(settings[name]) for name in names}
    for factor in _FROM_DATA:
        plain["generator"]["init_args"].pop(factor)
    torch.manual_seed(settings["seed"])
    built = instantiate(parser, settings)
    arguments = plain["data"]["init_args"]
    arguments |= {name: one for name, one in plain_settings(built["data"].settings).items() if name in arguments}
    return GeneratorRecipe(**{name: built[name] for name in names}), plain


def load_generator_recipe(source: str | Path | Mapping[str, Any]) -> tuple[GeneratorRecipe, dict[str, Any]]:
    """The recipe in a file, or spelled as plain data; otherwise as `build_generator_recipe`.

    Raises:
        RecipeError: the file is missing, or a setting is unknown, missing or wrong.
    """
    parser = new_parser("train-generator", "", "")
    names = add_generator_recipe(parser)
    try:
        if isinstance(source, Mapping):
            return build_generator_recipe(parser, parser.parse_object(dict(source)), names)
        return build_generator_recipe(parser, parse(parser, ["--recipe", str(source)]), names)
    except (ArgumentError, BadWordsError) as error:
        raise RecipeError(f"{'recipe' if isinstance(source, Mapping) else source}: {error}") from error
