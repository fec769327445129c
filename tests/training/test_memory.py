"""A step that would not fit into memory is refused before it begins."""

import contextlib
from pathlib import Path

import pytest
import torch
from tests.training.tiny import StubBatches, TinySet, train

from walkprint.core.errors import RecipeError
from walkprint.training import memory
from walkprint.training.memory import check_memory, step_bytes


def test_the_refusal_has_the_numbers_and_two_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "free_bytes", lambda: 300_000)
    with pytest.raises(RecipeError) as caught:
        train(tmp_path / "run", batches=StubBatches(size=64))
    assert str(caught.value) == (
        "a step of 64 clips of 3 frames takes about 0.0014 GB, measured with 4 clips; 0.0003 GB are free, enough for "
        "about 12 clips: take fewer subjects_per_batch or clips_per_subject, or accumulate: 6 with batches of 10 clips"
    )
    assert train(tmp_path / "small", batches=StubBatches(size=8), steps=1).step == 1


def test_looking_changes_nothing(tmp_path: Path) -> None:
    network = TinySet(dropout=0.5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    check_memory(network, StubBatches(size=32).batch(0), contextlib.nullcontext(), free=1 << 40)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not any(weight.grad is not None for weight in network.parameters())
    check_memory(network, StubBatches(size=32).batch(0), contextlib.nullcontext(), free=None)


def test_bytes_grow_with_clips_and_are_about_those_of_the_layers() -> None:
    network, frames = TinySet(), StubBatches(size=16).batch(0).frames
    few, more = (step_bytes(network, frames[:count]) for count in (4, 8))
    assert more == pytest.approx(2 * few, rel=0.05)
    convolved = 4 * 4 * 3 * 4 * 8 * 6  # bytes of 4 clips of 3 frames after the convolution
    assert convolved < few < 20 * convolved
