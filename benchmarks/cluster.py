"""One map on a Ray cluster of this machine: start, overhead of an item, and prepare with one and two workers."""

import argparse
import os
import tempfile
import time
from pathlib import Path

from measure import report

from walkprint.core.engine import Ray, map_over
from walkprint.data.prepare import pack
from walkprint.data.walkers import Walkers


def nothing(item: int) -> int:
    return item


def seconds(items: int, **place) -> float:
    start = time.perf_counter()
    for _ in map_over(range(items), nothing, **place):
        pass
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--items", type=int, default=2000)
    arguments = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    people, rows = Walkers(subjects=arguments.people, train=0, views=("072", "090")), []
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            start = time.perf_counter()
            ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, object_store_memory=2 * 10**8)
            started = time.perf_counter() - start
            seconds(workers * 4, engine=Ray())  # which starts the workers
            each = seconds(arguments.items, engine=Ray()) / arguments.items
            start = time.perf_counter()
            made = pack(people, Path(folder) / f"ray-{workers}", engine=Ray())
            rows.append(
                {
                    "workers": workers,
                    "start_s": started,
                    "ms an item": 1e3 * each,
                    "sequences": made.sequences,
                    "rendering_s": time.perf_counter() - start,
                }
            )
            ray.shutdown()
        start = time.perf_counter()
        pack(people, Path(folder) / "here", workers=1)
        rows.append(
            {"workers": "this process", "sequences": made.sequences, "rendering_s": time.perf_counter() - start}
        )
    report("a Ray cluster on this machine (wall clock)", rows)


if __name__ == "__main__":
    main()
