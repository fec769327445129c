"""A verb is a plain typed function: its signature and its docstring are the options and their help.

Parameters before `*` are positional, the others options; without a default they are required. A bool is a flag, a list
takes several words, a dict takes words such as name=value and may be given more than once. A dataclass stands for its
fields, each an option.
"""

import argparse
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeGuard, get_args, get_origin

from walkprint.cli.process import import_modules
from walkprint.cli.values import UsageError, kind_of, value_of
from walkprint.core.spelling import did_you_mean
from walkprint.core.summary import Summary

_METAVARS: dict[Any, str] = {int: "INT", float: "NUMBER", str: "TEXT", Path: "PATH"}
_CONFIG = "YAML file with options; typed options override it, and --no_FLAG undoes a flag"
_IMPORT = "your modules to import first, also from the current folder, so that their classes can be named"
_JSON = "print one JSON object on stdout and everything else on stderr"


@dataclass(frozen=True, slots=True)
class Option:
    """One parameter of a verb.

    Attributes:
        name: as in the signature.
        annotation: what its value is.
        default: `inspect.Parameter.empty` when it is required.
        help: what the docstring says.
        positional: whether it is a word instead of an option.
    """

    name: str
    annotation: Any
    default: Any
    help: str
    positional: bool

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty

    @property
    def shown(self) -> str:
        """Its name as it is typed."""
        return self.name.upper() if self.positional else f"--{self.name}"

    @property
    def choices(self) -> list[str]:
        """The words that it takes; empty when there are others."""
        kind = kind_of(self.annotation)
        kind = get_args(kind)[0] if get_origin(kind) is list else kind
        return [str(one) for one in get_args(kind)] if get_origin(kind) is Literal else []

    def value(self, given: Any, place: str) -> Any:
        """Its value; a refusal begins with the place where it was given."""
        try:
            return value_of(given, self.annotation)
        except UsageError as error:
            raise UsageError(f"{place}: {error}") from None

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Let a parser know it; what it takes is judged later, by `value`."""
        kind, several = kind_of(self.annotation), get_origin(kind_of(self.annotation)) in (list, dict)
        text = self.help.replace("%", "%%") + (" (required)" if self.required else "")
        if not self.required and self.default is not None and self.default is not False and self.default != []:
            default = " ".join(map(str, self.default)) if several else self.default
            text += f" (default: {default})"
        if self.positional:
            metavar = "|".join(self.choices) or self.shown
            parser.add_argument(self.name, nargs="*" if several else "?", metavar=metavar, help=text)
        elif kind is bool:
            parser.add_argument(self.shown, action="store_true", help=text)
            parser.add_argument(f"--no_{self.name}", dest=self.name, action="store_false", help=argparse.SUPPRESS)
        elif several:
            parser.add_argument(self.shown, nargs="+", action="extend", metavar=self.metavar, help=text)
        else:
            parser.add_argument(self.shown, metavar=self.metavar, help=text)

    @property
    def metavar(self) -> str:
        """What stands for its value in the help."""
        kind = kind_of(self.annotation)
        inner = kind_of(get_args(kind)[0]) if get_origin(kind) is list else kind
        return "NAME=VALUE" if get_origin(kind) is dict else "|".join(self.choices) or _METAVARS[inner]


@dataclass(frozen=True, slots=True)
class Verb:
    """A function as a verb.

    Attributes:
        function: what is called.
        name: as it is typed.
    """

    function: Callable[..., Summary | None]
    name: str

    @property
    def summary(self) -> str:
        """What it does, in a line."""
        return _sections(self.function)["Summary"][0]

    @property
    def options(self) -> dict[str, Option]:
        """The parameters by name, in order, and the fields of those that are dataclasses."""
        return {one.name: one for one in _options(self.function)}

    def call(self, given: Mapping[str, Any]) -> Summary | None:
        """Carry it out.

        Args:
            given: values of options, as of `parse`.
        """
        left, grouped = dict(given), dict[str, Any]()
        for name, one in _parameters(self.function).items():
            if _is_group(one.annotation):
                own = left.keys() & _parameters(one.annotation).keys()
                grouped[name] = one.annotation(**{field: left.pop(field) for field in own})
        return self.function(**left, **grouped)

    def parse(self, words: Sequence[str]) -> tuple[dict[str, Any], bool]:
        """The arguments that are given, no defaults among them; and whether JSON is asked for.

        The modules of `--import` are imported before anything is opened.

        Raises:
            UsageError: an option is unknown, missing, or has a value of another kind.
        """
        try:
            found, unknown = self._parser().parse_known_args(list(words))
        except argparse.ArgumentError as error:
            raise UsageError(f"{error.argument_name}: {error.message}") from None
        if unknown:
            raise UsageError(self._refusal_of(unknown))
        options, typed = self.options, vars(found)
        import_modules(typed.pop("import", []))
        as_json, config = typed.pop("json", False), typed.pop("config", None)
        filed = dict[str, Any]()
        if config:
            from walkprint.recipes.settings import read_settings  # for its YAML, which help does not need

            filed = read_settings(config)
        for name in filed.keys() - options.keys():
            raise UsageError(f"{config}: no option {name}{did_you_mean(str(name), options)}")
        given = {name: options[name].value(one, f"{config}: {name}") for name, one in filed.items()}
        settings = given.get("set") or {}
        given |= {name: options[name].value(one, options[name].shown) for name, one in typed.items()}
        if settings:  # those of the file stay beside those that are typed
            given["set"] = settings | given["set"]
        missing = [one.shown for one in options.values() if one.required and given.get(one.name, []) == []]
        if missing:
            raise UsageError(f"{' and '.join(missing)} must be given")
        return given, as_json

    def _refusal_of(self, words: Sequence[str]) -> str:
        word = next((one for one in words if one.startswith("-")), words[0]).partition("=")[0]
        if not word.startswith("-"):
            return f"unexpected word {word!r}"
        if "." in word and "set" in self.options:
            return f"no option {word}; settings are given by --set {word.lstrip('-')}=VALUE"
        return f"no option {word}{did_you_mean(word, [one.shown for one in self.options.values()])}"

    def _parser(self) -> argparse.ArgumentParser:
        said, options = _sections(self.function), self.options.values()
        usage = [f"[{one.shown}]" if not one.required else one.shown for one in options if one.positional]
        usage += [f"{one.shown} {one.metavar}" for one in options if one.required and not one.positional]
        parser = _Parser(
            prog=f"walkprint {self.name}",
            usage=f"walkprint {' '.join([self.name, *usage])} [OPTION ...]",
            description="\n".join(said["Summary"]).strip(),
            epilog=_examples(said.get("Example", [])),
            formatter_class=argparse.RawDescriptionHelpFormatter,
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
            exit_on_error=False,
        )
        for option in options:
            option.add_to(parser)
        parser.add_argument("--import", nargs="+", action="extend", metavar="MODULE", help=_IMPORT)
        parser.add_argument("--config", metavar="PATH", help=_CONFIG)
        parser.add_argument("--json", action="store_true", help=_JSON)
        return parser


def _examples(lines: Sequence[str]) -> str:
    """Each example on a line of its own."""
    return "example: " + "\n         ".join(re.split(r" (?=walkprint )", " ".join(map(str.strip, lines))))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message)


def _is_group(annotation: Any) -> TypeGuard[type]:
    return isinstance(annotation, type) and is_dataclass(annotation)


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function, eval_str=True).parameters


def _options(function: Callable[..., Any]) -> Iterator[Option]:
    sections = _sections(function)
    said = _entries(sections.get("Args") or sections.get("Attributes", []))
    for name, one in _parameters(function).items():
        if _is_group(one.annotation):
            yield from _options(one.annotation)
        else:
            yield Option(name, one.annotation, one.default, said.get(name, ""), one.kind is not one.KEYWORD_ONLY)


def _sections(function: Callable[..., Any]) -> dict[str, list[str]]:
    """The lines of a docstring: of its "Summary", and of each section such as "Args" and "Example"."""
    found: dict[str, list[str]] = {"Summary": []}
    section = found["Summary"]
    for line in (inspect.getdoc(function) or "").splitlines():
        if line.endswith(":") and line[:1].isupper() and " " not in line:
            section = found[line[:-1]] = []
        else:
            section.append(line)
    return found


def _entries(lines: Sequence[str]) -> dict[str, str]:
    """Name -> text, of lines such as "name: text", which may go on in lines that are indented more."""
    found: dict[str, str] = {}
    name = ""
    for line in textwrap.dedent("\n".join(lines)).splitlines():
        text = line
        if line and not line.startswith(" "):
            name, _, text = line.partition(":")
        found[name] = f"{found.get(name, '')} {text.strip()}".strip()
    return found
