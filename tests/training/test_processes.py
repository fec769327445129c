"""Two processes, or two nodes, learn what one process learns."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import Start, ends
from tests.training.tiny import resolve, train
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
# Each process draws from a generator of its own. Adam would blow up the rounding of gradients that should be zero.
QUIET: dict[str, Any] = {"network": {"dropout": 0.0, "noise": 0.0}, "optimizer": "SGD"}
NOISY: dict[str, Any] = {"network": {"dropout": 0.3, "noise": 0.1}}


def free_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


def run_two(start: Start, run: Path, settings: dict[str, Any]) -> list[int | None]:
    """Two processes of one machine, as torchrun would start them."""
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "NODE_RANK": "0", "WORLD_SIZE": "2"}
    pair = [start(run, {**settings, "devices": 2}, {**common, "LOCAL_RANK": str(rank)}) for rank in (0, 1)]
    return [ends(process) for process in pair]


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "network" / "network.safetensors")


def assert_close(one: Path, two: Path) -> None:
    for name, tensor in weights(one).items():
        torch.testing.assert_close(weights(two)[name], tensor, rtol=1e-4, atol=1e-6)
    rows = [(run / "metrics.csv").read_text().splitlines()[1:] for run in (one, two)]
    for first, second in zip(*rows, strict=True):
        numbers = [[float(cell) for cell in row.split(",")] for row in (first, second)]
        assert numbers[1] == pytest.approx(numbers[0], rel=1e-3)


@pytest.mark.parametrize(
    "settings",
    [
        QUIET,
        {**QUIET, "losses": ["pair"]},  # nothing reads the logits
        {
            "network": {"kind": "GaitSet", "channels": [4, 8, 8], "feature": 8},
            "batches": {"height_px": 64, "width_px": 64},
            "losses": ["triplet"],
            "optimizer": "SGD",
            "steps": 3,
        },
    ],
    ids=["two losses", "unread logits", "GaitSet"],
)
def test_two_processes_equal_one(start: Start, tmp_path: Path, settings: dict[str, Any]) -> None:
    assert ends(start(tmp_path / "one", settings)) == 0
    assert run_two(start, tmp_path / "two", settings) == [0, 0]
    assert_close(tmp_path / "one", tmp_path / "two")


def test_two_processes_resume_exactly(start: Start, tmp_path: Path) -> None:
    assert run_two(start, tmp_path / "one", NOISY) == [0, 0]
    assert run_two(start, tmp_path / "two", {**NOISY, "steps": 8}) == [0, 0]
    assert run_two(start, tmp_path / "two", NOISY) == [0, 0]
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (tmp_path / "one" / "metrics.csv").read_bytes() == (tmp_path / "two" / "metrics.csv").read_bytes()


def test_a_run_goes_on_with_another_number_of_processes(start: Start, tmp_path: Path) -> None:
    assert run_two(start, tmp_path / "two", {**QUIET, "steps": 8}) == [0, 0]
    assert ends(start(tmp_path / "two", QUIET)) == 0
    assert ends(start(tmp_path / "one", QUIET)) == 0
    assert_close(tmp_path / "one", tmp_path / "two")


def test_two_nodes_equal_one(start: Start, tmp_path: Path) -> None:
    assert ends(start(tmp_path / "one", QUIET)) == 0
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    nodes = [start(tmp_path / "two", {**QUIET, "nodes": 2}, {**common, "NODE_RANK": str(node)}) for node in (0, 1)]
    assert [ends(process) for process in nodes] == [0, 0]
    assert_close(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("settings", [{**QUIET, "batches": {"size": 7}}, {**QUIET, "record": {"seed": 9}}])
def test_a_fault_ends_both(start: Start, tmp_path: Path, settings: dict[str, Any]) -> None:
    """A batch that cannot be shared is seen by both; another recipe by the first alone."""
    assert ends(start(tmp_path / "run", {**QUIET, "steps": 1})) == 0
    assert run_two(start, tmp_path / "run", settings) == [1, 1]


@pytest.mark.slow
def test_one_command_starts_its_own_processes(tmp_path: Path) -> None:
    train(tmp_path / "one", **resolve(QUIET))
    done = subprocess.run(
        [sys.executable, "-m", "tests.training.tiny", str(tmp_path / "two"), json.dumps({**QUIET, "devices": 2})],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert_close(tmp_path / "one", tmp_path / "two")
