"""A study as a grid: many cells, each computed once, in any order, by any number of processes or machines.

A study's folder holds `cells/NAME.json` for every finished cell, and whatever the cells share. Started again, it skips
what is finished; what a stopped cell had trained goes on where it was.
"""

import contextlib
import hashlib
import json
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from walkprint.core.engine import Engine, map_over
from walkprint.core.errors import DataError, GaitError, RecipeError
from walkprint.core.files import write_atomically
from walkprint.core.progress import Progress
from walkprint.core.share import Share, share_of


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing to compute.

    Attributes:
        name: of its file; different for every cell of a study.
        settings: plain JSON that says everything that its numbers depend on.
    """

    name: str
    settings: Mapping[str, Any]


Numbers = dict[str, Any]
Compute = Callable[[Cell, Path], Mapping[str, Any]]


def run_cells(
    cells: Sequence[Cell],
    compute: Compute,
    out: Path,
    *,
    share: Share = (0, 1),
    workers: int | None = 1,
    engine: Engine = None,
    start_worker: Callable[[], object] | None = None,
    progress: Progress | None = None,
) -> dict[str, str]:
    """Compute the cells that are missing.

    A cell that cannot be computed does not keep the others from it.

    Args:
        cells: of the whole study.
        compute: gives a cell's numbers as plain JSON, from the cell and the study's folder; a function of a module, so
            that other processes find it.
        out: the study's folder.
        share: (i, n) computes the i-th of n shares only, so that n machines with a common folder divide the work.
        workers: processes, each with one thread; 1 computes in this process; one per core when None.
        engine: what runs them, see `map_over`; a cluster's machines need the study's folder at the same place.
        start_worker: called once in each of them, for settings of a whole process.
        progress: called with cells finished and cells of this share.

    Returns:
        What failed: the cell's name and why, in one line.

    Raises:
        RecipeError: a setting is out of range, or two cells have one name.
        DataError: a finished cell was computed with other settings, or a worker was killed.
    """
    if workers is not None and workers < 1:
        raise RecipeError(f"study: {workers} workers; expected 1 or more")
    if len({cell.name for cell in cells}) < len(cells):
        raise RecipeError("study: two cells have one name; name every network, loss and seed once")
    finished = read_cells(cells, out)
    mine = share_of(cells, share)
    rest = [cell for cell in mine if cell.name not in finished]
    (out / "cells").mkdir(parents=True, exist_ok=True)
    failed: dict[str, str] = {}
    work = map_over(
        rest, partial(_compute, compute, out), engine, workers=workers, ordered=False, start=start_worker, gpu=True
    )
    with contextlib.closing(work) as outcomes:
        for done, (name, fault) in enumerate(outcomes, len(mine) - len(rest) + 1):
            if fault is not None:
                failed[name] = fault
            if progress is not None:
                progress(done, len(mine))
    return failed


def read_cells(cells: Sequence[Cell], out: Path) -> dict[str, Numbers]:
    """The numbers of the cells that are finished, by name.

    Raises:
        DataError: a file is damaged, or its cell was computed with other settings.
    """
    found = {}
    for cell in cells:
        file = _file(cell, out)
        if not file.is_file():
            continue
        try:
            stored = json.loads(file.read_text(encoding="utf-8"))
            settings, numbers = stored["settings"], stored["numbers"]
            if "part" in settings:  # of an earlier version
                settings["section"] = settings.pop("part")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{file}: cannot be read ({error}); remove it, and its cell is computed again") from error
        wanted = json.loads(json.dumps(cell.settings))
        if settings != wanted:
            names = sorted(name for name in {*settings, *wanted} if settings.get(name) != wanted.get(name))
            raise DataError(
                f"{file}: computed with other settings ({_difference(names[0], settings, wanted)}"
                f"{f', and {len(names) - 1} more' if names[1:] else ''}); choose another folder, or remove the file"
            )
        found[cell.name] = numbers
    return found


def made_once(done: Path, make: Callable[[], object]) -> None:
    """Make something that cells share, unless it is there; other processes and machines wait meanwhile.

    Args:
        done: a file that is there once it is finished, and not before.
        make: makes it.
    """
    lock = done.parent.with_name(f".{done.parent.name}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, thread_local=False):
        if not done.exists():
            make()


def digest(settings: Mapping[str, Any]) -> str:
    """A short name for settings: other settings, another name."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def _file(cell: Cell, out: Path) -> Path:
    return out / "cells" / f"{cell.name}.json"


def _difference(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    first, second = (json.dumps(one.get(name)) for one in (before, now))
    return f"{name}: {first[:60]} before, {second[:60]} now"


def _compute(compute: Compute, out: Path, cell: Cell) -> tuple[str, str | None]:
    start, work = time.monotonic(), time.process_time()
    # Bars and remarks of single trainings would tear up the bar of the study.
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    with (out / "cells" / "log.txt").open("a", encoding="utf-8") as log, contextlib.redirect_stderr(log):
        try:
            numbers = compute(cell, out)
        except GaitError as error:
            return cell.name, " ".join(str(error).split())
        except Exception as error:  # a fault of one cell must not cost the others what they have done
            traceback.print_exc()
            return cell.name, f"{type(error).__name__}: {' '.join(str(error).split())}; see {out / 'cells' / 'log.txt'}"
    took = {"seconds": round(time.monotonic() - start, 1), "processor_seconds": round(time.process_time() - work, 1)}
    try:
        text = json.dumps({"settings": cell.settings, "numbers": numbers, **took}, indent=1, allow_nan=False)
    except ValueError:
        return cell.name, "a figure is not finite; nothing was stored"
    write_atomically(_file(cell, out), text + "\n")
    return cell.name, None
