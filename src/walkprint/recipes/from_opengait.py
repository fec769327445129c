"""From checkpoints and configurations of OpenGait to networks and recipes; only names and meanings are taken over."""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.core.values import MisfitError
from walkprint.core.yaml_json import parse_yaml, read_text
from walkprint.networks.base import Network
from walkprint.networks.opengait import convert_state, count_subjects, read_state
from walkprint.recipes.classes import build, entry_of, members
from walkprint.recipes.recipe import Recipe


def network_from_opengait(checkpoint: str | Path, network: str, settings: Mapping[str, Any]) -> Network:
    """A network with the weights of a checkpoint.

    Args:
        checkpoint: a file of OpenGait.
        network: class of the network.
        settings: the checkpoint's widths where they are not the defaults; `num_subjects` is read from it unless given.

    Raises:
        CheckpointError: the file cannot be read, or it holds other entries than this network.
        RecipeError: a setting is unknown or wrong.
    """
    state, settings = read_state(checkpoint), dict(settings)
    kind = members(Network).get(network.rpartition(".")[2])
    if kind and "num_subjects" in inspect.signature(kind).parameters:
        settings.setdefault("num_subjects", count_subjects(state))
    built: Network = build(Network, {"class_path": network, "init_args": settings})
    built.load_state_dict(convert_state(built, state))
    return built


def recipe_from_opengait(file: Path) -> tuple[dict[str, Any], list[str]]:
    """The recipe that a configuration describes, as plain data; see `recipe_from_config`.

    Raises:
        RecipeError: the file is missing, damaged or no configuration, or a setting is unknown, missing or wrong.
    """
    try:
        config = parse_yaml(read_text(file), file.name)
    except (OSError, ValueError) as error:
        raise RecipeError(f"{file}: cannot be read ({error}); expected a configuration of OpenGait") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise RecipeError(f"{file}: found no model_cfg; expected a configuration of OpenGait")
    try:
        recipe, unmapped = recipe_from_config(config)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RecipeError(f"{file}: a setting has another form than OpenGait's ({error})") from error
    try:
        entry_of(Recipe, recipe, later=["record"])
    except MisfitError as error:
        raise RecipeError(f"{file}: {error}") from error
    return recipe, unmapped


