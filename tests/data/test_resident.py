import numpy as np
import pytest
import torch
from tests.data.miniatures import draw_person

from walkprint.core.errors import RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.augment import Augmentation, Dilation, Erasing, Flip, Perspective, Rotation
from walkprint.data.frames import Contiguous, RandomSubset
from walkprint.data.loading import TrainingBatches, prefetched
from walkprint.data.resident import PackedFrames, ResidentBatches, placed, send
from walkprint.data.sampling import EvenConditions, SubjectSampler
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter

KEYS = [SequenceKey(subject, "nm", f"0{take}", "000") for subject in ("007", "011", "020") for take in range(4)]
EACH = [(), (Flip(p=1),), (Rotation(p=1),), (Perspective(p=1),), (Erasing(p=1),), (Dilation(p=1),)]
ALL = (Flip(), Rotation(25), Perspective(0.2), Erasing(), Dilation())


def store_of(folder, bits=8, channels=1, height=20, width=14, compression=None):
    rng = np.random.default_rng(0)
    with StoreWriter(folder, bits=bits, compression=compression) as writer:
        for i, key in enumerate(KEYS):
            frames = rng.integers(0, 256, (3 + i % 5, channels, height, width)).astype(np.uint8)
            writer.add(Clip(frames, key))
    return Store.open(folder)


def both(store, **settings):
    defaults = {"chooser": RandomSubset(4), "sampler": SubjectSampler(2, 3), "augmentations": ALL, "seed": 5}
    host = TrainingBatches(store, settings.pop("keys", KEYS), **(defaults | settings))
    return host, ResidentBatches.of(host, "cpu")


def assert_same(one, other):
    torch.testing.assert_close(one.frames.int(), other.frames.int(), atol=1, rtol=0)
    assert torch.equal(one.subjects, other.subjects)
    assert torch.equal(one.recordings, other.recordings)
    assert one.keys == other.keys
    assert one.frames.is_contiguous()


@pytest.mark.parametrize("augmentations", [*EACH, ALL], ids=lambda all_: "+".join(type(a).__name__ for a in all_))
@pytest.mark.parametrize(("bits", "channels", "width"), [(8, 1, None), (1, 1, 10), (8, 3, 9), (1, 3, None)])
def test_the_same_pixels_as_on_the_host(tmp_path, augmentations, bits, channels, width):
    store = store_of(tmp_path / "s", bits, channels)
    host, resident = both(store, augmentations=augmentations, width_px=width)
    for step in (0, 3):
        assert_same(resident.batch(step), host.batch(step))
        assert_same(resident.batch(step, 1, 2), host.batch(step, 1, 2))


def test_the_same_pixels_of_a_person(tmp_path):
    with StoreWriter(tmp_path / "s") as writer:
        for i, key in enumerate(KEYS):
            writer.add(Clip(np.stack([draw_person(i + t, 64, 64) for t in range(6)])[:, None], key))
    host, resident = both(Store.open(tmp_path / "s"), width_px=44)
    for step in range(10):
        assert_same(resident.batch(step), host.batch(step))


@pytest.mark.parametrize("bits", [8, 1])
def test_frames_whose_bits_do_not_fill_a_byte(tmp_path, bits):
    store = store_of(tmp_path / "s", bits, height=5, width=7, compression="zstd")
    host, resident = both(store, augmentations=(), chooser=Contiguous(3))
    assert_same(resident.batch(1), host.batch(1))


def test_only_the_training_sequences_are_kept_and_each_once(tmp_path):
    store = store_of(tmp_path / "s")
    host, resident = both(store, keys=KEYS[4:], sampler=EvenConditions(2, 3))
    assert resident.subjects == host.subjects == ("011", "020")
    assert_same(resident.batch(2), host.batch(2))
    twice = PackedFrames(store, np.array([3, 1, 3]), "cpu")
    assert len(twice.packed) == store.lengths[[1, 3]].sum()


def test_prefetched(tmp_path):
    host, resident = both(store_of(tmp_path / "s"))
    for step, batch in enumerate(prefetched(resident, 2, 5)):
        assert_same(batch, host.batch(2 + step))


def test_an_augmentation_that_a_device_cannot_do_is_refused(tmp_path):
    class Custom(Augmentation):
        def draw(self, rng, shape):
            """Nothing."""

        def apply(self, frames, parameters):
            """Nothing."""

    with pytest.raises(RecipeError, match="Custom: has no apply_on_device; keep the data on the host"):
        both(store_of(tmp_path / "s"), augmentations=(Custom(),))
    with pytest.raises(RecipeError, match="Custom: has no apply_on_device"):
        Custom().apply_on_device(torch.zeros(1, 1, 1, 2, 2, dtype=torch.uint8), torch.zeros(1, 0))


def test_sending_keeps_shapes_types_and_values():
    arrays = [np.arange(6).reshape(2, 3), np.zeros((2, 0)), np.array([0.1, -2.0]), np.array(7)]
    for sent, array in zip(send(arrays, torch.device("cpu")), arrays, strict=True):
        np.testing.assert_array_equal(sent.numpy(), array)
        assert sent.numpy().dtype == array.dtype


def test_batches_are_placed_where_they_are_asked_for(tmp_path, monkeypatch):
    host, _ = both(store_of(tmp_path / "s"))
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert placed(host, "host", cpu) is placed(host, "auto", cpu) is host
    assert isinstance(placed(host, "device", cpu), ResidentBatches)
    monkeypatch.setattr(ResidentBatches, "of", lambda batches, device: (batches, device))
    for free, where in ((1 << 30, (host, gpu)), (100, host)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 1 << 40))
        assert placed(host, "auto", gpu) == where
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1 << 30, 1 << 40))
    strange, _ = both(store_of(tmp_path / "t"), augmentations=())
    strange.augmentations = (type("OnHost", (Augmentation,), {"draw": None, "apply": None})(p=1),)
    assert placed(strange, "auto", gpu) is strange
