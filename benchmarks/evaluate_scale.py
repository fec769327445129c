"""Evaluation of many embeddings, 16 parts of 256, under OU-MVLP's protocol with 1,000 resamples: time and memory.

Each size runs in a process of its own, as `walkprint evaluate` does: load, identify, verify. `growth` is the exponent
between a size and the one before; pairs grow with 2. `--full` adds 72,000 embeddings (minutes, under 2 GB).
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import report

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.sequence import SequenceKey

VIEWS = [f"{15 * i:03d}" for i in (*range(7), *range(12, 19))]
FULL = 72_000
RUN = """
import json, pathlib, sys, time
from walkprint.core.embedding import EmbeddingSet
from walkprint.data.ou_mvlp import OuMvlp
from walkprint.evaluation import identify, verify

start, work = time.perf_counter(), time.process_time()
embeddings = EmbeddingSet.load(sys.argv[1])
protocol = next(iter(OuMvlp.PROTOCOLS.values()))
table = identify(embeddings, protocol)
at = time.perf_counter()
other = verify(embeddings, protocol)
(name,) = table.probe_sets
status = pathlib.Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
print(json.dumps({
    "embeddings": len(embeddings), "identify_s": at - start, "verify_s": time.perf_counter() - at,
    "cpu_s": time.process_time() - work, "peak_mb": peak,
    "rank-1": 100 * table.figure(name).value, "EER": 100 * other.figure(name, "EER", "pooled").value,
}))
"""


def write(path: Path, count: int) -> None:
    """About `count` random embeddings of subjects with two takes from 14 views, each near its subject's own place."""
    subjects = count // (2 * len(VIEWS))
    keys = [
        SequenceKey(f"{s:05d}", "nm", take, view) for s in range(subjects) for take in ("00", "01") for view in VIEWS
    ]
    rng = np.random.default_rng(0)
    vectors = np.empty((len(keys), 16, 256), np.float32)
    for s in range(subjects):
        rows = slice(s * 2 * len(VIEWS), (s + 1) * 2 * len(VIEWS))
        vectors[rows] = rng.standard_normal(vectors[rows].shape, np.float32) * np.float32(5)
        vectors[rows] += rng.standard_normal((16, 256), np.float32)
    EmbeddingSet(vectors, keys, "noise").save(path)


def measure(count: int, folder: Path) -> dict[str, float]:
    file = folder / f"{count}.npz"
    subprocess.run(
        [sys.executable, "-c", "import sys; sys.path[:0] = ['benchmarks']; import evaluate_scale, pathlib\n"
         "evaluate_scale.write(pathlib.Path(sys.argv[1]), int(sys.argv[2]))", str(file), str(count)], check=True,
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", RUN, str(file)], capture_output=True, text=True, check=True)
    file.unlink()
    row: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1400, 2800, 5600])
    parser.add_argument("--full", action="store_true", help=f"also {FULL:,} embeddings")
    options = parser.parse_args()
    rows: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for count in [*options.sizes, *([FULL] if options.full else [])]:
            row = measure(count, Path(folder))
            if rows:
                ratio = math.log(row["embeddings"] / rows[-1]["embeddings"])
                row["growth_of_cpu"] = math.log(row["cpu_s"] / rows[-1]["cpu_s"]) / ratio
                row["growth_of_memory"] = math.log(row["peak_mb"] / rows[-1]["peak_mb"]) / ratio
            row["load"] = os.getloadavg()[0]
            rows.append(row)
    report("evaluate: OU-MVLP's protocol, 1,000 resamples", rows)


if __name__ == "__main__":
    main()
