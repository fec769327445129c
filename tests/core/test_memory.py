"""Free memory, read from made-up files of the system."""

from pathlib import Path

import pytest

from walkprint.core.memory import free_bytes

MIB = 1 << 20


def _write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Of 100 MiB of which 70 are free, without limits."""
    meminfo = f"MemTotal: {100 * 1024} kB\nMemFree: 9 kB\nMemAvailable: {70 * 1024} kB\n"
    _write(tmp_path, {"proc/meminfo": meminfo, "proc/self/cgroup": "0::/user/job\n"})
    return tmp_path


def test_of_the_machine(machine: Path, tmp_path: Path) -> None:
    assert free_bytes(machine) == 70 * MIB
    assert free_bytes(tmp_path / "nothing") is None


@pytest.mark.parametrize("place", ["user/job/", "user/", ""])  # its own group, one around it, or all a container sees
def test_of_a_control_group(machine: Path, place: str) -> None:
    group = f"sys/fs/cgroup/{place}"
    stat = f"anon 1\ninactive_file {5 * MIB}\n"
    _write(machine, {f"{group}memory.max": str(40 * MIB), f"{group}memory.current": str(25 * MIB),
                     f"{group}memory.stat": stat})  # fmt: skip
    assert free_bytes(machine) == 20 * MIB
    _write(machine, {f"{group}memory.max": "max\n"})
    assert free_bytes(machine) == 70 * MIB


def test_of_a_control_group_of_the_first_version(machine: Path) -> None:
    group = "sys/fs/cgroup/memory/job/"
    _write(machine, {"proc/self/cgroup": "5:cpu:/\n4:memory:/job\n", f"{group}memory.limit_in_bytes": str(30 * MIB),
                     f"{group}memory.usage_in_bytes": str(20 * MIB), f"{group}memory.stat": "cache 7\n"})  # fmt: skip
    assert free_bytes(machine) == 10 * MIB
