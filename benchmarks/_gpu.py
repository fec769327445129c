"""What `gpu.py` measures with: rows that survive a failure, timed steps, shares of kernels, walking blobs as data."""

import contextlib
import gc
import importlib.util
import itertools
import json
import os
import re
import signal
import statistics
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT), str(ROOT / "benchmarks")]


def stand_in() -> list[str]:
    """Let walkprint be imported where optional packages are absent; gives the names of those."""
    absent = []
    if importlib.util.find_spec("zstandard") is None:
        absent.append("zstandard")
        sys.modules["zstandard"] = types.ModuleType("zstandard")
    if importlib.util.find_spec("lightning_fabric") is None and importlib.util.find_spec("lightning") is not None:
        absent.append("lightning_fabric")
        for inner in ("", ".plugins", ".utilities", ".strategies"):
            sys.modules[f"lightning_fabric{inner}"] = importlib.import_module(f"lightning.fabric{inner}")
    try:
        importlib.import_module("numba")
    except Exception as error:  # one too old for the NumPy beside it, say: all works without it, slowly
        absent.append(f"numba ({error})")
        numba = types.ModuleType("numba")
        numba.njit = lambda *given, **_: given[0] if given else (lambda function: function)  # type: ignore[attr-defined]
        numba.prange = range  # type: ignore[attr-defined]
        sys.modules["numba"] = numba
    return absent


STAND_INS = stand_in()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from walkprint.core.sequence import Clip, SequenceKey  # noqa: E402
from walkprint.data.store import Store  # noqa: E402
from walkprint.data.writing import StoreWriter  # noqa: E402

Step = Callable[[Any], Tensor]


class OutOfTimeError(Exception):
    """A row took longer than it may."""


class Rows:
    """Rows as they come: printed, appended to a file, and kept for the table.

    Args:
        out: the file, or None.
        seconds: how long all rows may take together.
    """

    def __init__(self, out: Path | None, seconds: float) -> None:
        self.out, self.start, self.seconds = out, time.monotonic(), seconds
        self.rows: list[dict[str, Any]] = []

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.monotonic() - self.start)

    def add(self, name: str, **found: Any) -> None:
        """Take a row."""
        plain = {key: round(value, 4) if isinstance(value, float) else value for key, value in found.items()}
        row = {"row": name, **plain, "at_s": round(time.monotonic() - self.start, 1)}
        self.rows.append(row)
        line = json.dumps(row, default=str)
        print(line, flush=True)
        if self.out is not None:
            with self.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())

    def measure(self, name: str, call: Callable[[], dict[str, Any]], needs_s: float = 10, limit_s: float = 90) -> None:
        """Run a row if there is time for it; a failure is a row, too."""
        if self.left < needs_s:
            self.add(name, skipped=f"{self.left:.0f} s left, needs {needs_s:.0f}")
            return
        began = time.monotonic()
        reset()

        def stop(*_: Any) -> None:
            raise OutOfTimeError(f"stopped after {time.monotonic() - began:.0f} s")

        signal.signal(signal.SIGALRM, stop)
        signal.alarm(max(int(min(limit_s, self.left + 5)), 1))
        try:
            found = call()
            signal.alarm(0)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever it is, the next row shall run
            signal.alarm(0)
            found = {"error": f"{type(error).__name__}: {str(error)[:600]}", "where": _where(error)}
        if torch.cuda.is_available():
            with contextlib.suppress(Exception):
                found["peak_gb"] = torch.cuda.max_memory_allocated() / 1e9
        self.add(name, **found, took_s=time.monotonic() - began)

    def table(self) -> None:
        """All rows as a table, and as one line of JSON."""
        shown = ("ms", "wall_ms", "ms_p90", "frames_per_s", "busy", "peak_gb")
        print(f"\n{'row':<46}" + "".join(f"{name:>14}" for name in shown))
        for row in self.rows:
            cells = "".join(f"{_text(row.get(name)):>14}" for name in shown)
            rest = {key: value for key, value in row.items() if key not in (*shown, "row", "at_s", "took_s", "top")}
            print(f"{row['row']:<46}{cells}  {json.dumps(rest, default=str)[:200] if rest else ''}")
        short = [{key: row[key] for key in ("row", *shown, "error", "ok") if key in row} for row in self.rows]
        print(json.dumps({"benchmark": "gpu", "rows": short}, default=str), flush=True)


