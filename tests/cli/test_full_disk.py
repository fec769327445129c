"""A full disk: one line and exit 2, nothing half-written, earlier files as they were; with room, all is as undisturbed.

A limit on the size of files stands for the disk: a write stops short at it, and the next one fails.
"""

import contextlib
import hashlib
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from walkprint.cli import main
from walkprint.core.errors import DataError
from walkprint.gallery import Binding, Gallery, NewWalk
from walkprint.training.checkpoint import CheckpointFolder

from .conftest import RECIPE, small

FAILED = ("too large", "full", "I/O error")


@contextlib.contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def contents(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def refused(words: list[str], size: int, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line with which a command ends on a disk of so many bytes."""
    capsys.readouterr()
    with disk_of(size):
        code = main(words)
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("walkprint: error")]
    assert (code, len(said)) == (2, 1), said
    return said[0]


WORDS = {
    "walkers": "--out {out}/o --subjects 2 --train 1 --views 072 --frames 8 --workers 1",
    "prepare": "Walkers --out {out}/o --set data.subjects=2 data.frames=8 data.views=[\"072\"] --workers 1",
    "expand": "--data {store} --expander Copying --wanted cl=9 --out {out}/o",
    "embed": "--run {run} --out {out}/o.npz",
    "evaluate": "--embeddings {embeddings} --resamples 2 --out {out}/o",
    "compare": "a={embeddings} b={embeddings} --resamples 2 --out {out}/o",
    "calibrate": "--embeddings {embeddings} --out {out}/o.site",
}  # fmt: skip
STORES = ("walkers", "prepare", "expand")


@pytest.mark.parametrize("verb", WORDS)
def test_outputs(
    verb: str, store: Path, run: Path, embeddings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [verb, *WORDS[verb].format(out=out, store=store, run=run, embeddings=embeddings).split()]
    assert main(words) == 0
    whole, largest = contents(out), max(path.stat().st_size for path in out.rglob("*") if path.is_file())
    for size in (0, largest - 1):
        if verb in STORES:
            shutil.rmtree(out)
        assert any(one in refused(words, size, capsys) for one in FAILED)
        if verb in STORES:
            assert not (out / "o").exists()
            assert main(words) == 0
            assert contents(out) == whole
        else:
            assert contents(out).keys() == whole.keys()
            assert size or contents(out) == whole


def test_a_training_goes_on_when_there_is_room(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    save = CheckpointFolder.save

    def full_at_step_3(folder: CheckpointFolder, step: int, state: dict[str, Any]) -> Path:
        with disk_of(2000 if step == 3 else resource.RLIM_INFINITY):
            return save(folder, step, state)

    settings = [*small(store), "schedule.steps=4", "scheduler.steps=4", "schedule.checkpoint_every=1"]
    undisturbed, stopped = (
        ["train", str(RECIPE), "--accelerator", "cpu", "--run", str(tmp_path / name), *settings] for name in "ab"
    )
    assert main(undisturbed) == 0
    assert any(one in refused(stopped, 2000, capsys) for one in FAILED)
    assert not list((tmp_path / "b").rglob("*.safetensors"))
    with monkeypatch.context() as patch:
        patch.setattr(CheckpointFolder, "save", full_at_step_3)
        refused(stopped, resource.RLIM_INFINITY, capsys)
    found = [path.name for path in (tmp_path / "b" / "checkpoints").iterdir()]
    assert sorted(found) == ["step-000000001.safetensors", "step-000000002.safetensors"]
    assert main(stopped) == 0
    weights = [tmp_path / name / "network" / "network.safetensors" for name in "ab"]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def enroll_until_full(path: Path, walk: NewWalk) -> None:
    with Gallery.open(path) as gallery:
        for _ in range(9):
            gallery.enroll("Ben", [walk] * 3)


def test_a_gallery_stays_as_it_was(tmp_path: Path) -> None:
    path, walk = tmp_path / "people.gallery", NewWalk(np.ones((31, 128), np.float32), 30)
    with Gallery.open(path, Binding("street", "GaitSet 0123", 31, 128, "cosine")) as gallery:
        gallery.enroll("Anna", [walk])
    for size in (0, 4096, 40_000):
        with disk_of(size), pytest.raises(DataError, match="make room on the disk"):
            enroll_until_full(path, walk)
        with Gallery.open(path) as gallery:
            gallery.check()
            gallery.verify_journal()
            assert [person.name for person in gallery.people()] == ["Anna"]
