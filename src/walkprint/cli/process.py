"""Settings of the whole process that make CPUs quicker: an application's to make, not a library's.

Freed memory is kept: a step frees its activations and asks for as much again, and glibc would hand such large blocks
back to the system each time, which then clears every page anew. Training runs up to 1.7 times, embedding up to 3 times
as fast.

Waiting threads sleep: those of OpenMP spin otherwise, which on a machine that others use as well keeps the very threads
from running that are waited for; six times slower was seen.
"""

import contextlib
import ctypes
import functools
import importlib
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from walkprint.cli.values import UsageError
from walkprint.core.files import printable

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's mallopt
_AT_LEAST_BYTES = 1 << 30
_imported: list[str] = []


def keep_freed_memory() -> bool:
    """Hand back only blocks of a gigabyte and more; returns whether the system's allocator accepted it."""
    if not sys.platform.startswith("linux"):
        return False
    with contextlib.suppress(OSError, AttributeError):  # an allocator other than glibc's
        allocator = ctypes.CDLL(None)
        done = [allocator.mallopt(name, _AT_LEAST_BYTES) for name in (_MMAP_THRESHOLD, _TRIM_THRESHOLD)]
        return all(done)
    return False


def let_waiting_threads_sleep() -> None:
    """Ask OpenMP for it unless the user asked for something else; works only before torch is loaded."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def make_output_safe() -> None:
    """Output that is closed goes nowhere; what a terminal cannot show is spelled out."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - for the process
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


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
    import_modules(imported)