def _where(error: BaseException) -> str:
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " ".join(places[-6:])


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def reset() -> None:
    """Forget what the row before left on the device."""
    gc.collect()
    with contextlib.suppress(Exception):
        torch._dynamo.reset()
    if torch.cuda.is_available():
        with contextlib.suppress(Exception):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def synchronize(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def timed(step: Step, batches: Iterator[Any], device: torch.device, warm: int, steps: int) -> dict[str, Any]:
    """Median milliseconds of a step on the device's clock, from one end to the next, and of all on the wall's."""
    began = time.perf_counter()
    for _ in range(warm):
        step(next(batches))
    synchronize(device)
    warm_s = time.perf_counter() - began
    marks, launched = [_mark(device)], []
    start = time.perf_counter()
    for _ in range(steps):
        step(next(batches))
        marks.append(_mark(device))
        launched.append(time.perf_counter())
    synchronize(device)
    wall = (time.perf_counter() - start) / steps * 1e3
    each = sorted(_between(one, other) for one, other in itertools.pairwise(marks))
    ahead = (time.perf_counter() - launched[-1]) * 1e3
    return {
        "ms": statistics.median(each),
        "wall_ms": wall,
        "ms_p90": each[int(0.9 * (len(each) - 1))],
        "device_behind_ms": ahead,
        "warm_s": warm_s,
    }


def _mark(device: torch.device) -> Any:
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def _between(one: Any, other: Any) -> float:
    return (other - one) * 1e3 if isinstance(one, float) else one.elapsed_time(other)


GROUPS = (
    ("copy", r"memcpy|memset"),
    ("batch norm", r"batch_norm|bn_|welford|batchnorm"),
    ("loss", r"sort|search|scan|softmax|nll"),
    ("optimizer", r"multi_tensor|lpnorm|foreach"),
    ("compiled", r"triton"),
    ("convolution", r"conv|wgrad|dgrad|fprop|xmma|cutlass|cudnn|implicit|sm\d\d_|nchw|nhwc|nvjet"),
    ("matrix product", r"gemm|gemv|splitk"),
    ("pooling and sums", r"reduce|max_pool|pool"),
    ("gather and augment", r"index|gather|scatter|flip"),
    ("elementwise", r"elementwise|vectorized|add|relu|copy|fill|cat"),
)


def profile(step: Step, batches: Iterator[Any], device: torch.device, steps: int, ms: float) -> dict[str, Any]:
    """Where a step's time goes, by kinds of kernels, and the share of time in which the device computes."""
    from torch.profiler import ProfilerActivity

    on_gpu = device.type == "cuda"
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as seen:
        for _ in range(steps):
            step(next(batches))
        synchronize(device)
    kind = torch.autograd.DeviceType.CUDA if on_gpu else torch.autograd.DeviceType.CPU
    events = [one for one in seen.events() if one.device_type == kind]
    spans = sorted((one.time_range.start, one.time_range.end) for one in events)
    busy, end = 0.0, float("-inf")
    for start, stop in spans:
        busy += max(0.0, stop - max(start, end))
        end = max(end, stop)
    groups: dict[str, float] = {}
    kernels: dict[str, float] = {}
    for one in events:
        name = next((group for group, words in GROUPS if re.search(words, one.name.lower())), "other")
        spent = (one.time_range.end - one.time_range.start) / 1e3 / steps
        groups[name] = groups.get(name, 0.0) + spent
        kernels[one.name[:90]] = kernels.get(one.name[:90], 0.0) + spent
    top = sorted(kernels.items(), key=lambda one: -one[1])[:16]
    return {
        "busy": busy / 1e3 / steps / ms if ms else None,
        "kernel_ms": busy / 1e3 / steps,
        "launches": len(events) / steps,
        "groups": {name: round(spent, 2) for name, spent in sorted(groups.items(), key=lambda one: -one[1])},
        "top": [[name, round(spent, 2)] for name, spent in top],
    }


def write_store(folder: Path, bits: int, subjects: int, takes: int, length: int, seed: int = 0) -> Store:
    """A store of walking blobs, each subject of its own build and pace."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:64, 0:64].astype(np.float32)
    with StoreWriter(folder, bits=bits) as writer:
        for subject in range(subjects):
            wide, tall, pace, stride = rng.uniform(6, 11), rng.uniform(13, 18), rng.uniform(3, 6), rng.uniform(5, 13)
            for take in range(takes):
                count = int(length * rng.uniform(0.8, 1.2))
                phase = rng.uniform(0, 6) + np.arange(count, dtype=np.float32)[:, None, None] / pace
                lean = rng.uniform(-1, 1)
                body = 1 - ((x - 32 - lean) / wide) ** 2 - ((y - 26) / tall) ** 2
                head = 1 - ((x - 32 - lean) / 6) ** 2 - ((y - 6) / 6) ** 2
                shape = np.maximum(body, head)[None] * 8
                for side in (1, -1):
                    along = np.clip((y - 36) / 26, 0, 1)
                    apart = np.abs(x - 32 - side * stride * np.sin(phase) * along)
                    shape = np.maximum(shape, np.where((y > 34) & (y < 63), 3 - apart, -1))
                frames = (np.clip(shape, 0, 1) * 255).astype(np.uint8)[:, None]
                writer.add(Clip(frames, SequenceKey(f"{subject:03d}", "nm", f"{take:02d}", "090")))
    return Store.open(folder)


def free_of_grad(network: nn.Module) -> None:
    """Drop the gradients."""
    for parameter in network.parameters():
        parameter.grad = None
