"""The process of a command: its output, and what the user has it import."""

import contextlib
import functools
import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from walkprint.cli.values import UsageError
from walkprint.core.files import printable
from walkprint.core.process import keep_freed_memory

_imported: list[str] = []


def make_output_safe() -> None:
    """Output that is closed goes nowhere; what a terminal cannot show is spelled out."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say_warnings_in_one_line() -> None:
    """Warnings as errors look: no path of a module, no line of code."""
    warnings.formatwarning = _warning


def _warning(message: Warning | str, *_: object, **__: object) -> str:
    return f"walkprint: warning: {printable(' '.join(str(message).split()))}\n"


def show(text: str) -> None:
    """Print on stdout, what waits there included; a reader that has gone away is no fault.

    Raises:
        OSError: stdout is full.
    """
    try:
        sys.stdout.write(f"{printable(text)}\n" if text else "")
        sys.stdout.flush()
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):  # Python would try once more at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "stdout") from error


def import_modules(names: Sequence[str]) -> None:
    """Import what the user names; only for this the current folder is a place to look in, the last one.

    Raises:
        UsageError: a module is not there, or cannot be imported.
    """
    if names and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # whatever a module does
            raise UsageError(f"--import {name}: {type(error).__name__}: {error}") from error
        _imported.append(name)


def worker_start() -> Callable[[], object]:
    """What a further process calls first, so that it is like this one."""
    return functools.partial(_start_worker, tuple(_imported))


def _start_worker(imported: Sequence[str]) -> None:
    keep_freed_memory()
    say_warnings_in_one_line()
    import_modules(imported)
