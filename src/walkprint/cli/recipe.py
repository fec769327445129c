"""A recipe: one complete training run as YAML; class paths for parts, constructor arguments for their settings.

A class of walkprint may be named by its last part (`GaitSet`), any other by its dotted path. Only classes of the right
family are admitted, and an unknown setting is an error before anything is built.
"""

import importlib
import pkgutil
import sys
from argparse import ArgumentError
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace

import walkprint.data
import walkprint.losses
import walkprint.networks
from walkprint.cli.words import BadWordsError, new_parser, parse, with_nearest_name
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.core.spelling import nearest
from walkprint.data.augment import Augmentation
from walkprint.data.base import GaitDataset
from walkprint.data.frames import FrameChooser
from walkprint.data.loading import TrainingBatches
from walkprint.data.sampling import EvenConditions, SubjectSampler
from walkprint.losses.base import Loss
from walkprint.networks.base import Network
from walkprint.training.learner import MakeOptimizer
from walkprint.training.loop import Precision
from walkprint.training.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, in which batches, and what is kept on the way.

    Attributes:
        steps: how many steps training takes.
        subjects_per_batch: different subjects in a batch.
        clips_per_subject: clips of each of them.
        even_conditions: draw a subject's clips from all its conditions alike, however rare one is.
        accumulate: batches whose gradients are averaged in one step.
        clip_norm: largest norm of the gradient, or null.
        ema_decay: of a moving average of the weights, which is then what is saved, or null.
        log_every: steps between log lines.
        checkpoint_every: steps between checkpoints.
        keep: how many checkpoints stay.
    """

    steps: int
    subjects_per_batch: int
    clips_per_subject: int
    even_conditions: bool = False
    accumulate: int = 1
    clip_norm: float | None = None
    ema_decay: float | None = None
    log_every: int = 10
    checkpoint_every: int = 1000
    keep: int = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides what is learned.

    Attributes:
        network: what is trained; `num_subjects` is written out and checked against the data.
        losses: by names of your choice; their weighted sum is minimized.
        loss_weights: by the same names; 1 where a name is absent.
        data: the data set; its root is a packed store.
        conditions: those that are learned; all that training subjects have when null.
        frames: which frames of a sequence a training clip takes.
        augmentations: applied to every training clip, in this order.
        optimizer: of torch, or your own.
        scheduler: of the learning rate, or null for a constant one.
        schedule: how long, in which batches.
        precision: of the computation: 32-true, bf16-mixed or 16-mixed.
        channels_last: memory order of the weights, often faster.
        seed: of the first weights and of everything random.
    """

    network: Network
    losses: dict[str, Loss]
    data: GaitDataset
    frames: FrameChooser
    optimizer: MakeOptimizer
    schedule: Plan
    conditions: list[str] | None = None
    loss_weights: dict[str, float] | None = None
    augmentations: list[Augmentation] = field(default_factory=list)
    scheduler: Schedule | None = None
    precision: Precision = "32-true"
    channels_last: bool = False
    seed: int = 0

    def batches(self) -> TrainingBatches:
        """The training batches.

        Raises:
            DataError: the data are no packed store, or nobody trains.
            RecipeError: network and frames do not fit together, or a condition does not occur.
        """
        if self.network.ordered and not self.frames.ordered:
            raise RecipeError(
                f"frames: {type(self.frames).__name__} mixes the order of frames, which {type(self.network).__name__} "
                "heeds; choose Contiguous or OrderedWindow"
            )
        sampler = EvenConditions if self.schedule.even_conditions else SubjectSampler
        return TrainingBatches(
            self.data.store(),
            training_keys(self.data, self.conditions),
            chooser=self.frames,
            sampler=sampler(self.schedule.subjects_per_batch, self.schedule.clips_per_subject),
            augmentations=self.augmentations,
            seed=self.seed,
            width_px=self.network.width_px,
        )


