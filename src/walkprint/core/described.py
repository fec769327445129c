"""Things that remember how they were built: their class path and constructor arguments as plain data.

So a network, a loss or a generator can be written down and built again without anybody repeating its settings.
"""

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import PurePath
from typing import Any, get_type_hints

import numpy as np

from walkprint.core.bounds import check_bounds

_MEMORY = "_constructor_arguments"


class Described:
    """Base of what remembers its constructor arguments; subclasses do nothing for it."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in cls.__dict__:
            cls.__init__ = _remembering(cls.__dict__["__init__"])  # type: ignore[method-assign]

    @property
    def class_path(self) -> str:
        """Dotted path of the class."""
        return path_of(type(self))

    @property
    def init_args(self) -> dict[str, Any]:
        """Every constructor argument as plain data, those included that were left at their defaults."""
        return copy.deepcopy(self.__dict__.get(_MEMORY, {}))


def describe(thing: Any) -> Any:
    """Plain data that say how to build something again.

    Args:
        thing: text, numbers, lists, maps; objects that remember, dataclasses (without the defaults of fields whose
            metadata has `omit_default`), functions, `functools.partial`.

    Returns:
        For an object `class_path` and `init_args`; for a function or a class its dotted path. An object that does not
        remember its arguments is only named, as `not_remembered`: it cannot be built again.
    """
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or isinstance(thing, str | int | float | bool):
        plain: Any = thing
    elif isinstance(thing, PurePath):
        plain = str(thing)
    elif isinstance(thing, list | tuple | set | frozenset):
        plain = [describe(one) for one in thing]
    elif isinstance(thing, Mapping):
        plain = {str(name): describe(one) for name, one in thing.items()}
    elif isinstance(thing, type) or inspect.isroutine(thing):
        plain = path_of(thing)
    else:
        plain = _described_object(thing)
    return plain


def _described_object(thing: Any) -> dict[str, Any]:
    if isinstance(thing, Described):
        return {"class_path": thing.class_path, "init_args": thing.init_args}
    if isinstance(thing, functools.partial):
        positional = {str(place): describe(one) for place, one in enumerate(thing.args)}
        return {"class_path": path_of(thing.func), "init_args": positional | describe(thing.keywords)}
    if is_dataclass(thing):
        settings = {
            one.name: describe(getattr(thing, one.name))
            for one in fields(thing)
            if one.init and not (one.metadata.get("omit_default") and getattr(thing, one.name) == one.default)
        }
        return {"class_path": path_of(type(thing)), "init_args": settings}
    return {"not_remembered": path_of(type(thing))}


def parameters_of(kind: type) -> dict[str, inspect.Parameter]:
    """What a constructor takes, by name, with annotations as types; and what its bases take where it hands names on."""
    found: dict[str, inspect.Parameter] = {}
    for base in kind.__mro__:
        init = base.__dict__.get("__init__")
        if init is None:
            continue
        hints, parameters = hints_of(init), list(inspect.signature(init).parameters.values())[1:]
        for each in parameters:
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
                found.setdefault(each.name, each.replace(annotation=hints.get(each.name, Any)))
        if all(each.kind is not each.VAR_KEYWORD for each in parameters):
            break
    for one in fields(kind) if is_dataclass(kind) else ():
        if one.default_factory is not MISSING:
            found[one.name] = found[one.name].replace(default=one.default_factory())
    return found


@functools.cache
def hints_of(init: Callable[..., None]) -> Mapping[str, Any]:
    """The annotations of a constructor as types with their bounds; none where they cannot be read."""
    try:
        return get_type_hints(init, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return {}


def path_of(thing: Any) -> str:
    """Dotted path of a class or function."""
    thing = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{thing.__module__}.{thing.__qualname__}"


def _remembering(init: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(init)

    @functools.wraps(init)
    def remember(self: Any, *arguments: Any, **named: Any) -> None:
        try:
            bound = signature.bind(self, *arguments, **named)
        except TypeError:  # the constructor itself says what is wrong
            return init(self, *arguments, **named)
        check_bounds(type(self).__name__, bound.arguments, hints_of(init))
        if _MEMORY not in self.__dict__:  # the outermost class's constructor is called first
            bound.apply_defaults()
            self.__dict__[_MEMORY] = _plain_arguments(bound)
        return init(self, *arguments, **named)

    return remember


def _plain_arguments(bound: inspect.BoundArguments) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for (name, value), kind in zip(
        list(bound.arguments.items())[1:], list(bound.signature.parameters.values())[1:], strict=True
    ):
        if kind.kind is inspect.Parameter.VAR_KEYWORD:
            found |= describe(value)
        else:
            found[name] = describe(value)
    return found
