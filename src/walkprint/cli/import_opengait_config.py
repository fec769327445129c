"""`walkprint import-opengait-config`: a configuration of OpenGait becomes a recipe."""

from argparse import ArgumentError
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from walkprint.cli.opengait_config import recipe_from_config
from walkprint.cli.recipe import add_recipe
from walkprint.cli.words import Summary, carry_out, new_parser
from walkprint.core.errors import RecipeError
from walkprint.core.files import write_atomically
from walkprint.training.run import recipe_text

EXAMPLE = "walkprint import-opengait-config gaitbase_da_casiab.yaml --out recipes/mine.yaml"


def main(words: Sequence[str]) -> Summary:
    """Carry out the words after `import-opengait-config`."""
    return carry_out(import_opengait_config, words, EXAMPLE)


def import_opengait_config(file: Path, *, out: Path | None = None) -> Summary:
    """Write the recipe that a configuration of OpenGait describes, and list what could not be mapped.

    The recipe reads a packed store; its root is a guess to be corrected. fp16 becomes bf16, which needs no gradient
    scaler.

    Args:
        file: a YAML file of OpenGait.
        out: the recipe to be; printed when null.
    """
    try:
        recipe, unmapped = recipe_from_config(read_config(file))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise RecipeError(f"{file}: a setting has another form than OpenGait's ({error})") from error
    parser = new_parser("train", "", "")
    add_recipe(parser)
    try:
        parser.parse_object(deepcopy(recipe))  # it changes what it is given
    except ArgumentError as error:
        raise RecipeError(f"{file}: {error}") from error
    comment = f"# From {file.name} of OpenGait. Correct the root of the data.\n"
    comment += "".join(f"# Not mapped: {one}\n" for one in unmapped)
    if out is None:
        text = comment + recipe_text(recipe)
    else:
        write_atomically(out, comment + recipe_text(recipe))
        text = f"{out}: a recipe from {file.name}\n" + "".join(f"not mapped: {one}\n" for one in unmapped)
        text += f"next: walkprint train {out} --run runs/{out.stem}"
    return Summary({"out": None if out is None else str(out), "recipe": recipe, "unmapped": unmapped}, text)


def read_config(file: Path) -> dict[str, Any]:
    """The sections of a configuration.

    Raises:
        RecipeError: the file is missing, damaged, or holds something else.
    """
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RecipeError(f"{file}: cannot be read ({error}); expected a configuration of OpenGait") from error
    if not isinstance(found, dict) or not isinstance(found.get("model_cfg"), dict):
        raise RecipeError(f"{file}: found no model_cfg; expected a configuration of OpenGait")
    return found
