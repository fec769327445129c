"""From words as they are typed, or data of a YAML file, to the values of options."""

import types
from typing import Annotated, Any, Union, get_args, get_origin

from walkprint.core.values import MisfitError, from_yaml, shown
from walkprint.core.values import value_of as plain_value


class UsageError(Exception):
    """The words do not fit the verb."""


def kind_of(annotation: Any) -> Any:
    """An annotation without None and bounds."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(one for one in get_args(annotation) if one is not type(None))
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def value_of(given: Any, annotation: Any) -> Any:
    """A value of a kind.

    Args:
        given: a word, a list of words, or data from a YAML file.
        annotation: see `walkprint.core.values.value_of`.

    Raises:
        UsageError: it is none; says what was expected and found.
    """
    origin = get_origin(kind_of(annotation))
    try:
        if origin is list and isinstance(given, list) and len(given) == 1:
            given = from_yaml(given[0]) if str(given[0]).startswith("[") else given
        elif origin is dict and given is not None:
            given = _pairs(given)
        return plain_value(given, annotation)
    except MisfitError as error:
        raise UsageError(str(error)) from None


def _pairs(given: Any) -> dict[Any, Any]:
    """Names with values: words such as name=value and {a: b}, of which the last counts; or a map."""
    pairs: dict[Any, Any] = {}
    for word in given if isinstance(given, list) else [given]:
        plain = from_yaml(word)
        name, equals, value = str(plain).partition("=")
        if isinstance(plain, dict):
            pairs |= plain
        elif name and equals:
            pairs[name] = value
        else:
            raise UsageError(f"expected name=value, found {shown(word)}")
    return pairs
