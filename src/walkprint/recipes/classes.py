"""Objects from their class path and settings: the one place where recipes and trained networks are turned into objects.

A class of walkprint may be named by its last part (`GaitSet`), any other by its dotted path. Only classes of the wanted
family are admitted, and an unknown setting is an error before anything is built.
"""

import importlib
import inspect
import pkgutil
import sys
from argparse import ArgumentError
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace, set_parsing_settings

from walkprint.core.described import path_of
from walkprint.core.errors import GaitError, RecipeError
from walkprint.core.spelling import nearest
from walkprint.recipes.complaints import with_nearest_name

set_parsing_settings(import_path_denylist=[])  # enforces its own list of what a recipe may never name, e.g. os.system


def import_families(*rooms: str) -> None:
    """Load all networks, losses and data sets, so that they can be named briefly; own ones may lie in this folder.

    Args:
        rooms: further ones to load, e.g. "generation".
    """
    for room in ("data", "losses", "networks", *rooms):
        package = importlib.import_module(f"walkprint.{room}")
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))


def members(family: type) -> dict[str, Any]:
    """The classes of a family that can be built, by name: those of its room and those imported from elsewhere."""
    import_families(family.__module__.split(".")[1])
    found, left = dict[str, Any](), [family]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if not inspect.isabstract(kind) and not kind.__name__.startswith("_"):
            found[kind.__name__] = kind
    return found


def build(family: type, entry: Mapping[str, Any] | str, **settings: Any) -> Any:
    """One object of a family.

    Args:
        family: the base class.
        entry: `class_path`, a class name or dotted path, and `init_args`; or the class path alone; or, where the family
            itself can be built, the settings alone.
        settings: go before those of the entry, e.g. `subjects`, `conditions` and `views` of a generator.

    Raises:
        RecipeError: the class is none of the family, or a setting is unknown, missing or wrong.
    """
    plain: dict[str, Any] = {"class_path": entry} if isinstance(entry, str) else dict(entry)
    if "class_path" not in plain and not inspect.isabstract(family):
        plain = {"class_path": path_of(family), "init_args": plain}
    kind = find_class(family, str(plain.get("class_path", "")))
    arguments: dict[str, Any] = dict(plain.get("init_args") or {}) | settings
    _check_rebuildable(kind.__name__, arguments)
    parser = new_parser()
    parser.add_class_arguments(kind, sub_configs=False)
    try:
        parsed = parser.parse_object(arguments)
    except ArgumentError as error:
        raise RecipeError(f"{kind.__name__}: {with_nearest_name(str(error), parser)}") from error
    return kind(**vars(instantiate(parser, parsed)))


def typed_settings(kind: type, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a class as its annotations want them, e.g. 3 for "3"; only those that are given.

    Raises:
        RecipeError: a setting is unknown or wrong.
    """
    parser = new_parser()
    parser.add_class_arguments(kind, sub_configs=False)
    try:
        parsed = vars(parser.parse_object(dict(settings)))
    except ArgumentError as error:
        raise RecipeError(f"{kind.__name__}: {with_nearest_name(str(error), parser)}") from error
    return {name: parsed[name] for name in settings}


def find_class(family: type, path: str) -> Any:
    """A class of a family, by its name or dotted path.

    Raises:
        RecipeError: there is no such class, or it is none of the family.
    """
    known, kind = members(family), None
    module, _, name = path.rpartition(".")
    if module:
        try:
            kind = getattr(importlib.import_module(module), name, None)
        except ImportError as error:
            raise RecipeError(f"{family.__name__}: {path}: {error}; its module must be importable from here") from error
    else:
        kind = known.get(path)
    if not isinstance(kind, type) or not issubclass(kind, family) or inspect.isabstract(kind):
        raise RecipeError(
            f"{family.__name__}: class_path is {path!r}, expected one of {', '.join(sorted(known))}, or a dotted path"
            f"{nearest(path, known)}"
        )
    return kind


def new_parser() -> ArgumentParser:
    """A parser of settings that raises instead of leaving the process."""
    return ArgumentParser(exit_on_error=False)


def instantiate(parser: ArgumentParser, settings: Namespace) -> Namespace:
    """Build the classes that settings name.

    Raises:
        GaitError: the one that a class raised, dug out of the parser's own errors about it.
    """
    try:
        built: Namespace = parser.instantiate(settings)
    except (TypeError, ValueError) as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, GaitError):
            cause = cause.__cause__ or cause.__context__
        raise cause or error from None
    return built


def _check_rebuildable(class_path: str, arguments: Mapping[str, Any]) -> None:
    """Some objects do not remember their own arguments; see `describe`."""
    for name, value in arguments.items():
        if isinstance(value, Mapping) and "not_remembered" in value:
            raise RecipeError(
                f"{class_path}: {name} was a {value['not_remembered']}, whose settings are not known; build it in "
                "Python and use `load_weights`"
            )
