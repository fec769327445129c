"""Training generators: killed and resumed is as if undisturbed, stages hand over, wrong settings are refused."""

import contextlib
import json
import multiprocessing
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.generation.miniatures import tiny_store
from tests.training.tiny_generator import train_alone, train_generator
from torch import Tensor

from walkprint.core.errors import CheckpointError, DataError, RecipeError, TrainingError
from walkprint.core.sequence import Clip
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.ae_guided import AEGuidedGAN
from walkprint.generation.fingerprint import fingerprint
from walkprint.generation.monitor import DiversityMonitor
from walkprint.recipes.trained import load_generator
from walkprint.training.checkpoint import CheckpointFolder, load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_store(tmp_path_factory.mktemp("people") / "store").path


def assert_same(one: Path, two: Path) -> None:
    first, second = (load_file(run / "generator" / "network.safetensors") for run in (one, two))
    assert all(torch.equal(first[name], second[name]) for name in first)
    states = [CheckpointFolder(run / "checkpoints").load_newest() for run in (one, two)]
    assert states[0] is not None
    assert str(states[0]) == str(states[1])
    assert (one / "metrics.csv").read_bytes() == (two / "metrics.csv").read_bytes()


def test_killed_without_warning_and_resumed(store: Path, tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    train_generator(store, tmp_path / "undisturbed", steps=60)
    torch.set_num_threads(threads)
    context: Any = multiprocessing.get_context("fork" if threads == 1 else "spawn")
    kills = 0
    for stop in (2, 16, 40):  # in the guard, the autoencoder, the GAN
        process = context.Process(target=train_alone, args=(store, tmp_path / "killed"))
        process.start()
        while process.is_alive() and _newest(tmp_path / "killed") < stop:
            time.sleep(0.002)
        process.kill()
        process.join(60)
        kills += process.exitcode == -9
    assert kills == 3
    process = context.Process(target=train_alone, args=(store, tmp_path / "killed"))
    process.start()
    process.join(120)
    assert process.exitcode == 0
    assert_same(tmp_path / "undisturbed", tmp_path / "killed")


def _newest(run: Path) -> int:
    return max((int(path.stem[5:]) for path in (run / "checkpoints").glob("step-*.safetensors")), default=0)


def test_a_stage_begins_with_the_average_of_the_one_before(store: Path, tmp_path: Path) -> None:
    train_generator(store, tmp_path, steps=20, checkpoint_every=1, keep=20)
    states = {int(path.stem[5:]): path for path in (tmp_path / "checkpoints").iterdir()}
    flat: Callable[[int, str], dict[str, Tensor]] = lambda step, part: _part(states[step], part)  # noqa: E731
    # The guard ends at 2, the autoencoder at 10; the guard stands still from then on, as its average stood.
    averaged, later = flat(2, "average"), flat(9, "model")
    assert all(torch.equal(averaged[name], later[name]) for name in averaged if name.startswith("guard."))
    raw = flat(2, "model")
    assert not all(torch.equal(raw[name], later[name]) for name in raw if name.startswith("guard."))


def _part(path: Path, part: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_checkpoint(path)[part]
    return found


def test_a_finished_run_is_not_trained_again(store: Path, tmp_path: Path) -> None:
    first = train_generator(store, tmp_path)
    again = train_generator(store, tmp_path)
    assert again.step == first.step == 20
    assert not again.numbers
    assert train_generator(store, tmp_path, steps=8).step == 20  # what is there, not what was asked for
    frames = torch.zeros(2, 1, 64, 64, dtype=torch.uint8)
    labels = first.model.names.labels([])
    labels = type(labels)(*(torch.zeros(2, dtype=torch.int64) for _ in range(3)))
    assert torch.equal(
        load_generator(tmp_path).sample(frames, labels, torch.Generator()),
        first.model.sample(frames, labels, torch.Generator()),
    )


def _replace_people(store: Path) -> None:
    """Put others of the same names and takes in the place of those in a store, all a little lower."""
    before = Store.open(store)
    clips = [before.read(key) for key in before.keys]
    shutil.rmtree(store)
    with StoreWriter(store) as writer:
        for clip in clips:
            writer.add(Clip(np.roll(clip.frames, 3, axis=2), clip.key))


@pytest.mark.parametrize("finished", [True, False], ids=["finished run", "resumed run"])
def test_other_people_in_the_place_of_those_of_the_run(tmp_path: Path, finished: bool) -> None:
    store, run = tiny_store(tmp_path / "store").path, tmp_path / "run"
    if finished:
        train_generator(store, run)
    else:
        with pytest.raises(_Kill):
            train_generator(store, run, listeners=[_kill_at(12)])
    before = _contents(run)
    _replace_people(store)
    with pytest.raises(DataError, match=rf"{store}: not the data that {run} began with \(other frames"):
        train_generator(store, run)
    assert _contents(run) == before
    anew = train_generator(store, run, resume=False).model.recordings
    assert anew == fingerprint(Store.open(store), Store.open(store).keys, "nm")


def _contents(run: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_of_before_recordings_were_kept_goes_on(tmp_path: Path, finished: bool) -> None:
    store, run = tiny_store(tmp_path / "store").path, tmp_path / "run"
    with contextlib.nullcontext() if finished else pytest.raises(_Kill):
        train_generator(store, run, listeners=[] if finished else [_kill_at(12)])
    for path in (run / "checkpoints").iterdir():
        state = load_checkpoint(path)
        state.pop("data")
        assert state.pop("recordings").keys() == {f"{i:03d}/nm-0/090" for i in range(3)}
        save_checkpoint(path, state)
    if finished:  # its config has kept them
        assert train_generator(store, run).model.recordings == load_generator(run).recordings != {}
        config = run / "generator" / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), "recordings": {}}))
    _replace_people(store)
    assert train_generator(store, run).model.recordings == load_generator(run).recordings == {}


