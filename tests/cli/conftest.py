"""What the verbs' tests share: a small store of walkers, a run trained for two steps, its embeddings; made once."""

from pathlib import Path

import pytest

from walkprint.cli import main

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "recipes" / "walkers" / "gaitset_narrow.yaml"


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rendered people, two of them for training, from two views."""
    out = tmp_path_factory.mktemp("cli") / "store"
    words = ["--subjects", "4", "--train", "2", "--views", "072,108", "--frames", "12", "--workers", "1"]
    assert main(["walkers", "--out", str(out), *words]) == 0
    return out


def small(store: Path) -> list[str]:
    """Settings that make the narrow recipe a matter of seconds."""
    return [
        "--set", f"data.root={store}", "data.train=2", "network.num_subjects=2", "network.channels=[4,4,8]",
        "network.feature=8", "schedule.steps=2", "scheduler.steps=2", "schedule.subjects_per_batch=2",
        "schedule.clips_per_subject=2", "frames.count=4", "precision=32-true",
    ]  # fmt: skip


@pytest.fixture(scope="session")
def run(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert main(["train", str(RECIPE), "--run", str(folder), "--accelerator", "cpu", *small(store)]) == 0
    return folder


@pytest.fixture(scope="session")
def embeddings(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Embeddings of its test people."""
    file = tmp_path_factory.mktemp("cli") / "test.npz"
    assert main(["embed", "--run", str(run), "--out", str(file)]) == 0
    return file
