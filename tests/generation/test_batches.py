"""Frames for generators: even over conditions, a pure function of step and repeat, sources of the targets' subjects."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.generation.miniatures import tiny_store

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.generation.batches import FrameBatches
from walkprint.generation.labels import LabelNames, Labels


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return tiny_store(tmp_path_factory.mktemp("people") / "store")


def test_rare_conditions_come_as_often(store: Store) -> None:
    batches = FrameBatches(store, store.keys, batch_size=400)
    batch = batches.batch(3)
    for labels in (batch.labels, batch.targets):
        assert labels.conditions.float().mean().item() == pytest.approx(0.5, abs=0.1)
        assert labels.subjects.unique().tolist() == [0, 1, 2]


def test_frames_show_their_labels(store: Store) -> None:
    batches = FrameBatches(store, store.keys, batch_size=30)
    batch = batches.batch(0)
    for frames, labels, condition in ((batch.frames, batch.labels, None), (batch.sources, batch.targets, "nm")):
        for i, frame in enumerate(frames.numpy()):
            subject = batches.names.subjects[labels.subjects[i]]
            shown = condition or batches.names.conditions[labels.conditions[i]]
            taken = [key for key in store.keys if (key.subject, key.condition) == (subject, shown)]
            assert any((store.read(key).frames == frame).all((1, 2, 3)).any() for key in taken)


def test_a_pure_function_of_seed_step_and_repeat(store: Store) -> None:
    def frames(seed: int, step: int, repeat: int) -> torch.Tensor:
        return FrameBatches(store, store.keys, batch_size=8, seed=seed).batch(step, repeat).frames

    assert torch.equal(frames(1, 2, 3), frames(1, 2, 3))
    for other in ((2, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not torch.equal(frames(1, 2, 3), frames(*other))


def test_takes_are_all_of_them(store: Store) -> None:
    batches = FrameBatches(store, store.keys)
    found = list(batches.takes(frames=3))
    assert len(found) == len(store.keys)
    assert (found[0][0].numpy() == store.read(store.keys[0]).frames[[0, 4, 7]]).all()
    assert found[0][1].subjects.tolist() == [0, 0, 0]


def test_labels_and_their_names() -> None:
    keys = [SequenceKey("b", "nm", "1", "090"), SequenceKey("a", "cl", "1", "090")]
    names = LabelNames.of(keys)
    assert names == LabelNames(("a", "b"), ("cl", "nm"), ("090",))
    labels = names.labels(keys)
    both = Labels.cat([labels, labels[:1]])
    assert both.subjects.tolist() == [1, 0, 1]
    assert both.of("condition").tolist() == [1, 0, 1]
    assert both.views.tolist() == [0, 0, 0]
    with pytest.raises(DataError, match="'bg' is none of the 2"):
        names.labels([SequenceKey("a", "bg")])


def test_refusals(store: Store) -> None:
    with pytest.raises(RecipeError, match="batch_size"):
        FrameBatches(store, store.keys, batch_size=0)
    with pytest.raises(DataError, match="source condition 'xx'"):
        FrameBatches(store, store.keys, source_condition="xx")
    with pytest.raises(DataError, match="source condition"):
        FrameBatches(store, [])


def test_nothing_learns_from_what_was_generated(store: Store, tmp_path: Path) -> None:
    made = SequenceKey("000", "cl", "9", "090")
    with StoreWriter(tmp_path / "store", further={"generated": {"ordered": True}}) as writer:
        for key in store.keys:
            writer.copy(store, key)
        writer.add(Clip(store.read(store.keys[0]).frames, made), origin={"source": str(store.keys[0])})
    expanded = Store.open(tmp_path / "store")
    with pytest.raises(DataError, match=r"1 of the training sequences are generated, e\.g\. 000/cl-9/090"):
        FrameBatches(expanded, expanded.keys)
    assert FrameBatches(expanded, store.keys).keys == store.keys


def test_small_frames_are_refused(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "store") as writer:
        writer.add(Clip(np.zeros((2, 1, 64, 44), np.uint8), SequenceKey("a", "nm")))
    store = Store.open(tmp_path / "store")
    with pytest.raises(DataError, match="1 x 64 x 64 or wider"):
        FrameBatches(store, store.keys)
