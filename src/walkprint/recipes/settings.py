"""Recipes as plain data: reading YAML, and replacing settings by their dotted names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkprint.core.errors import ArgumentError, RecipeError
from walkprint.core.yaml_json import parse_yaml, read_text
from walkprint.recipes.library import find_file


def read_settings(source: str | Path) -> dict[str, Any]:
    """The settings in a YAML file, or in a bundled one.

    Args:
        source: a path, or the name of a bundled file such as "walkers/gaitset_narrow".

    Raises:
        RecipeError: there is no such file, or it is damaged or holds something else.
    """
    path = find_file(source)
    try:
        found = parse_yaml(read_text(path), source)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error}); expected settings in YAML") from error
    except ValueError as error:
        raise RecipeError(f"{error}; expected settings in YAML") from error
    if not isinstance(found, dict):
        raise RecipeError(f"{path}: found a {type(found).__name__}, expected names and settings")
    return found


def with_changes(plain: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with some replaced.

    Args:
        plain: nested settings; changed in place.
        changes: by dotted names. Below a class its constructor's arguments are meant: "network.channels". A class
            alone, {"network": "GaitBase"}, replaces the one that is there together with its arguments.
    """
    for name, value in changes.items():
        *path, last = name.split(".")
        place: Any = plain
        for word in path:
            place = _step(place, word, name)
        place = _arguments(place, last, name)
        place[last] = value
    return plain


def settings_of(settings: Mapping[str, Any] | None, *arguments: str) -> list[dict[str, Any]]:
    """The settings of what arguments name, one map for each argument.

    Args:
        settings: by dotted names that begin with an argument's: {"data.train": "40"}. Values may be text as it is
            typed; the constructor's annotations decide what it means.
        arguments: those that are given.

    Raises:
        ArgumentError: a setting belongs to none of the arguments.
    """
    found: dict[str, dict[str, Any]] = {argument: {} for argument in arguments}
    for name, value in (settings or {}).items():
        argument, _, setting = name.partition(".")
        if argument not in found or not setting:
            known = " or ".join(f"{one}.NAME=VALUE" for one in arguments)
            raise ArgumentError(f"`set` {name}: expected {known or f'`{argument}` beside it'}")
        found[argument][setting] = value
    return list(found.values())


def _step(place: Any, word: str, name: str) -> Any:
    inner = _arguments(place, word, name)
    if isinstance(inner.get(word), str):  # a class path alone
        inner[word] = {"class_path": inner[word]}
    if inner.get(word) is None:
        inner[word] = {}
    return inner[word]


def _arguments(place: Any, word: str, name: str) -> dict[str, Any]:
    if not isinstance(place, dict):
        raise RecipeError(f"{name}: there is no setting below {place!r}")
    if "class_path" in place and word not in ("class_path", "init_args"):
        inner: dict[str, Any] = place.setdefault("init_args", {})
        return inner
    return place
