"""`walkprint import-opengait-config`: a configuration of OpenGait becomes a recipe."""

from pathlib import Path

from walkprint.core.files import check_there
from walkprint.core.summary import Summary


def import_opengait_config(file: Path, *, out: Path | None = None) -> Summary:
    """Convert a configuration of OpenGait into a recipe, and list what could not be mapped.

    The recipe reads a packed store; correct its root, which is a guess. fp16 becomes bf16, which needs no gradient
    scaler.

    Args:
        file: a YAML file of OpenGait.
        out: file of the recipe; printed by default.

    Example:
        walkprint import-opengait-config gaitbase_da_casiab.yaml --out mine.yaml
    """
    check_there(file)
    from walkprint.core.files import write_atomically
    from walkprint.recipes.from_opengait import recipe_from_opengait
    from walkprint.training.run import recipe_text

    recipe, unmapped = recipe_from_opengait(file)
    comment = f"# From {file.name} of OpenGait. Correct the root of the data.\n"
    text = comment + "".join(f"# Not mapped: {one}\n" for one in unmapped) + recipe_text(recipe)
    if out is not None:
        write_atomically(out, text)
        text = f"{out}: a recipe from {file.name}\n" + "".join(f"not mapped: {one}\n" for one in unmapped)
        text += f"next: walkprint train {out} --run runs/{out.stem}"
    return Summary(
        {"out": None if out is None else str(out), "recipe": recipe, "unmapped": unmapped}, text, verbatim=True
    )
