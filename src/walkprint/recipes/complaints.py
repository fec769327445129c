"""What the parser refuses, in plain words."""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Any

from jsonargparse import ArgumentParser

from walkprint.core.spelling import nearest

_UNION = re.compile(
    r"Does not validate against any of the Union subtypes\s+Subtypes:.*?Errors:\n(?P<indent> *)- (?P<reasons>.*)"
    r"\n *Given value type:[^\n]*\n *Given value: (?P<value>[^\n]*)",
    re.DOTALL,
)
_LITERAL = re.compile(r"Expected a typing\.Literal\[(?P<choices>[^]]*)\](?:\. Got value: (?P<found>\S+))?")
_ABSTRACT = re.compile(r"Expected an instantiatable class, but (?P<name>\S+) is abstract")
_MISSPELT = re.compile(r"path string: (\w+)|[Oo]ption '(\w+)'|arguments: --([\w.]+)")
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "str": "text",
    "list": "a list such as [a,b]",
    "collections.abc.Sequence": "a list such as [a,b]",
    "dict": "names with values such as {a: b}",
}
_PHRASES = (
    (r"Parser key \"([^\"]*)\":\s*", r"\1: "),
    (r"Problem with given class_path '(?:[\w.]+\.)?(\w+)':\s*", r"\1: "),
    (r"Option '(\w+)' is not accepted", r"no setting \1"),
    (r"Expected a dot import path string: (\S+)", r"no class \1"),
    (r"Expected an? <class '([\w.]+)'>", lambda found: f"expected {_KINDS.get(found[1], found[1])}"),
    (r"\. Got value: ", ", found "),
)


def with_nearest_name(message: str, parser: ArgumentParser) -> str:
    """A complaint in words; an unknown name comes with the known name of the nearest spelling, if there is one."""
    found = _MISSPELT.search(message)
    if found is None:
        return in_words(message)
    names = {word.removeprefix("--") for action in parser._actions for word in action.option_strings}
    for kind in classes():
        names |= {kind.__name__, *getattr(kind.__init__, "__annotations__", {})}
    return in_words(message) + nearest(next(name for name in found.groups() if name), names)


def in_words(message: str) -> str:
    """A complaint of the parser without its types: where, what was found, what was expected."""
    message = _UNION.sub(_of_union, message)
    message = _LITERAL.sub(_of_choices, message)
    message = _ABSTRACT.sub(_of_family, message)
    for pattern, words in _PHRASES:
        message = re.sub(pattern, words, message)
    return message


def classes() -> Iterator[Any]:
    """Our own classes, of the modules that are loaded."""
    for module in [one for name, one in sys.modules.items() if name.startswith("walkprint.")]:
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__.startswith("walkprint.") and not name.startswith("_"):
                yield kind


def _of_union(found: re.Match[str]) -> str:
    """Only the reasons that are not about leaving the value out."""
    reasons = re.split(rf"\n{found['indent']}- ", found["reasons"])
    said = [
        in_words(one.replace("class, but is abstract", f"class, but {found['value']} is abstract"))
        for one in reasons
        if "<class 'NoneType'>" not in one or "\n" in one
    ]
    if not all(one.startswith("expected ") for one in said):
        return "; ".join(said)
    return f"expected {' or '.join(one.removeprefix('expected ') for one in said)}, found {found['value']}"


def _of_choices(found: re.Match[str]) -> str:
    choices = [one.strip("'\"") for one in found["choices"].split(", ")]
    said = f"expected {' or '.join(choices)}"
    return said if found["found"] is None else f"{said}, found {found['found']}{nearest(found['found'], choices)}"


def _of_family(found: re.Match[str]) -> str:
    name = found["name"].rpartition(".")[2]
    families = tuple(kind for kind in classes() if kind.__name__ == name)
    members = {kind.__name__ for kind in classes() if issubclass(kind, families) and not inspect.isabstract(kind)}
    return f"{name} stands for all of them; name one: {', '.join(sorted(members))}"
