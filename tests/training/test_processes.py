"""Two processes learn what one learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"dropout": 0.0, "noise": 0.0}  # processes draw from generators of their own


def run_alone(
    run: Path, devices: int, network: dict[str, object], **settings: object
) -> subprocess.CompletedProcess[str]:
    words = ["--devices", str(devices), "--settings", json.dumps(settings), "--network", json.dumps(network)]
    return subprocess.run(
        [sys.executable, "-m", "tests.training.tiny", str(run), *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "network" / "network.safetensors")


def test_two_processes_equal_one(tmp_path: Path) -> None:
    for devices in (1, 2):
        done = run_alone(tmp_path / str(devices), devices, QUIET)
        assert done.returncode == 0, done.stderr
    one, two = weights(tmp_path / "1"), weights(tmp_path / "2")
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-4, atol=1e-6)
    rows = [(tmp_path / name / "metrics.csv").read_text().splitlines() for name in "12"]
    for first, second in zip(*rows, strict=True):
        if first[0] != "s":
            assert [float(x) for x in first.split(",")] == pytest.approx(
                [float(x) for x in second.split(",")], rel=1e-3
            )


def test_two_processes_resume_exactly(tmp_path: Path) -> None:
    """Each has its own random generators, and logits that no loss reads hold nobody up."""
    noisy = {"dropout": 0.3, "noise": 0.1}
    assert run_alone(tmp_path / "one", 2, noisy).returncode == 0
    assert run_alone(tmp_path / "two", 2, noisy, steps=8).returncode == 0
    assert run_alone(tmp_path / "two", 2, noisy).returncode == 0
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert (tmp_path / "one" / "metrics.csv").read_bytes() == (tmp_path / "two" / "metrics.csv").read_bytes()


def test_a_batch_that_cannot_be_shared_is_named(tmp_path: Path) -> None:
    done = run_alone(tmp_path / "run", 2, QUIET, batch=7)
    assert done.returncode != 0
    assert "a batch of 7 clips cannot be shared evenly by 2 processes" in done.stderr
