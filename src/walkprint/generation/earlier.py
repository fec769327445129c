"""Generators of earlier versions: their settings under those of this one."""

from collections.abc import Mapping
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.generation.labels import FACTORS

# Settings that only mattered in training, and those of which only the default is left.
_OF_TRAINING = ("ae_init", "discriminator_init", "true_classification", "class_weight", "anchor_share", "guard_heads")
_ONLY = {"latent": "labeled", "transport": True, "factors": list(FACTORS), "heads": list(FACTORS)}


def current_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Rename and drop settings of a trained generator that its class had once.

    Args:
        entry: `class_path` and `init_args`, and anything else.

    Raises:
        RecipeError: such a setting has a value that this version cannot reproduce.
    """
    given = entry.get("init_args") or {}
    if not isinstance(given, Mapping):
        raise RecipeError(f"init_args is {given!r}, expected names with values")
    settings = dict(given)
    if "source" in settings:
        settings["source_condition"] = settings.pop("source")
    if str(entry.get("class_path")).rpartition(".")[2] == "AEGuidedGAN":
        for name in _OF_TRAINING:
            settings.pop(name, None)
        for name, only in _ONLY.items():
            if (value := settings.pop(name, only)) != only:
                raise RecipeError(
                    f"AEGuidedGAN: {name} is {value!r}, a setting of an earlier version; train it again with the "
                    "class of walkprint.studies.ablation that does this"
                )
    return {**entry, "init_args": settings}
