"""Recipes that earlier versions wrote into run folders, in today's form."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.data.earlier import current_entry
from walkprint.generation.earlier import OF_TRAINING
from walkprint.generation.earlier import current_entry as current_generator


def current_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as it is written today.

    Raises:
        RecipeError: it has a setting that is gone.
    """
    plain = deepcopy(dict(recipe))
    if isinstance(plain.get("data"), Mapping):
        data = current_entry(plain["data"])
        of_store = str(data.get("class_path", "")).rpartition(".")[2] == "Packed"
        plain["data"] = data.get("init_args") or {} if of_store else data
    if isinstance(plain.get("generator"), Mapping):
        plain["generator"] = _current_generator(plain["generator"])
    return plain


def _current_generator(entry: Mapping[str, Any]) -> dict[str, Any]:
    settings = entry.get("init_args") or {}
    for name, usual in OF_TRAINING.items() if str(entry.get("class_path")).endswith("AEGuidedGAN") else ():
        if settings.get(name, usual) != usual:
            raise RecipeError(
                f"AEGuidedGAN: {name} is {settings[name]!r}, a setting of an earlier version; train with the class of "
                "walkprint.studies.ablation that does this"
            )
    return current_generator(entry)
