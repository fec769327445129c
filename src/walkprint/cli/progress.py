"""How a phase goes, on stderr: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[int, int | None], None]
_SECONDS_BETWEEN_LINES = 30


@contextmanager
def progress(phase: str, *, bar: bool = True) -> Iterator[Tell]:
    """Show how a phase goes; yields a function of (done, in all).

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
        yield lambda done, total: None


def _bar(phase: str) -> Iterator[Tell]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=sys.stderr)) as bars:
        task = bars.add_task(phase, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


def _lines(phase: str) -> Iterator[Tell]:
    start = shown = time.monotonic()
    newest = ""

    def write(text: str) -> None:
        sys.stderr.write(f"walkprint: {phase}: {newest} {text} {time.monotonic() - start:.0f} s\n")
        sys.stderr.flush()

    def tell(done: int, total: int | None) -> None:
        nonlocal shown, newest
        newest = f"{done} of {total}" if total else str(done)
        if time.monotonic() - shown >= _SECONDS_BETWEEN_LINES:
            shown = time.monotonic()
            write("after")

    yield tell
    if newest:  # of several processes that train together, all but the first are silent
        write("done in")
