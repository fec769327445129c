"""From text that is typed, or data that stands in a YAML file, to the value that an annotation asks for."""

import contextlib
import types
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from walkprint.core.spelling import nearest

_EXPECTED: dict[Any, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path",
    list: "a list such as [a, b]", dict: "name=value",
}  # fmt: skip


class UsageError(Exception):
    """The words do not fit the verb."""


def kind_of(annotation: Any) -> Any:
    """An annotation without None."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation


def value_of(given: Any, annotation: Any) -> Any:
    """A value of a kind.

    Args:
        given: a word, a list of words, or data from a YAML file.
        annotation: bool, int, float, str, Path or Literal; list or dict of those; any of them or None; Any.

    Raises:
        UsageError: it is none; says what was expected and found.
    """
    kind = kind_of(annotation)
    if kind is not annotation and given in (None, "null"):
        return None
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return _choice(given, {str(choice): choice for choice in inner})
    if origin is list:
        return [value_of(one, inner[0]) for one in _items(given)]
    if origin is dict:
        return {str(name): value_of(one, inner[1]) for name, one in _pairs(given).items()}
    return given if kind is Any else _plain(given, kind)


def _plain(given: Any, kind: Any) -> Any:
    whole = isinstance(given, int) and not isinstance(given, bool)
    if isinstance(given, str) and kind is bool:
        given = {"true": True, "false": False}.get(given, given)
    elif (isinstance(given, str) and kind in (int, float, Path)) or (whole and kind is float):
        with contextlib.suppress(ValueError):
            given = kind(given)
    if type(given) is kind or (kind is Path and isinstance(given, Path)):
        return given
    quotes = "; put it in quotes" if kind is str and isinstance(given, int | float) else ""
    raise UsageError(f"expected {_EXPECTED[kind]}, found {given}{quotes}")


def _choice(given: Any, choices: dict[str, Any]) -> Any:
    if str(given) not in choices:
        raise UsageError(f"expected {' or '.join(choices)}, found {given}{nearest(str(given), choices)}")
    return choices[str(given)]


def _items(given: Any) -> list[Any]:
    """The items of a list: several words, or one that is a list in YAML, such as [a, b]."""
    if isinstance(given, list) and len(given) == 1 and str(given[0]).startswith("["):
        given = _yaml(given[0])
    if not isinstance(given, list):
        raise UsageError(f"expected {_EXPECTED[list]}, found {given}")
    return given


def _pairs(given: Any) -> dict[Any, Any]:
    """Names with values: words such as name=value and {a: b}, of which the last counts; or a map."""
    found: dict[Any, Any] = {}
    for word in given if isinstance(given, list) else [given]:
        plain = _yaml(word) if str(word).startswith("{") else word
        name, equals, value = str(plain).partition("=")
        if isinstance(plain, dict):
            found |= plain
        elif name and equals:
            found[name] = value
        else:
            raise UsageError(f"expected {_EXPECTED[dict]}, found {word}")
    return found


def _yaml(text: Any) -> Any:
    from walkprint.core.yaml_json import parse_yaml

    try:
        return parse_yaml(text, text) if isinstance(text, str) else text
    except ValueError as error:
        if "is there twice" in str(error):
            raise UsageError(str(error)) from error
        return text
