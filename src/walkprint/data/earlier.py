"""Stores and recipes written before stores kept their split and protocols: they still open."""

from collections.abc import Mapping, Sequence
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.core.protocol import Protocol
from walkprint.data import casia_b, casia_b_color, fvg, ou_mvlp

_LARGE_SPLIT = 74
_SPLITS = {"ST": 24, "MT": 62, "LT": None}  # None: as the store says
BENCHMARKS: dict[str, Mapping[str, Protocol]] = {
    "CasiaB": casia_b.CasiaB.PROTOCOLS,
    "CasiaBColor": casia_b_color.CasiaBColor.PROTOCOLS,
    "OuMvlp": ou_mvlp.OuMvlp.PROTOCOLS,
    "Fvg": fvg.PROTOCOLS,
    "Walkers": casia_b.CasiaB.PROTOCOLS,
    "ColorWalkers": casia_b.CasiaB.PROTOCOLS,
    "FrontalWalkers": fvg.PROTOCOLS,
    "Folder": {},
    "OpenGaitTree": {},
}
"""Every benchmark that such stores hold, and its protocols."""


def earlier_training(meta: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The training subjects of a store whose `meta.json` does not name them, by the rule of its benchmark."""
    benchmark = meta["dataset"]
    if benchmark == "OuMvlp":
        return [name for name in names if ou_mvlp.trains(name)]
    if benchmark == "Fvg":
        return sorted(fvg.training_subjects() & set(names))
    if benchmark in ("CasiaB", "CasiaBColor"):
        return [name for name in names if int(name) <= _LARGE_SPLIT]
    return [name for name in names if int(name) <= meta["settings"]["train"]] if "Walkers" in benchmark else []


def earlier_protocols(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The protocols of a store whose `meta.json` does not spell them."""
    return [protocol.to_dict() for protocol in BENCHMARKS.get(meta["dataset"], {}).values()]


def current_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """How a recipe names data today: `data: {root: stores/casia-b, train: 24}`.

    Args:
        entry: the same, or as recipes were written before: a benchmark's class path, with the store as its root.

    Raises:
        RecipeError: a setting that only matters when a store is made.
    """
    name = str(entry.get("class_path", "")).rpartition(".")[2]
    if name not in BENCHMARKS:
        return dict(entry)
    before = {setting: value for setting, value in (entry.get("init_args") or {}).items() if value is not None}
    if before.get("keep_005") is False:
        raise RecipeError(
            "data: keep_005 is a setting of `prepare`; prepare the store with it, and name the store alone"
        )
    counts = [_SPLITS.get(before.get("split", "LT"))]
    counts += [before.get(setting) for setting in ("train", "train_count", "train_subjects")]
    train = next((count for count in counts if count is not None), None)
    gallery = "-".join(before[setting] for setting in ("gallery_condition", "gallery_take") if setting in before)
    found = {"root": before.get("root"), "train": train, "gallery": gallery or None}
    return {setting: value for setting, value in found.items() if value is not None}
