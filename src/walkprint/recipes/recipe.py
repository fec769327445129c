"""A recipe: one complete training run as YAML or as objects; constructor arguments are the settings."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from walkprint.core.bounds import Checked, Count, NonNegative, Seed
from walkprint.core.errors import RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.core.spelling import did_you_mean
from walkprint.core.values import MisfitError
from walkprint.data.augment import Augmentation
from walkprint.data.frames import FrameChooser
from walkprint.data.loading import TrainingBatches
from walkprint.data.packed import Packed
from walkprint.data.quality import NOBODY_TESTS
from walkprint.data.sampling import EvenConditions, SubjectSampler
from walkprint.losses.base import Loss
from walkprint.networks.base import Network
from walkprint.recipes.classes import Entry, entry_of
from walkprint.recipes.earlier import current_recipe
from walkprint.recipes.settings import read_settings, with_changes
from walkprint.training.learner import MakeOptimizer
from walkprint.training.loop import Loop, Pace, Precision
from walkprint.training.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(Pace):
    """How long training takes, in which batches, and what is saved; other settings: `walkprint.training.loop.Pace`.

    Attributes:
        subjects_per_batch: number of subjects in a batch.
        clips_per_subject: number of clips of each subject in a batch.
        even_conditions: draw a subject's clips evenly from all its conditions, however rare one is.
    """

    subjects_per_batch: Count
    clips_per_subject: Count
    even_conditions: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(Checked):
    """One complete training run.

    Attributes:
        network: the network to train; `num_subjects` is written out and checked against the data.
        losses: losses by names of your choice; their weighted sum is minimized.
        loss_weights: weights by the same names; 1 for names that are missing here.
        data: the store, and perhaps another split or gallery; see `Packed`.
        conditions: conditions to train on; null for all conditions of the training subjects.
        subjects: training subjects to train on; null for all of them.
        frames: which frames of a sequence a training clip takes.
        augmentations: augmentations of every training clip, in this order.
        optimizer: an optimizer of torch, or your own.
        scheduler: schedule of the learning rate; null for a constant one.
        schedule: steps, batches and checkpoints; see `Plan`.
        precision: precision of the computation: 32-true, bf16-mixed or 16-mixed.
        channels_last: memory order of the weights; true is often faster.
        seed: seed of the first weights and of everything random.
        init: weights to start from: a run folder, the folder of a finished network, a bundled network's name, or a
            checkpoint's file; null for random weights. A head of another size keeps its random weights.
        freeze: names of layers that are not trained.
        groups: layers, by name, with optimizer settings of their own, e.g. {blocks: {lr: 0.001}}.
        record: the recipe as plain data with every default spelled out, if it was read from a file; goes into the run
            folder.
    """

    network: Network
    losses: dict[str, Loss]
    data: Packed
    frames: FrameChooser
    optimizer: MakeOptimizer
    schedule: Plan
    conditions: list[str] | None = None
    subjects: list[str] | None = None
    loss_weights: dict[str, NonNegative] | None = None
    augmentations: list[Augmentation] = field(default_factory=list)
    scheduler: Schedule | None = None
    precision: Precision = "32-true"
    channels_last: bool = False
    seed: Seed = 0
    init: str | None = None
    freeze: list[str] | None = None
    groups: dict[str, dict[str, NonNegative]] | None = None
    record: Mapping[str, Any] | None = None

    def loop(self, **machine: Any) -> Loop:
        """The training loop of this recipe on this machine; the arguments are those of `Loop` that no recipe has."""
        return Loop(**loop_settings(self.schedule, self), **machine)

    def batches(self) -> TrainingBatches:
        """The training batches.

        Raises:
            DataError: the data are no packed store, or there is no training subject.
            RecipeError: network and frames do not fit together, or a condition does not occur.
        """
        if self.network.ordered and not self.frames.ordered:
            raise RecipeError(
                f"frames: {type(self.frames).__name__} mixes the order of frames, which {type(self.network).__name__} "
                "needs; choose Contiguous or OrderedWindow"
            )
        if self.data.subjects("train") and not self.data.subjects("test"):
            warnings.warn(f"{self.data.root}: {NOBODY_TESTS}; set train or partition of the data", stacklevel=2)
        sampler = EvenConditions if self.schedule.even_conditions else SubjectSampler
        return TrainingBatches(
            self.data,
            training_keys(self.data, self.conditions, self.subjects),
            chooser=self.frames,
            sampler=sampler(self.schedule.subjects_per_batch, self.schedule.clips_per_subject),
            augmentations=self.augmentations,
            seed=self.seed,
            width_px=self.network.width_px,
        )


def training_keys(
    data: Packed, conditions: Sequence[str] | None, subjects: Sequence[str] | None = None
) -> list[SequenceKey]:
    """The sequences of all or some training subjects in some conditions, or in all.

    Raises:
        RecipeError: a condition does not occur among them, none is named, or a subject is none for training.
    """
    if unknown := sorted(set(subjects or ()) - set(data.subjects("train"))):
        advice = did_you_mean(unknown[0], data.subjects("train"))
        raise RecipeError(f"subjects: {', '.join(unknown)} not among the training subjects{advice}")
    keys = [key for key in data.keys("train") if subjects is None or key.subject in set(subjects)]
    found = {key.condition for key in keys}
    if conditions is not None and not conditions:
        raise RecipeError(f"conditions: none is named, expected some of {', '.join(sorted(found))}, or null for all")
    unknown = sorted(set(conditions or ()) - found)
    if unknown:
        raise RecipeError(
            f"conditions: {', '.join(unknown)} not among those of the training subjects, "
            f"{', '.join(sorted(found)) or 'none, as it is empty'}{did_you_mean(unknown[0], found)}"
        )
    return [key for key in keys if conditions is None or key.condition in conditions]


def loop_settings(*described: Any) -> dict[str, Any]:
    """The settings of a `Loop` that a recipe, or parts of it, have by the same name."""
    found = {name.name for name in fields(Loop)}
    return {one.name: getattr(part, one.name) for part in described for one in fields(part) if one.name in found}


def load_recipe(source: str | Path | Mapping[str, Any], changes: Mapping[str, Any] | None = None) -> Recipe:
    """A recipe, built; the first weights are drawn from its seed.

    Args:
        source: a YAML file, the name of a bundled recipe, or the recipe as plain data.
        changes: settings that replace those of the recipe, by dotted names such as "schedule.steps".

    Raises:
        RecipeError: there is no such recipe, or a setting is unknown, missing or wrong.
    """
    entry = read_entry(Recipe, source, changes)
    _settle_steps(entry)
    torch.manual_seed(entry.settings["seed"])
    recipe: Recipe = entry.build()
    return replace(recipe, record=recorded(entry))


def read_entry(
    kind: type,
    source: str | Path | Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    later: Sequence[str] = (),
) -> Entry:
    """A recipe with every default spelled out, nothing built; see `load_recipe`.

    Args:
        kind: `Recipe` or `GeneratorRecipe`.
        source: a YAML file, the name of a bundled recipe, or the recipe as plain data.
        changes: settings that replace those of the recipe.
        later: settings that the data give; dotted names.

    Raises:
        RecipeError: there is no such recipe, or a setting is unknown, missing or wrong.
    """
    name, plain = ("recipe", source) if isinstance(source, Mapping) else (str(source), read_settings(source))
    try:
        plain = current_recipe(plain)
        _check_kind(plain, kind)
        return entry_of(kind, with_changes(plain, _with_scheduler(plain, changes or {})), later=["record", *later])
    except MisfitError as error:
        raise RecipeError(f"{name}: {error}") from error


def recorded(entry: Entry) -> dict[str, Any]:
    """A recipe as plain data that go into the run folder."""
    return current_recipe(entry.plain())


def _check_kind(plain: Mapping[str, Any], kind: type) -> None:
    """Refuse the recipe of a network where one of a generator is expected, and the reverse."""
    known = {one.name for one in fields(kind)}
    for part, step in (("generator", "train-generator"), ("network", "train")):
        if part in plain and part not in known:
            raise MisfitError(f"this is a recipe of a {part}; use `{step}`")


def _with_scheduler(plain: Mapping[str, Any], changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Changes in which a scheduler over all steps, as every run records it, follows their number."""
    if "schedule.steps" not in changes or any(name.startswith("scheduler") for name in changes):
        return changes
    schedule, scheduler = (plain.get(name) or {} for name in ("schedule", "scheduler"))
    settings = scheduler.get("init_args") if isinstance(scheduler, Mapping) else None
    if not isinstance(settings, Mapping) or not isinstance(schedule, Mapping):
        return changes
    if settings.get("steps") is None or settings["steps"] != schedule.get("steps"):
        return changes
    return {**changes, "scheduler.steps": changes["schedule.steps"]}


def _settle_steps(entry: Entry) -> None:
    """A scheduler that needs to know how long training takes learns it here, unless the recipe says it."""
    scheduler, steps = entry.settings["scheduler"], entry.settings["schedule"].settings["steps"]
    if scheduler is None or "steps" not in scheduler.settings:
        return
    if scheduler.settings["steps"] not in (None, steps):
        raise RecipeError(
            f"scheduler: steps is {scheduler.settings['steps']}, but training takes {steps}; leave it out, or write "
            "the same"
        )
    scheduler.settings["steps"] = steps
