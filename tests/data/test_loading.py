import threading

import numpy as np
import pytest
import torch
from tests.data.miniatures import write_store

from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import SequenceKey
from walkprint.data.augment import Erasing, Flip, Rotation
from walkprint.data.frames import AllFrames, Contiguous, RandomSubset
from walkprint.data.loading import TrainingBatches, equal_length_batches, prefetched, recording_codes
from walkprint.data.packed import Packed
from walkprint.data.sampling import SubjectSampler

KEYS = [SequenceKey(subject, "nm", f"0{take}", "000") for subject in ("007", "011", "020") for take in range(4)]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    lengths = {key: 3 + i % 5 for i, key in enumerate(KEYS)}
    return write_store(tmp_path_factory.mktemp("feed") / "s", lengths)[0]


def feed(store, **settings):
    defaults = {
        "chooser": RandomSubset(4),
        "sampler": SubjectSampler(2, 3),
        "augmentations": (Flip(), Rotation(), Erasing()),
        "seed": 5,
    }
    return TrainingBatches(store, settings.pop("keys", KEYS), **(defaults | settings))


def test_a_batch_is_what_it_says(store):
    batch = feed(store, augmentations=(), chooser=Contiguous(3)).batch(0)
    assert batch.frames.shape == (6, 3, 1, 8, 12)
    assert batch.frames.dtype == torch.uint8
    assert [key.subject for key in batch.keys] == [("007", "011", "020")[i] for i in batch.subjects]
    for frames, key in zip(batch.frames.numpy(), batch.keys, strict=True):
        whole = store.read(key).frames
        runs = [whole[i : i + 3] for i in range(len(whole) - 2)]
        assert any((frames == run).all() for run in runs)


def test_recordings_are_numbered_by_name():
    keys = [SequenceKey("b", "nm", "02", "090"), SequenceKey("a", "cl", "01", "090"), SequenceKey("a", "nm", "01")]
    codes = recording_codes(keys)
    assert codes.dtype == np.int64
    assert codes.tolist() == [[1, 1, 1], [0, 0, 1], [1, 0, 0]]


@pytest.mark.parametrize("processes", [2, 3, 4, 6])
def test_draws_do_not_depend_on_the_number_of_processes(store, processes):
    for step in (0, 7):
        whole = feed(store).batch(step)
        slices = [feed(store).batch(step, rank, processes) for rank in range(processes)]
        assert torch.equal(torch.cat([one.frames for one in slices]), whole.frames)
        assert torch.equal(torch.cat([one.subjects for one in slices]), whole.subjects)
        assert torch.equal(torch.cat([one.recordings for one in slices]), whole.recordings)
        assert [key for one in slices for key in one.keys] == list(whole.keys)


def test_a_packed_data_set_stands_for_its_store_and_training_subjects(store):
    packed = Packed(store.path, train=2)
    taken, given = (feed(one, keys=keys) for one, keys in ((packed, None), (store, packed.keys("train"))))
    assert taken.keys == given.keys
    assert taken.subjects == ("007", "011")
    assert torch.equal(taken.batch(3).frames, given.batch(3).frames)
    assert feed(store, keys=None).keys == tuple(store.keys)


def test_a_step_depends_on_nothing_before_it(store):
    batches = feed(store)
    in_turn = [batches.batch(step).frames for step in range(4)]
    assert torch.equal(feed(store).batch(3).frames, in_turn[3])
    assert not torch.equal(in_turn[2], in_turn[3])
    assert not torch.equal(feed(store, seed=6).batch(3).frames, in_turn[3])


