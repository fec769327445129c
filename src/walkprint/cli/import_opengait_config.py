"""`walkprint import-opengait-config`: a configuration of OpenGait becomes a recipe."""

from collections.abc import Sequence
from pathlib import Path

from walkprint.cli.words import Summary, carry_out
from walkprint.core.files import write_atomically
from walkprint.recipes.from_opengait import recipe_from_opengait
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
    recipe, unmapped = recipe_from_opengait(file)
    comment = f"# From {file.name} of OpenGait. Correct the root of the data.\n"
    comment += "".join(f"# Not mapped: {one}\n" for one in unmapped)
    if out is None:
        text = comment + recipe_text(recipe)
    else:
        write_atomically(out, comment + recipe_text(recipe))
        text = f"{out}: a recipe from {file.name}\n" + "".join(f"not mapped: {one}\n" for one in unmapped)
        text += f"next: walkprint train {out} --run runs/{out.stem}"
    return Summary({"out": None if out is None else str(out), "recipe": recipe, "unmapped": unmapped}, text)
