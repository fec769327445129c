"""How much memory a process may still take, of machine and control groups; memory of files that it can give back."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_FILES = {  # of each version of control groups: limit, what is used, and which part of that can be dropped
    "memory.max": ("memory.current", "inactive_file"),
    "memory.limit_in_bytes": ("memory.usage_in_bytes", "total_inactive_file"),
}


def free_bytes(root: Path = Path("/")) -> int | None:
    """Memory that is free, or can be made so without swapping; None where the system does not say (only Linux does).

    Args:
        root: where /proc and /sys lie.
    """
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        room = next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))
        return min([room, *_of_groups(root)])
    except (OSError, StopIteration, ValueError):
        return None


def give_back(array: NDArray[Any]) -> None:
    """Give back the memory of an array that lies in a mapped file, from where it is read again; others stay."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    file = owner.obj if isinstance(owner, memoryview) else owner
    if isinstance(file, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)


def _of_groups(root: Path) -> Iterator[int]:
    """What each group with a limit has left; a container may see its own group at the top only."""
    base = root / "sys/fs/cgroup"
    for line in (root / "proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        top = base / "memory" if "memory" in controllers.split(",") else base
        folder = top / path.lstrip("/")
        for group in (folder, *folder.parents):
            for limit, (used, spare) in _FILES.items():
                text = (group / limit).read_text().strip() if (group / limit).is_file() else "max"
                if text != "max":
                    stat = dict(row.split() for row in (group / "memory.stat").read_text().splitlines())
                    yield int(text) - int((group / used).read_text()) + int(stat.get(spare, 0))
            if group == top:
                break
