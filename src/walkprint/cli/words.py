"""From words on the command line to the arguments of a plain function, and what a verb hands back."""

import inspect
import re
import sys
import textwrap
from argparse import ArgumentError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml
from jsonargparse import ArgumentParser, DefaultHelpFormatter, Namespace

from walkprint.recipes.classes import instantiate
from walkprint.recipes.complaints import with_nearest_name


@dataclass(frozen=True, slots=True)
class Summary:
    """What a verb reports.

    Attributes:
        numbers: plain data; `--json` prints it.
        text: the same for people; printed without `--json`.
    """

    numbers: dict[str, Any]
    text: str


class _HelpFormatter(RawDescriptionHelpFormatter, DefaultHelpFormatter):
    """Leaves the example in one line, so that it can be copied."""


class BadWordsError(Exception):
    """The words do not fit the verb."""


def new_parser(verb: str, description: str, example: str) -> ArgumentParser:
    """A parser for one verb that raises instead of leaving the process."""
    return ArgumentParser(
        prog=f"walkprint {verb}",
        description=textwrap.fill(description, 100),
        epilog=f"--json: print one JSON object on stdout and everything else on stderr.\n\nexample: {example}",
        exit_on_error=False,
        formatter_class=_HelpFormatter,
    )


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse words.

    Raises:
        BadWordsError: an option is unknown, missing or has a value of the wrong type.
    """
    try:
        return parser.parse_args(list(words))
    except ArgumentError as error:
        raise BadWordsError(with_nearest_name(_naming_file(str(error), words), parser)) from error


def _naming_file(message: str, words: Sequence[str]) -> str:
    """The parser does not say which of the files is no YAML."""
    for word in words:
        path = Path(word.rpartition("=")[2])
        if "<unicode string>" in message and path.is_file():
            try:
                yaml.safe_load(path.read_text(encoding="utf-8"))
            except yaml.YAMLError:
                return message.replace('"<unicode string>"', str(path))
            except (OSError, ValueError):
                continue
    return message


def carry_out(
    function: Callable[..., Summary],
    words: Sequence[str],
    example: str,
    *,
    verb: str | None = None,
) -> Summary:
    """Call a verb's function; required positional parameters are words, all others are options.

    Args:
        function: its parameters' types, defaults and docstring become the options and their help. It is called with
            what is given alone, so that it may tell that from what is usual.
        words: those after the verb.
        example: a command line that works.
        verb: its name on the command line; that of the function when None.

    Raises:
        BadWordsError: the words do not fit.
    """
    parser = new_parser(verb or function.__name__.replace("_", "-"), "", example)
    parser.add_argument("--config", action="config", help="YAML file that gives any of the options.")
    parser.add_function_arguments(function, as_positional=True)
    flags = [name for name, one in inspect.signature(function).parameters.items() if one.default is False]
    words = spelled_out(words, flags)
    settings = instantiate(parser, parse(parser, words))
    given = vars(parser.parse_args(words, defaults=False)).keys() - {"config"}
    return function(**{name: settings[name] for name in given})


def spelled_out(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Write a bare `--flag` as `--flag=true`."""
    bare = {f"--{flag}" for flag in flags}
    return [
        f"{word}=true" if word in bare and after not in {"true", "false"} else word
        for word, after in pairwise([*words, ""])
    ]


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on stderr, silent when that is not a terminal; yields a function of (done, in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def store_first(words: Sequence[str]) -> list[str]:
    """Words with the folder that `--data` names as the setting that it is."""
    return ["--data.root" if word == "--data" else re.sub("^--data=", "--data.root=", word) for word in words]
