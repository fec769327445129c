"""Generators of earlier versions: their settings under those of this one."""

from collections.abc import Mapping
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.generation.labels import FACTORS

OF_TRAINING: Mapping[str, Any] = {
    "ae_init": True,
    "discriminator_init": True,
    "true_classification": False,
    "class_weight": 1.0,
    "anchor_share": 1.0,
    "guard_heads": ["condition"],
}
"""Settings of the autoencoder-guided GAN that only mattered in training -> what it does today."""
# Those of which only the default is left.
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
        for name in OF_TRAINING:
            settings.pop(name, None)
        for name, only in _ONLY.items():
            if (value := settings.pop(name, only)) != only:
                raise RecipeError(
                    f"AEGuidedGAN: {name} is {value!r}, a setting of an earlier version; train it again with the "
                    "class of walkprint.studies.ablation that does this"
                )
    return {**entry, "init_args": settings}
