"""Ranges of settings, as annotated types: an int that is a `Count` is at least 1, wherever it is given."""

import math
import types
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from inspect import isclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from walkprint.core.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Range:
    """From where to where a number may lie.

    Attributes:
        low, high: the ends; they belong to it.
        above: whether `low` does not belong to it.
        below: whether `high` does not belong to it.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def refusal(self, value: Any) -> str | None:
        """What would be expected instead of a value; None where it lies inside."""
        number: Any = math.nan if isinstance(value, bool) or not isinstance(value, Real) else value
        if not -math.inf < number < math.inf:
            return "a finite number"
        if number < self.low or (self.above and number == self.low):
            return f"{'more than' if self.above else 'at least'} {self.low:,}"
        if number > self.high or (self.below and number == self.high):
            return f"{'less than' if self.below else 'at most'} {self.high:,}"
        return None


Count = Annotated[int, Range(1, 10**9)]
CountOrZero = Annotated[int, Range(0, 10**9)]
Processes = Annotated[int, Range(1, 1024)]
Frames = Annotated[int, Range(1, 10**5)]
Port = Annotated[int, Range(0, 65535)]
SizePx = Annotated[int, Range(4, 1024)]
Subjects = Annotated[int, Range(1, 10**6)]
Width = Annotated[int, Range(1, 4096)]
Seed = Annotated[int, Range(0, 2**63 - 1)]
Positive = Annotated[float, Range(0, above=True)]
NonNegative = Annotated[float, Range(0)]
Fraction = Annotated[float, Range(0, 1)]
OpenFraction = Annotated[float, Range(0, 1, above=True, below=True)]


def check_bounds(owner: str, settings: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """See that every number lies in the `Range` of its annotation.

    Args:
        owner: whose settings they are; the message begins with it.
        settings: by name.
        hints: annotations by name, with their extras.

    Raises:
        RecipeError: names the first that does not.
    """
    for name, value in settings.items():
        if expected := _refusal(value, hints.get(name, Any)):
            raise RecipeError(f"{owner}: {name} is {value!r}, expected {expected}")


class Checked:
    """Base of dataclasses of settings: every number lies in the `Range` of its annotation.

    Raises:
        RecipeError: one does not.
    """

    __slots__ = ()

    def __post_init__(self) -> None:
        settings = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        check_bounds(type(self).__name__, settings, get_type_hints(type(self), include_extras=True))


def _refusal(value: Any, annotation: Any) -> str | None:
    kind, inner = get_origin(annotation), get_args(annotation)
    if kind is Annotated:
        whole = inner[0] is not int or isinstance(value, Integral)
        found = (one.refusal(value) for one in inner[1:] if isinstance(one, Range))
        return next(filter(None, found), None) if whole else "a whole number"
    if kind is Literal:
        return None if value in inner else " or ".join(map(str, inner))
    if kind in (Union, types.UnionType):
        refused = [None if value is None else _refusal(value, one) for one in inner if one is not type(None)]
        return None if None in refused else refused[0]
    if isinstance(value, Real) and isclass(kind) and issubclass(kind, Collection):
        return "a list" if issubclass(kind, Sequence) else "names with values"
    if isinstance(value, Mapping):
        value, inner = list(value.values()), inner[1:]
    if isinstance(value, str) or not isinstance(value, Sequence) or not inner:
        return None
    kinds = inner if len(inner) == len(value) else inner[:1] * len(value)
    return next(filter(None, map(_refusal, value, kinds)), None)
