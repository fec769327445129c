"""Recipes: what is trained on what, as YAML or in Python; training by them, and opening what was trained.

Around a training, one call for each step from files to files: segment, expand, embed, evaluate.

The names below are loaded when they are first used, so that finding a bundled file needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from walkprint.recipes.embedding import embed_to_file
    from walkprint.recipes.evaluation import evaluate_files
    from walkprint.recipes.expansion import expand_to_store
    from walkprint.recipes.generator_recipe import GeneratorRecipe, load_generator_recipe
    from walkprint.recipes.protocols import find_protocol
    from walkprint.recipes.recipe import Plan, Recipe, load_recipe
    from walkprint.recipes.segmentation import segment_to_store
    from walkprint.recipes.segmented import segmented_to_store
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
    "segment_to_store": "segmentation",
    "segmented_to_store": "segmented",
    "expand_to_store": "expansion",
    "embed_to_file": "embedding",
    "evaluate_files": "evaluation",
}
__all__ = [
    "GeneratorRecipe",
    "Plan",
    "Recipe",
    "embed_to_file",
    "evaluate_files",
    "expand_to_store",
    "find_protocol",
    "load_generator",
    "load_generator_recipe",
    "load_network",
    "load_recipe",
    "segment_to_store",
    "segmented_to_store",
    "train",
    "train_generator",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'walkprint.recipes' has no attribute {name!r}")
    return getattr(importlib.import_module(f"walkprint.recipes.{_HOMES[name]}"), name)
