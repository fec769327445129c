"""`walkprint explain`: what a class is and which settings it has, for `--set` and for recipes."""

import inspect
from typing import Any

from walkprint.core.errors import RecipeError
from walkprint.core.spelling import did_you_mean
from walkprint.core.summary import Summary
from walkprint.studies.run import STUDIES

_FAMILIES = (
    "networks.base.Network", "losses.base.Loss", "data.base.GaitDataset", "data.frames.FrameChooser",
    "data.augment.Augmentation", "training.schedule.Schedule", "generation.base.GenerativeModel",
    "generation.expander.Expander", "video.segmenter.Segmenter",
)  # fmt: skip
_ALONE = (
    "recipes.recipe.Recipe", "recipes.recipe.Plan", "recipes.generator_recipe.GeneratorRecipe",
    "data.walkers.Variety", *(f"studies.{name.replace('-', '_')}.{kind}" for name, kind in STUDIES.items()),
)  # fmt: skip


def explain(name: str | None = None) -> Summary:
    """Print the settings of a class, or list all classes that a recipe may name.

    Args:
        name: a class, e.g. GaitSet, TripletLoss or Recipe; your own by its dotted path.

    Example:
        walkprint explain GaitSet
    """
    from walkprint.recipes.classes import members

    if name is not None and "." in name:
        return _explained(_found(name))

    families = {path.rpartition(".")[2]: members(_found(f"walkprint.{path}")) for path in _FAMILIES}
    alone: dict[str, Any] = {path.rpartition(".")[2]: _found(f"walkprint.{path}") for path in _ALONE}
    if name is None:
        listed = {family: sorted(some) for family, some in families.items()} | {"others": list(alone)}
        return Summary(listed, "\n".join(f"{family}: {', '.join(some)}" for family, some in listed.items()))
    known = alone | {one: kind for some in families.values() for one, kind in some.items()}
    if name not in known:
        raise RecipeError(f"no class {name!r}{did_you_mean(name, known) or '; `walkprint explain` lists them'}")
    return _explained(known[name])


def _explained(kind: type) -> Summary:
    parameters = inspect.signature(kind).parameters
    settings = [str(one.replace(annotation=one.empty)) for one in parameters.values()]
    text = f"{kind.__name__}\n\n{inspect.getdoc(kind) or ''}\n\nSettings:\n    " + "\n    ".join(settings)
    return Summary(
        {"class": kind.__name__, "settings": list(parameters), "documentation": inspect.getdoc(kind)}, text, True
    )


def _found(path: str) -> Any:
    from walkprint.recipes.classes import class_at

    kind = class_at(path)
    if not isinstance(kind, type):
        raise RecipeError(f"{path}: no such class")
    return kind