def training_keys(data: GaitDataset, conditions: Sequence[str] | None) -> list[SequenceKey]:
    """The sequences of the training subjects in some conditions, or in all.

    Raises:
        RecipeError: a condition does not occur among them, or none is named.
    """
    keys = data.keys("train")
    found = {key.condition for key in keys}
    if conditions is not None and not conditions:
        raise RecipeError(f"conditions: none is named, expected some of {', '.join(sorted(found))}, or null for all")
    unknown = sorted(set(conditions or ()) - found)
    if unknown:
        raise RecipeError(
            f"conditions: {', '.join(unknown)} not among those of the training subjects, "
            f"{', '.join(sorted(found)) or 'of whom there are none'}{nearest(unknown[0], found)}"
        )
    return [key for key in keys if conditions is None or key.condition in conditions]


def import_families() -> None:
    """Load all networks, losses and data sets, so that they can be named briefly; own ones may lie in this folder."""
    for room in (walkprint.data, walkprint.losses, walkprint.networks):
        for module in pkgutil.iter_modules(room.__path__, room.__name__ + "."):
            importlib.import_module(module.name)
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def add_recipe(parser: ArgumentParser) -> None:
    """Let a parser understand recipes: a file by `--recipe`, and each setting as an option."""
    import_families()
    parser.add_argument("--recipe", action="config", help="A YAML file; options after it override its settings.")
    parser.add_class_arguments(Recipe, sub_configs=False)


def build_recipe(parser: ArgumentParser, settings: Namespace) -> tuple[Recipe, dict[str, Any]]:
    """Build what the settings describe, the first weights drawn from its seed.

    Returns:
        The recipe, and the same as plain data with every default spelled out.
    """
    names = list(Recipe.__dataclass_fields__)
    _settle_steps(settings)
    plain = {name: plain_settings(settings[name]) for name in names}
    torch.manual_seed(settings["seed"])
    built = parser.instantiate(settings)
    # A store knows how it was made; the recipe that stays with the run says so too.
    arguments = plain["data"]["init_args"]
    arguments |= {name: one for name, one in plain_settings(built["data"].settings).items() if name in arguments}
    return Recipe(**{name: built[name] for name in names}), plain


def _settle_steps(settings: Namespace) -> None:
    """A scheduler that needs to know how long training takes is told, unless the recipe says it."""
    arguments = settings["scheduler"].get("init_args", {}) if settings["scheduler"] else {}
    steps = settings["schedule"]["steps"]
    if "steps" not in arguments:
        return
    if arguments["steps"] not in (None, steps):
        raise RecipeError(
            f"scheduler: steps is {arguments['steps']}, but training takes {steps}; leave it out, or write the same"
        )
    arguments["steps"] = steps


def load_recipe(source: str | Path | Mapping[str, Any]) -> tuple[Recipe, dict[str, Any]]:
    """The recipe in a file, or spelled as plain data; otherwise as `build_recipe`.

    Raises:
        RecipeError: the file is missing, or a setting is unknown, missing or wrong.
    """
    parser = new_parser("train", "", "")
    add_recipe(parser)
    try:
        if isinstance(source, Mapping):
            return build_recipe(parser, parser.parse_object(dict(source)))
        return build_recipe(parser, parse(parser, ["--recipe", str(source)]))
    except (ArgumentError, BadWordsError) as error:
        message = with_nearest_name(str(error), parser)
        raise RecipeError(f"{'recipe' if isinstance(source, Mapping) else source}: {message}") from error


def build(family: type, plain: Mapping[str, Any] | str) -> Any:
    """One object of a family from its class path and settings.

    Raises:
        RecipeError: the class is none of the family, or a setting is unknown or wrong.
    """
    import_families()
    parser = new_parser("", "", "")
    parser.add_argument("--it", type=family)
    try:
        return parser.instantiate(parser.parse_object({"it": plain}))["it"]
    except ArgumentError as error:
        raise RecipeError(f"{family.__name__}: {with_nearest_name(str(error), parser)}") from error


def plain_settings(value: Any) -> Any:
    """Settings as plain data."""
    if isinstance(value, Namespace):
        return {name: plain_settings(one) for name, one in vars(value).items()}
    if isinstance(value, Mapping):
        return {str(name): plain_settings(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain_settings(one) for one in value]
    return str(value) if isinstance(value, Path) else value