def recipe_from_config(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A recipe as plain data from the sections of a configuration.

    Returns:
        The recipe, and the dotted names of all settings that it does not carry, with their values.

    Raises:
        RecipeError: a network that we do not have, another input than silhouettes, or a setting is missing or wrong.
    """
    settings = Settings({name: section for name, section in config.items() if name != "evaluator_cfg"})
    if "evaluator_cfg" in config:
        settings.note("evaluator_cfg: evaluation is `embed`, then `evaluate`")
    model = settings.take("model_cfg.model")
    if model not in _NETWORKS:
        raise RecipeError(f"model_cfg.model is {model!r}; expected one of {', '.join(_NETWORKS)}")
    _check_input(settings, config)
    learning_rate = float(settings.take("optimizer_cfg.lr", 0.1))
    losses, weights = _losses(settings)
    network = _NETWORKS[model](settings)
    if neck := [name for name in settings.names() if name.startswith("model_cfg.SeparateBNNecks.")]:
        raise RecipeError(
            f"{neck[0]}: {network['class_path']} has no such neck here, and would be another network without it"
        )
    recipe: dict[str, Any] = {
        "network": network,
        "losses": losses,
        "loss_weights": weights,
        "data": _data(settings),
        "frames": _frames(settings),
        "augmentations": _augmentations(settings),
        "optimizer": _optimizer(settings, learning_rate),
        "scheduler": _scheduler(settings, learning_rate),
        "schedule": _schedule(settings),
        "precision": "bf16-mixed" if settings.take("trainer_cfg.enable_float16", False) else "32-true",
        "channels_last": True,
        "seed": 0,
    }
    return recipe, settings.left()


class Settings:
    """Nested settings of which each is taken once, so that the rest can be listed.

    Args:
        config: maps of maps; lists are values.

    Attributes:
        subjects: how many the classifier of the configuration tells apart, or None.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._leaves = dict(_leaves(config))
        heads = (self._leaves.get(f"model_cfg.{name}class_num") for name in ("", "SeparateBNNecks."))
        self.subjects = next((count for count in heads if count is not None), None)
        self._notes: list[str] = []

    def take(self, name: str, *default: Any) -> Any:
        """The value of a dotted name, or the default.

        Raises:
            RecipeError: the name is absent and has no default.
        """
        if name not in self._leaves and not default:
            raise RecipeError(f"configuration of OpenGait: {name} is missing")
        return self._leaves.pop(name, *default)

    def peek(self, name: str, default: Any) -> Any:
        """The value of a dotted name, which stays."""
        return self._leaves.get(name, default)

    def drop(self, *meaningless: tuple[str, Any]) -> None:
        """Take settings that say nothing new at exactly these values; with others they stay."""
        for name, value in meaningless:
            if self._leaves.get(name, value) == value:
                self._leaves.pop(name, None)

    def note(self, text: str) -> None:
        """Note something that was taken and could not be mapped."""
        self._notes.append(text)

    def names(self) -> list[str]:
        """The dotted names of all that were not taken."""
        return sorted(self._leaves)

    def left(self) -> list[str]:
        """What could not be mapped: the notes, and "name: value" of all that were not taken."""
        return self._notes + [f"{name}: {value}" for name, value in sorted(self._leaves.items())]


def _leaves(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in config.items():
        inner = isinstance(value, Mapping)
        found += _leaves(value, f"{prefix}{name}.") if inner else [(f"{prefix}{name}", value)]
    return found


def _part(name: str, **settings: Any) -> dict[str, Any]:
    return {"class_path": name, "init_args": settings}


def _gaitset(settings: Settings) -> dict[str, Any]:
    channels = settings.take("model_cfg.in_channels")
    strips, feature = _head(settings, channels[-1])
    return _part("GaitSet", channels=channels[1:], strips=strips, feature=feature)


def _gaitpart(settings: Settings) -> dict[str, Any]:
    blocks: list[tuple[int, int]] = []
    layers = [one for one in settings.take("model_cfg.backbone_cfg.layers_cfg") if one != "M"]
    for layer in layers[::2]:  # two equal ones make a block
        kind, width, *halvings = str(layer).split("-")
        blocks.append((int(width), 2 ** int(halvings[0]) if kind == "FC" else 1))
    settings.drop(("model_cfg.backbone_cfg.type", "Plain"), ("model_cfg.backbone_cfg.in_channels", 1))
    settings.drop(("model_cfg.TFA.in_channels", blocks[-1][0]), ("model_cfg.TFA.parts_num", 16))
    strips, feature = _head(settings, blocks[-1][0])
    widths, focal = (list(column) for column in zip(*blocks, strict=True))
    return _part("GaitPart", channels=widths, focal_strips=focal, strips=strips, feature=feature)


def _gaitgl(settings: Settings) -> dict[str, Any]:
    channels = settings.take("model_cfg.channels")
    many = len(channels) == 4
    return _part(
        "GaitGL",
        channels=channels if many else [*channels, channels[-1]],
        layers=2 if many else 1,
        strips=2 if many else 8,
        num_subjects=settings.take("model_cfg.class_num"),
    )


def _gaitbase(settings: Settings) -> dict[str, Any]:
    backbone = "model_cfg.backbone_cfg."
    kind = settings.take(f"{backbone}type", None)
    if kind != "ResNet9":
        raise RecipeError(f"{backbone}type is {kind!r}; expected ResNet9, the backbone that makes it a GaitBase")
    settings.drop((f"{backbone}block", "BasicBlock"), (f"{backbone}maxpool", False), (f"{backbone}in_channel", 1))
    channels = settings.take(f"{backbone}channels")
    strips, feature = _head(settings, channels[-1])
    return _part(
        "GaitBase",
        channels=channels,
        blocks=settings.take(f"{backbone}layers"),
        strides=settings.take(f"{backbone}strides"),
        strips=strips,
        feature=feature,
        num_subjects=_neck(settings, feature),
    )


def _deepgait_v2(settings: Settings) -> dict[str, Any]:
    backbone = "model_cfg.Backbone."
    settings.drop((f"{backbone}in_channels", 1))
    return _part(
        "DeepGaitV2",
        mode=settings.take(f"{backbone}mode"),
        channels=settings.take(f"{backbone}channels"),
        blocks=settings.take(f"{backbone}layers"),
        strips=settings.take("model_cfg.bin_num", [16]),
        num_subjects=_neck(settings, 256),
    )


_NETWORKS: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "GaitSet": _gaitset,
    "GaitPart": _gaitpart,
    "GaitGL": _gaitgl,
    "Baseline": _gaitbase,
    "DeepGaitV2": _deepgait_v2,
}


def _head(settings: Settings, width: int) -> tuple[list[int], int]:
    """Strips and feature of the linear maps; what follows from them must agree."""
    strips = settings.take("model_cfg.bin_num")
    settings.drop(("model_cfg.SeparateFCs.in_channels", width))
    for parts in (sum(strips), 2 * sum(strips)):  # GaitSet has two branches
        settings.drop(("model_cfg.SeparateFCs.parts_num", parts))
    return strips, settings.take("model_cfg.SeparateFCs.out_channels")


def _neck(settings: Settings, feature: int) -> int | None:
    settings.drop(("model_cfg.SeparateBNNecks.in_channels", feature), ("model_cfg.SeparateBNNecks.parts_num", 16))
    count: int | None = settings.take("model_cfg.SeparateBNNecks.class_num", None)
    return count


def _losses(settings: Settings) -> tuple[dict[str, Any], dict[str, float]]:
    listed = settings.take("loss_cfg", None)
    if listed is None:  # one loss, not in a list
        names = ("type", "loss_term_weight", "margin", "scale", "label_smooth", "eps", "log_prefix", "log_accuracy")
        listed = [{name: value for name in names if (value := settings.take(f"loss_cfg.{name}", None)) is not None}]
    losses, weights = dict[str, Any](), dict[str, float]()
    for one in listed:
        name = str(one.get("log_prefix", one.get("type")))
        if one.get("type") == "TripletLoss":
            losses[name] = _part("TripletLoss", margin=one.get("margin", 0.2))
        elif one.get("type") == "CrossEntropyLoss":
            smoothing = one.get("eps", 0.1) if one.get("label_smooth", True) else 0.0
            losses[name] = _part("CrossEntropyLoss", scale=float(one.get("scale", 16)), smoothing=smoothing)
        else:
            settings.note(f"loss_cfg: {one}")
            continue
        weights[name] = float(one.get("loss_term_weight", 1.0))
    if not losses:
        raise RecipeError("loss_cfg: nothing that we have; expected TripletLoss or CrossEntropyLoss")
    return losses, weights


def _check_input(settings: Settings, config: Mapping[str, Any]) -> None:
    """Refuse configurations for other input than silhouettes of one channel."""
    for name in ("model_cfg.backbone_cfg.in_channel", "model_cfg.Backbone.in_channels"):
        if (channels := settings.peek(name, 1)) != 1:
            raise RecipeError(
                f"{name} is {channels}: for other input (heat maps of skeletons, depth of LiDAR) than silhouettes, "
                "which have one channel"
            )
    listed = settings.peek("trainer_cfg.transform", [])
    kinds = [str(one.get("type")) for outer in listed for one in outer.get("trf_cfg", [outer])]
    other = [kind for kind in kinds if re.fullmatch("Base(?!Sil).*Transform", kind)]
    name = str((config.get("data_cfg") or {}).get("dataset_name"))
    if other or "parsing" in name.lower():
        raise RecipeError(
            f"trainer_cfg.transform is {', '.join(other) or kinds}, dataset {name}: for other input than silhouettes, "
            "e.g. labels of body parts; expected BaseSilCuttingTransform"
        )


def _data(settings: Settings) -> dict[str, Any]:
    name = settings.take("data_cfg.dataset_name", None)
    settings.drop(("data_cfg.test_dataset_name", name), ("data_cfg.dataset_root", "your_path"))
    partition = settings.take("data_cfg.dataset_partition", None)
    if name in _KNOWN:  # the store knows the split
        if name == "CASIA-B" and settings.subjects == 73:
            settings.note("73 subjects: prepare CasiaB with keep_005=False")
        return {"root": _KNOWN[name]}
    settings.note(f"data_cfg.dataset_name: {name}; prepare it as OpenGaitTree")
    data = {"root": f"stores/{re.sub('[^a-z0-9-]', '', str(name).lower())}"}
    if partition is None:
        settings.note("data_cfg.dataset_partition is missing: set data.partition, or prepare the store with its split")
        return data
    settings.note(f"data_cfg.dataset_partition: {partition} is a path in OpenGait's repository; correct data.partition")
    return {**data, "partition": str(partition)}


_KNOWN = {"OUMVLP": "stores/ou-mvlp", "CASIA-B": "stores/casia-b"}


def _frames(settings: Settings) -> dict[str, Any]:
    sampler = "trainer_cfg.sampler."
    kind, count = settings.take(f"{sampler}sample_type"), settings.take(f"{sampler}frames_num_fixed", None)
    if kind not in ("fixed_unordered", "fixed_ordered") or count is None:
        raise RecipeError(
            f"{sampler}sample_type is {kind!r}, frames_num_fixed {count}; expected fixed_unordered or fixed_ordered "
            "and a number, since our clips have one length"
        )
    for idle in ("frames_num_min", "frames_num_max"):  # of another sample_type
        settings.take(f"{sampler}{idle}", None)
    skip = settings.take(f"{sampler}frames_skip_num", 0)
    if kind == "fixed_unordered":
        return _part("RandomSubset", count=count)
    return _part("OrderedWindow", count=count, window=count + skip) if skip else _part("Contiguous", count=count)


def _augmentations(settings: Settings) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    kinds: dict[str, tuple[str, dict[str, str]]] = {
        "RandomPerspective": ("Perspective", {}),
        "RandomHorizontalFlip": ("Flip", {}),
        "RandomRotate": ("Rotation", {"degree": "degrees"}),
        "RandomErasing": ("Erasing", {"sl": "smallest", "sh": "largest", "r1": "flattest"}),
    }
    for outer in settings.take("trainer_cfg.transform", []):
        for one in outer.get("trf_cfg", [outer]):
            if one.get("type") == "BaseSilCuttingTransform":  # a network of ours cuts and scales its frames itself
                continue
            if one.get("type") not in kinds:
                settings.note(f"trainer_cfg.transform: {one}")
                continue
            name, renamed = kinds[one["type"]]
            more = {ours: one[theirs] for theirs, ours in renamed.items() if theirs in one}
            found.append(_part(name, p=one.get("prob", 0.5), **more))
    return found


def _optimizer(settings: Settings, learning_rate: float) -> dict[str, Any]:
    solver = settings.take("optimizer_cfg.solver", "SGD")
    momentum = settings.take("optimizer_cfg.momentum", 0.9)  # only SGD has one; others ignore it there
    more = {"momentum": momentum} if solver == "SGD" else {}
    decay = float(settings.take("optimizer_cfg.weight_decay", 0.0))
    return _part(f"torch.optim.{solver}", lr=learning_rate, weight_decay=decay, **more)


def _scheduler(settings: Settings, learning_rate: float) -> dict[str, Any]:
    kind = settings.take("scheduler_cfg.scheduler")
    if kind == "MultiStepLR":
        gamma = settings.take("scheduler_cfg.gamma", 0.1)
        return _part("MultiStep", milestones=settings.take("scheduler_cfg.milestones"), gamma=gamma)
    if kind == "CosineAnnealingLR":
        final = float(settings.take("scheduler_cfg.eta_min", 0.0)) / learning_rate
        return _part("CosineWithWarmup", steps=settings.take("scheduler_cfg.T_max"), final=final)
    raise RecipeError(f"scheduler_cfg.scheduler is {kind!r}; expected MultiStepLR or CosineAnnealingLR")


def _schedule(settings: Settings) -> dict[str, Any]:
    batch = settings.take("trainer_cfg.sampler.batch_size")
    if not isinstance(batch, list) or len(batch) != 2:
        raise RecipeError(f"trainer_cfg.sampler.batch_size is {batch!r}; expected [subjects, clips of each]")
    settings.drop(("trainer_cfg.sampler.type", "TripletSampler"), ("trainer_cfg.fix_BN", False))
    settings.drop(("trainer_cfg.restore_hint", 0))
    return {
        "steps": settings.take("trainer_cfg.total_iter"),
        "subjects_per_batch": batch[0],
        "clips_per_subject": batch[1],
        "log_every": settings.take("trainer_cfg.log_iter", 100),
        "checkpoint_every": settings.take("trainer_cfg.save_iter", 1000),
    }
