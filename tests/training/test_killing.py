"""Runs that are killed without warning and resumed are the very same runs."""

import random
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tests.training.conftest import Start, ends
from tests.training.tiny import train

from walkprint.training.checkpoint import CheckpointFolder

STEPS = 150
SETTINGS = {"steps": STEPS, "checkpoint_every": 3, "log_every": 2, "keep": 2}


@pytest.fixture(scope="module")
def undisturbed(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert ends(start(run, SETTINGS)) == 0
    return run


def assert_same(one: Path, two: Path) -> None:
    first, second = (load_file(run / "network" / "network.safetensors") for run in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)
    states = [CheckpointFolder(run / "checkpoints").load_newest() for run in (one, two)]
    assert states[0] is not None
    assert str(states[0]) == str(states[1])
    assert (one / "metrics.csv").read_bytes() == (two / "metrics.csv").read_bytes()


def test_killed_at_random_moments(start: Start, undisturbed: Path, tmp_path: Path) -> None:
    rng = random.Random(11)
    kills = 0
    for _ in range(5):
        process = start(tmp_path / "run", SETTINGS)
        newest = tmp_path / "run" / "checkpoints" / "step-000000003.safetensors"
        while kills == 0 and process.is_alive() and not newest.exists():
            time.sleep(0.005)
        while kills > 0 and process.is_alive() and len(_starts(tmp_path / "run")) <= kills:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.2))
        process.kill()
        kills += ends(process) == -9
    assert kills >= 2
    assert ends(start(tmp_path / "run", SETTINGS)) == 0
    assert_same(undisturbed, tmp_path / "run")


@pytest.mark.parametrize("nth", [1, 2, 30])
def test_killed_while_a_checkpoint_is_written(start: Start, undisturbed: Path, tmp_path: Path, nth: int) -> None:
    assert ends(start(tmp_path / "run", SETTINGS, die_in_write=nth)) == -9
    checkpoints = CheckpointFolder(tmp_path / "run" / "checkpoints")
    assert [int(path.stem[5:]) for path in checkpoints.paths()] == [3 * n for n in (nth - 2, nth - 1) if n > 0]
    assert ends(start(tmp_path / "run", SETTINGS)) == 0
    assert_same(undisturbed, tmp_path / "run")
    assert not list((tmp_path / "run" / "checkpoints").glob(".*"))


def test_the_process_is_no_ingredient(undisturbed: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train(tmp_path / "run", steps=STEPS, checkpoint_every=3, log_every=2)
    torch.set_num_threads(threads)
    assert_same(undisturbed, tmp_path / "run")


def _starts(run: Path) -> list[str]:
    versions = run / "versions.json"
    return [line for line in versions.read_text().splitlines() if '"step"' in line] if versions.exists() else []