@pytest.mark.parametrize(
    ("changes", "error", "match"),
    [
        ({"steps": 2}, RecipeError, "one step in each of 3 stages"),
        ({"precision": "16-mixed"}, RecipeError, "no gradient scaler"),
        ({"ema_decay": 1.0}, RecipeError, "ema_decay"),
        ({"clip_norm": 0.0}, RecipeError, "clip_norm"),
        ({"log_every": 0}, RecipeError, "log_every"),
    ],
)
def test_refusals(store: Path, tmp_path: Path, changes: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        train_generator(store, tmp_path, **changes)


def test_another_average_or_recipe_is_another_run(store: Path, tmp_path: Path) -> None:
    train_generator(store, tmp_path)
    with pytest.raises(CheckpointError, match="ema_decay"):
        train_generator(store, tmp_path, ema_decay=None)
    with pytest.raises(RecipeError, match="another recipe"):
        train_generator(store, tmp_path, record={"generator": {}})
    assert train_generator(store, tmp_path, record={"generator": {}}, resume=False).numbers


def test_an_unfinished_generator_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="holds no generator"):
        load_generator(tmp_path)


def test_a_collapse_ends_the_training(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_picture(self: AEGuidedGAN, sources: Tensor, labels: object, generator: object) -> Tensor:
        return torch.zeros(len(sources), 1, 64, 64)

    monkeypatch.setattr(AEGuidedGAN, "generate", one_picture)
    with pytest.raises(TrainingError, match=r"step 20: .* differ 0\.000 times as much.*at least 0\.05"):
        train_generator(store, tmp_path, watch=DiversityMonitor(every=5))


class _Kill(Exception):
    pass


def _kill_at(last: int) -> Callable[[int, object], None]:
    def listen(step: int, numbers: object) -> None:
        if step == last:
            raise _Kill

    return listen


def test_labels_that_drift_warn_and_are_the_same_after_a_resume(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sources_again(self: AEGuidedGAN, sources: Tensor, labels: object, generator: object) -> Tensor:
        return self.to_unit(sources)

    settings: dict[str, Any] = {
        "steps": 42,
        "model": {"shares": (0.7, 0.1, 0.2), "learning_rates": (1e-3, 2e-4, 1e-4)},
        "precision": "32-true",
        "watch": DiversityMonitor(every=3, stop_below=0),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = train_generator(store, tmp_path / "undisturbed", **settings)
        with pytest.raises(_Kill):
            train_generator(store, tmp_path / "killed", listeners=[_kill_at(39)], **settings)
        again = train_generator(store, tmp_path / "killed", **settings)
    assert 0 < first.numbers["labels"] == again.numbers["labels"]
    assert_same(tmp_path / "undisturbed", tmp_path / "killed")
    monkeypatch.setattr(AEGuidedGAN, "generate", sources_again)
    settings["watch"] = DiversityMonitor(every=42, stop_below=0)
    with pytest.warns(UserWarning, match=r"step 42: .* labels drift"):
        assert train_generator(store, tmp_path / "drifting", **settings).numbers["labels"] < 0.5