def test_augmentations_differ_from_clip_to_clip(store):
    plain, changed = feed(store, augmentations=()).batch(1), feed(store, augmentations=(Flip(p=0.5),)).batch(1)
    flipped = [torch.equal(a.flip(-1), b) for a, b in zip(plain.frames, changed.frames, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(plain.frames, changed.frames, strict=True)]
    assert all(a != b for a, b in zip(flipped, same, strict=True))
    assert {*flipped} == {True, False}


def test_only_the_central_columns(store):
    wide, narrow = feed(store, augmentations=()).batch(2), feed(store, augmentations=(), width_px=6).batch(2)
    assert torch.equal(narrow.frames, wide.frames[..., 3:9])


def test_class_indices_are_those_of_the_training_keys_alone(store):
    batches = feed(store, keys=KEYS[4:])
    assert batches.subjects == ("011", "020")
    assert set(batches.batch(0).subjects.tolist()) == {0, 1}


def test_settings_that_cannot_work(store):
    with pytest.raises(DataError, match="no training sequence"):
        feed(store, keys=[])
    with pytest.raises(DataError, match="no sequence 9"):
        feed(store, keys=[SequenceKey("9")])
    with pytest.raises(RecipeError, match="seed is -1"):
        feed(store, seed=-1)
    with pytest.raises(RecipeError, match="different length"):
        feed(store, chooser=AllFrames()).batch(0)
    with pytest.raises(RecipeError, match="batch of 6 clips"):
        feed(store).batch(0, rank=0, processes=7)


def test_prefetched_batches_come_in_order(store):
    batches = feed(store)
    found = list(prefetched(batches, 3, 8, rank=1, processes=2))
    assert len(found) == 5
    for step, batch in enumerate(found, 3):
        assert torch.equal(batch.frames, batches.batch(step, 1, 2).frames)
    assert list(prefetched(batches, 3, 3)) == []


def feed_threads():
    return [thread for thread in threading.enumerate() if thread.name == "walkprint-feed"]


def test_prefetching_hands_errors_on_and_ends(store):
    batches = feed(store, sampler=SubjectSampler(9, 1))
    with pytest.raises(RecipeError, match="has 3 subjects"):
        next(prefetched(batches, 0, 5))
    assert feed_threads() == []


def test_leaving_early_ends_the_thread(store):
    batches = prefetched(feed(store), 0, 1000)
    next(batches)
    assert len(feed_threads()) == 1
    batches.close()
    assert feed_threads() == []


@pytest.mark.parametrize("frames_per_batch", [1, 7, 12, 1000])
def test_whole_sequences_in_equal_lengths(store, frames_per_batch):
    seen = []
    for batch in (one.read(store) for one in equal_length_batches(store, KEYS, frames_per_batch=frames_per_batch)):
        assert len(batch) == 1 or batch.frames.shape[0] * batch.frames.shape[1] <= frames_per_batch
        assert set(batch.subjects.tolist()) == {-1}
        for frames, key in zip(batch.frames.numpy(), batch.keys, strict=True):
            np.testing.assert_array_equal(frames, store.read(key).frames)
        seen += batch.keys
    assert sorted(seen) == KEYS


def test_short_sequences_are_looped_and_long_ones_come_in_pieces(store):
    seen = {key: [] for key in KEYS}
    for one in equal_length_batches(store, KEYS, frames_per_batch=50, min_frames=2, max_frames=6):
        batch = one.read(store)
        assert 2 <= batch.frames.shape[1] <= 6
        for frames, key in zip(batch.frames.numpy(), batch.keys, strict=True):
            seen[key].append(frames)
    for key, found in seen.items():
        whole = store.read(key).frames
        assert len(found) == max(-(-len(whole) // 6), 1)
        starts = [next(i for i in range(len(whole)) if (whole[i : i + 1] == one[0]).all()) for one in found]
        together = np.concatenate([one for _, one in sorted(zip(starts, found, strict=True), key=lambda two: two[0])])
        np.testing.assert_array_equal(together, np.concatenate([whole, whole])[: len(together)])
        assert len(together) == max(len(whole), 2)


def test_embedding_settings_out_of_range(store):
    assert equal_length_batches(store, [], frames_per_batch=5) == []
    with pytest.raises(RecipeError, match="max_frames 2"):
        equal_length_batches(store, KEYS, frames_per_batch=5, min_frames=3, max_frames=2)
