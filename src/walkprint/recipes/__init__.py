"""Recipes: what is trained on what, as YAML or in Python; training by them, and opening what was trained.

The names below are loaded when they are first used, so that finding a bundled file needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from walkprint.recipes.generator_recipe import GeneratorRecipe, load_generator_recipe
    from walkprint.recipes.protocols import find_protocol
    from walkprint.recipes.recipe import Plan, Recipe, load_recipe
    from walkprint.recipes.trained import load_generator, load_network
    from walkprint.recipes.training import train, train_generator

_HOMES = {
    "Plan": "recipe",
    "Recipe": "recipe",
    "load_recipe": "recipe",
    "GeneratorRecipe": "generator_recipe",
    "load_generator_recipe": "generator_recipe",
    "train": "training",
    "train_generator": "training",
    "load_network": "trained",
    "load_generator": "trained",
    "find_protocol": "protocols",
}
__all__ = [
    "GeneratorRecipe",
    "Plan",
    "Recipe",
    "find_protocol",
    "load_generator",
    "load_generator_recipe",
    "load_network",
    "load_recipe",
    "train",
    "train_generator",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'walkprint.recipes' has no attribute {name!r}")
    return getattr(importlib.import_module(f"walkprint.recipes.{_HOMES[name]}"), name)
