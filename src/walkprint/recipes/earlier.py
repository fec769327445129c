"""What earlier versions wrote, in today's form: recipes in run folders, and how to build a generator."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.data.earlier import current_entry

_FACTORS = ["subject", "condition", "view"]
# Settings that the autoencoder-guided GAN once had; the study's ablation has a class for each other value.
_ONCE = {
    "latent": "labeled",
    "transport": True,
    "factors": _FACTORS,
    "ae_init": True,
    "discriminator_init": True,
    "true_classification": False,
    "heads": _FACTORS,
    "class_weight": 1.0,
    "anchor_share": 1.0,
    "guard_heads": ["condition"],
}


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
        plain["generator"] = current_generator(plain["generator"])
    return plain


def current_generator(entry: Mapping[str, Any]) -> dict[str, Any]:
    """How to build a generator, as it is written today.

    Raises:
        RecipeError: it has a setting that is gone.
    """
    found = dict(entry)
    if str(found.get("class_path", "")).rpartition(".")[2] != "AEGuidedGAN" or not found.get("init_args"):
        return found
    arguments = dict(found["init_args"])
    for name, usual in _ONCE.items():
        value = arguments.pop(name, usual)
        if (list(value) if isinstance(value, tuple) else value) != usual:
            raise RecipeError(
                f"AEGuidedGAN: {name} is {value!r}, which only earlier versions know; use a class of "
                "`walkprint.studies.ablation`, and train it again"
            )
    return found | {"init_args": arguments}
