"""From words on the command line to the arguments of a plain function, and what a verb hands back."""

import inspect
import sys
from argparse import ArgumentError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jsonargparse import ArgumentParser, Namespace


@dataclass(frozen=True, slots=True)
class Summary:
    """What a verb reports.

    Attributes:
        numbers: plain data; `--json` prints it.
        text: the same for people; printed without `--json`.
    """

    numbers: dict[str, Any]
    text: str


class BadWordsError(Exception):
    """The words do not fit the verb."""


def new_parser(verb: str, description: str, example: str) -> ArgumentParser:
    """A parser for one verb that raises instead of leaving the process."""
    return ArgumentParser(
        prog=f"walkprint {verb}",
        description=description,
        epilog=f"--json: print one JSON object on stdout and everything else on stderr.\n\nexample: {example}",
        exit_on_error=False,
    )


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace:
    """Parse words.

    Raises:
        BadWordsError: an option is unknown, missing or has a value of the wrong type.
    """
    try:
        return parser.parse_args(list(words))
    except ArgumentError as error:
        raise BadWordsError(str(error)) from error


def carry_out(function: Callable[..., Summary], words: Sequence[str], example: str) -> Summary:
    """Call a verb's function; required positional parameters are words, all others are options.

    Args:
        function: its parameters' types, defaults and docstring become the options and their help.
        words: those after the verb.
        example: a command line that works.

    Raises:
        BadWordsError: the words do not fit.
    """
    description = (inspect.getdoc(function) or "").partition("\n\n")[0]
    parser = new_parser(function.__name__, description, example)
    parser.add_function_arguments(function, as_positional=True)
    flags = [name for name, one in inspect.signature(function).parameters.items() if one.default is False]
    settings = parser.instantiate(parse(parser, spelled_out(words, flags)))
    return function(**vars(settings))


def spelled_out(words: Sequence[str], flags: Sequence[str]) -> list[str]:
    """Write a bare `--flag` as `--flag=true`."""
    bare = {f"--{flag}" for flag in flags}
    return [
        f"{word}=true" if word in bare and after not in {"true", "false"} else word
        for word, after in pairwise([*words, ""])
    ]


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, silent when that is not a terminal; yields `advance(count)`."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task(what, total=total)
        yield lambda count: bars.advance(task, count)
