"""How far work is: for a caller's function, or on stderr, as a bar on a terminal and plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Progress = Callable[[int, int], None]
"""Called with what is done and what there is in all."""
_SECONDS_BETWEEN_LINES = 30


class OnProgress(Protocol):
    """What `progress` yields."""

    def __call__(self, done: int, total: int | None, of: str = "") -> None:
        """Show what is done, what there is in all, and of what, e.g. "video 2 of 5"."""


@contextmanager
def progress(phase: str, *, bar: bool = True) -> Iterator[OnProgress]:
    """Show how a phase goes; yields a function of (done, in all), or (done, in all, of what).

    Where stderr is no terminal, each phase writes a line with its time at the end, and a long one a line every half a
    minute.

    Args:
        phase: what is going on, e.g. "rendering".
        bar: False where something else, such as a training, shows its own bar on a terminal.
    """
    if not sys.stderr.isatty():
        yield from _lines(phase)
    elif bar:
        yield from _bar(phase)
    else:
        yield lambda done, total, of="": None


def _bar(phase: str) -> Iterator[OnProgress]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"), rich.BarColumn(), rich.MofNCompleteColumn(), rich.TimeRemainingColumn(),
    )  # fmt: skip
    with rich.Progress(*columns, console=Console(file=sys.stderr)) as bars:
        task = bars.add_task(phase, total=None)
        yield lambda done, total, of="": bars.update(
            task, completed=done, total=total, description=f"{phase} {of}".strip()
        )


def _lines(phase: str) -> Iterator[OnProgress]:
    start = shown = time.monotonic()
    newest = ""

    def write(text: str) -> None:
        sys.stderr.write(f"walkprint: {phase}: {newest} {text} {time.monotonic() - start:.0f} s\n")
        sys.stderr.flush()

    def on_progress(done: int, total: int | None, of: str = "") -> None:
        nonlocal shown, newest
        newest = f"{of + ', ' if of else ''}{f'{done} of {total}' if total else done}"
        if time.monotonic() - shown >= _SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            write("after")

    yield on_progress
    if newest:  # of several processes that train together, all but the first are silent
        write("done in")
