"""The files that come with the package: recipes, protocols, populations, studies, examples; named without a path."""

from pathlib import Path

import walkprint
from walkprint.core.errors import ArgumentError, CheckpointError, RecipeError
from walkprint.core.spelling import did_you_mean

_PACKAGE = Path(walkprint.__file__).resolve().parent
_INSTALLED, _CHECKOUT = _PACKAGE / "recipes" / "bundled", _PACKAGE.parents[1]


def bundled() -> dict[str, Path]:
    """Name -> file, such as "walkers/gaitset_narrow" or "examples/01_walkers", in order of the names."""
    home = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    found = {
        path.relative_to(home / "recipes").with_suffix("").as_posix(): path for path in home.glob("recipes/*/*.yaml")
    }
    found |= {f"examples/{path.stem}": path for path in home.glob("examples/*.py")}
    return dict(sorted(found.items()))


def find_file(name: str | Path) -> Path:
    """A file by its path, or a bundled one by its name, with or without its ending.

    Raises:
        RecipeError: there is neither.
    """
    path = Path(name)
    if path.is_file():
        return path
    known = bundled()
    short = path.with_suffix("").as_posix() if path.suffix in {".yaml", ".py"} else str(name)
    if short in known:
        return known[short]
    beside = {str(one) for one in path.parent.glob(f"*{path.suffix}") if one.is_file()} if path.suffix else set()
    advice = did_you_mean(str(name), beside) or did_you_mean(short, known) or "; `recipes` lists those of the package"
    raise RecipeError(f"{name}: no such file, and none of that name is bundled{advice}")


def find_recipe(recipe: str | Path | None, run: Path) -> Path:
    """The file of a recipe, by path or bundled name; when None, the one that an earlier training left with the run.

    Raises:
        RecipeError: there is none.
    """
    if recipe is not None:
        return find_file(recipe)
    if not (run / "recipe.yaml").is_file():
        raise ArgumentError(f"`recipe` is required: {run} holds no run to resume")
    return run / "recipe.yaml"


def first_comment(path: Path) -> str:
    """The first line that a YAML file or a script says of itself; empty when it says nothing."""
    with path.open(encoding="utf-8") as lines:
        line = next((one.strip() for one in lines if one.strip()), "")
    return line.strip('#" ') if line.startswith(("#", '"')) else ""


def bundled_networks() -> dict[str, Path]:
    """The trained networks that come with the package: name -> folder."""
    return {
        folder.name: folder for folder in sorted((_PACKAGE / "networks" / "pretrained").iterdir()) if folder.is_dir()
    }


def find_trained(name: str | Path) -> Path:
    """The folder of a run or of a finished network, by its path; or of a bundled network, by its name.

    Raises:
        CheckpointError: there is neither.
    """
    path, known = Path(name), bundled_networks()
    if path.exists():
        return path
    if str(name) in known:
        return known[str(name)]
    beside = {str(one) for one in path.parent.glob("*") if one.is_dir()}
    advice = did_you_mean(str(name), {*beside, *known}) or f"; give the folder of a run, or {' or '.join(known)}"
    raise CheckpointError(f"{name}: no such folder{advice}")
