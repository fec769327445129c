"""Counts of requests and jobs, in the text format of Prometheus."""

import os
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BUCKETS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._jobs: Counter[tuple[str, str]] = Counter()
        self._seconds: list[float] = [0.0] * (len(_BUCKETS_S) + 1)
        self._total_s = 0.0

    def answered(self, scope: Mapping[str, Any], status: int) -> None:
        """Count an answer; by its route, not by its path, so that no id and no name shows."""
        route = getattr(scope.get("route"), "path", "other")
        with self._lock:
            self._requests[str(scope["method"])[:10], route, status] += 1

    def job_ended(self, kind: str, state: str, seconds: float) -> None:
        """Count a job."""
        with self._lock:
            self._jobs[kind, state] += 1
            self._total_s += seconds
            self._seconds[sum(seconds > bound for bound in _BUCKETS_S)] += 1

    def text(self, gauges: Mapping[str, float]) -> str:
        """All of it; `gauges` are name -> value of the moment."""
        with self._lock:
            lines = ["# TYPE walkprint_requests_total counter"]
            lines += [
                f'walkprint_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
                for (method, route, status), count in sorted(self._requests.items())
            ]
            lines.append("# TYPE walkprint_jobs_total counter")
            lines += [
                f'walkprint_jobs_total{{kind="{kind}",state="{state}"}} {count}'
                for (kind, state), count in sorted(self._jobs.items())
            ]
            lines.append("# TYPE walkprint_job_seconds histogram")
            reached = 0.0
            for bound, count in zip([*map(str, _BUCKETS_S), "+Inf"], self._seconds, strict=True):
                reached += count
                lines.append(f'walkprint_job_seconds_bucket{{le="{bound}"}} {reached:g}')
            lines += [f"walkprint_job_seconds_sum {self._total_s:.3f}", f"walkprint_job_seconds_count {reached:g}"]
        for name, value in {**gauges, "resident_bytes": _resident_bytes()}.items():
            lines += [f"# TYPE walkprint_{name} gauge", f"walkprint_{name} {value:g}"]
        return "\n".join(lines) + "\n"


def _resident_bytes() -> float:
    """Memory of this process; 0 where the system does not say."""
    try:
        return float(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
