"""A generator from its class path and settings, as recipes and trained generators spell it."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from typing import Any

import walkprint.generation
from walkprint.core.errors import RecipeError
from walkprint.generation.base import GenerativeModel


def generator_classes() -> dict[str, type[GenerativeModel]]:
    """All generators by class name, those of this package and those that were imported from elsewhere."""
    for module in pkgutil.iter_modules(walkprint.generation.__path__, walkprint.generation.__name__ + "."):
        importlib.import_module(module.name)
    found: dict[str, type[GenerativeModel]] = {}
    left = GenerativeModel.__subclasses__()
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not inspect.isabstract(kind):
            found[kind.__name__] = kind
    return found


def build_generator(entry: Mapping[str, Any], **settings: Any) -> GenerativeModel:
    """Build a generator.

    Args:
        entry: `class_path`, a class name or dotted path, and `init_args`.
        settings: go before those of the entry, say the names `subjects`, `conditions` and `views`.

    Raises:
        RecipeError: the class is no generator, or a setting is unknown, missing or out of range.
    """
    path, arguments = str(entry.get("class_path", "")), {**entry.get("init_args", {}), **settings}
    if "." in path:
        try:
            importlib.import_module(path.rpartition(".")[0])
        except ImportError as error:
            raise RecipeError(f"generator: {path}: {error}; its module must be importable from here") from error
    known = generator_classes()
    kind = known.get(path.rpartition(".")[2])
    if kind is None or path not in (kind.__name__, f"{kind.__module__}.{kind.__qualname__}"):
        raise RecipeError(f"generator: class_path is {path!r}, expected one of {', '.join(sorted(known))}")
    bases = [one for one in kind.__mro__ if issubclass(one, GenerativeModel)]
    accepted = {name for one in bases for name in inspect.signature(one).parameters}
    if unknown := sorted(set(arguments) - accepted):
        raise RecipeError(f"{kind.__name__}: {unknown[0]} is not a setting of it; see its settings")
    try:
        return kind(**arguments)
    except TypeError as error:
        raise RecipeError(f"{kind.__name__}: {error}; see its settings") from None
