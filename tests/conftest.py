"""Shared by all tests: the repository root on the path, and the reference material beside the project."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from walkprint.core.engine import Ray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
NEEDS_REFERENCES = "needs the folder of reference outputs beside the project"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference outputs and real masks beside the project; the test is skipped where it is absent."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(NEEDS_REFERENCES)
    return folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[Ray]:
    """A Ray cluster of two workers on this machine, for all tests of this process."""
    ray = pytest.importorskip("ray", reason="the extra cluster is not installed")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    for attempt in range(3):  # it gives its node half a minute to start, which a busy machine may miss
        try:
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=10**8)
            break
        except Exception:
            ray.shutdown()
            if attempt == 2:
                raise
    yield Ray()
    ray.shutdown()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many tests were skipped for want of the references: a green run without them proves less."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = len([report for report in skipped if NEEDS_REFERENCES in str(report.longrepr)])
    if count:
        terminalreporter.write_line(
            f"{count} skipped: no folder of reference outputs, {ROOT.parent / 'shared'}; the rest does without it",
            yellow=True,
        )
