"""How every benchmark measures: alternating rounds, CPU seconds on one thread, medians, a table and a line of JSON."""

import gc
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any


def compare(fast: Callable[[], object], plain: Callable[[], object], rounds: int = 5) -> dict[str, float]:
    """Median CPU seconds of both, alternating, after one warm-up each; `ratio` is how many times faster `fast` is."""
    fast(), plain()
    seconds: dict[str, list[float]] = {"fast": [], "plain": []}
    for _ in range(rounds):
        for name, call in (("plain", plain), ("fast", fast)):
            gc.collect()
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    ratios = [plain / fast for plain, fast in zip(seconds["plain"], seconds["fast"], strict=True)]
    return {
        "fast_s": statistics.median(seconds["fast"]),
        "plain_s": statistics.median(seconds["plain"]),
        "ratio": statistics.median(ratios),
    }


def peak_memory_mb(script: str, *arguments: str) -> float:
    """Growth of peak resident memory, in MB, printed last by Python code run in a process of its own.

    The code calls `mark()` once when its inputs are ready; growth counts from there. Linux only: the peak is reset
    there, since imports may have needed more, and getrusage hands a parent's peak on to its children.
    """
    prologue = (
        "import pathlib\n"
        "def _peak():\n"
        "    lines = pathlib.Path('/proc/self/status').read_text().splitlines()\n"
        "    return next(int(line.split()[1]) for line in lines if line.startswith('VmHWM:')) / 1024\n"
        "_start = [0.0]\n"
        "def mark():\n"
        "    pathlib.Path('/proc/self/clear_refs').write_text('5')\n"
        "    _start[0] = _peak()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", prologue + script + "\nprint(_peak() - _start[0])", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.strip().splitlines()[-1])


def own_peak_mb() -> float:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def report(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print the rows as a table, and last as one line of JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names] + [[_text(row.get(name, "")) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    print(title)
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print(json.dumps({"benchmark": title, "machine": platform.processor() or platform.machine(), "rows": list(rows)}))


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
