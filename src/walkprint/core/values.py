"""From typed words and plain data to the values that annotations ask for; what does not fit is refused in words."""

import contextlib
import math
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import isclass
from numbers import Integral, Real
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from walkprint.core.bounds import Range
from walkprint.core.errors import RecipeError
from walkprint.core.spelling import did_you_mean

Make = Callable[[Any, Any], Any]

EXPECTED: dict[Any, str] = {
    bool: "true or false", int: "a whole number", float: "a number", str: "text", Path: "a path",
    list: "a list such as [a, b]", dict: "names with values such as {a: b}",
}  # fmt: skip
_SHOWN = 60


class MisfitError(RecipeError):
    """A value does not fit.

    Attributes:
        where: names and places that lead to it, outermost first, e.g. ["schedule", "steps"].
        said: what was expected and found.
    """

    def __init__(self, said: str, *where: str) -> None:
        super().__init__(said)
        self.said, self.where = said, list(where)

    def __str__(self) -> str:
        return ": ".join(filter(None, (".".join(self.where), self.said)))


@contextlib.contextmanager
def inside(place: str, *, named: bool = True) -> Iterator[None]:
    """What does not fit inside the block lies at this place, which goes without saying where it has no name."""
    try:
        yield
    except MisfitError as error:
        error.where[:0] = [place] if named or error.where else []
        raise


def shown(value: Any) -> str:
    """A value as a message shows it: in one line, not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def value_of(given: Any, annotation: Any, make: Make | None = None) -> Any:
    """A value of a kind.

    Args:
        given: a word, as it is typed, or plain data.
        annotation: bool, int, float, str, Path, Literal; lists, tuples, maps of them; any of them or None, with a
            `Range` or without; with `make`, classes and functions too.
        make: what becomes of an entry for a class or a function.

    Raises:
        MisfitError: it is none; says what was expected and found.
    """
    kind, inner = get_origin(annotation) or annotation, get_args(annotation)
    if kind is Annotated:
        value = value_of(given, inner[0], make)
        for bound in inner[1:]:
            if isinstance(bound, Range) and (expected := bound.refusal(value)):
                raise MisfitError(f"expected {expected}, found {shown(given)}")
        return value
    value = given
    if kind in (Union, types.UnionType):
        value = _one_of(given, inner, make)
    elif kind is Literal:
        value = _choice(given, {str(choice): choice for choice in inner})
    elif isclass(kind) and issubclass(kind, Mapping):
        value = _mapping(given, inner, make)
    elif isclass(kind) and issubclass(kind, Sequence) and kind is not str:
        value = _sequence(given, kind, inner, make)
    elif kind in EXPECTED:
        value = _plain(given, kind)
    elif kind is type(None) and given is not None:
        raise MisfitError(f"expected nothing, found {shown(given)}")
    elif make is not None and kind not in (Any, type(None)):
        value = make(given, annotation)
    return value


def _one_of(given: Any, kinds: Sequence[Any], make: Make | None) -> Any:
    if type(None) in kinds and (given is None or given == "null"):
        return None
    refused = []
    for kind in kinds:
        try:
            return value_of(given, kind, make)
        except MisfitError as error:
            if kind is not type(None):
                refused.append(error)
    said = [one.said for one in refused if not one.where]
    if len(refused) == 1 or len(said) < len(refused):  # what lies deeper says more
        raise max(refused, key=lambda one: len(one.where))
    expected = dict.fromkeys(one.partition(", found")[0].removeprefix("expected ") for one in said)
    raise MisfitError(f"expected {' or '.join(expected)}, found {shown(given)}")


def _choice(given: Any, choices: dict[str, Any]) -> Any:
    if str(given) not in choices:
        raise MisfitError(f"expected {' or '.join(choices)}, found {shown(given)}{did_you_mean(str(given), choices)}")
    return choices[str(given)]


def _mapping(given: Any, inner: tuple[Any, ...], make: Make | None) -> dict[str, Any]:
    plain = from_yaml(given)
    if not isinstance(plain, Mapping):
        raise MisfitError(f"expected {EXPECTED[dict]}, found {shown(given)}")
    values = {}
    for name, one in plain.items():
        with inside(str(name)):
            values[str(name)] = value_of(one, inner[1] if inner else Any, make)
    return values


def _sequence(given: Any, kind: type, inner: tuple[Any, ...], make: Make | None) -> Any:
    plain = from_yaml(given)
    if isinstance(plain, str | Mapping) or not isinstance(plain, Sequence):
        raise MisfitError(f"expected {EXPECTED[list]}, found {shown(given)}")
    fixed = kind is tuple and inner[1:] != (Ellipsis,)
    if fixed and len(plain) != len(inner):
        raise MisfitError(f"expected a list of {len(inner)}, found {shown(given)}")
    values = []
    for place, one in enumerate(plain):
        with inside(str(place), named=False):
            values.append(value_of(one, inner[place] if fixed else inner[0] if inner else Any, make))
    return tuple(values) if kind is tuple else values


def _plain(given: Any, kind: Any) -> Any:
    value = given
    if isinstance(given, str) and kind is bool:
        value = {"true": True, "false": False}.get(given, given)
    elif isinstance(given, str) and kind in (int, float, Path):
        with contextlib.suppress(ValueError):
            value = kind(given)
    elif type(given) is not bool and isinstance(given, Integral if kind is int else Real) and kind in (int, float):
        value = kind(given)
    fits = isinstance(value, Path) if kind is Path else type(value) is kind
    if not fits or (kind is float and math.isnan(value)):
        quotes = "; put it in quotes" if kind is str and isinstance(given, int | float) else ""
        raise MisfitError(f"expected {EXPECTED[kind]}, found {shown(given)}{quotes}")
    return value


def from_yaml(given: Any) -> Any:
    """What a word such as "[a, b]" or "{a: 1}" means; anything else as it is.

    Raises:
        MisfitError: a name stands in it twice.
    """
    if not isinstance(given, str) or not given.startswith(("[", "{")):
        return given
    from walkprint.core.yaml_json import parse_yaml

    try:
        return parse_yaml(given, given)
    except (ValueError, RecursionError) as error:
        if "is there twice" in str(error):
            raise MisfitError(str(error)) from error
        return given
