import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from walkprint.core.batch import GaitOutput
from walkprint.core.digest import weights_source
from walkprint.core.errors import DataError, RecipeError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data import loading
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.embed import embed, merge
from walkprint.networks.base import Network


class Seen(list):
    """What copies of a network saw, in one list."""

    def __deepcopy__(self, _):
        return self


class Tiny(Network):
    """Sees batch statistics in training mode and clip length, so that mistakes in either show."""

    height_px, width_px, min_frames = 8, 6, 3

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.modes = Seen()

    def forward(self, frames):
        self.modes.append((self.training, frames.shape[1]))
        batch, time = frames.shape[:2]
        maps = self.norm(self.conv(frames.flatten(0, 1))).unflatten(0, (batch, time))
        return GaitOutput(maps.amax(dim=1).mean(dim=2).transpose(1, 2).contiguous())


@pytest.fixture
def store(tmp_path):
    rng = np.random.default_rng(0)
    with StoreWriter(tmp_path / "store") as writer:
        for i, length in enumerate((5, 2, 9, 5, 5, 9, 1, 30)):
            frames = rng.integers(0, 256, (length, 1, 8, 8), dtype=np.uint8)
            writer.add(Clip(frames, SequenceKey(f"{i:03d}", "nm", "01", "090")))
    return Store.open(tmp_path / "store")


def test_batched_equals_one_at_a_time(store):
    network = Tiny()
    keys = list(store.keys)[::-1]
    together = embed(network, store, keys, frames_per_batch=1000)
    assert list(together.keys) == keys
    assert together.vectors.shape == (8, 4, 4)
    for i, key in enumerate(keys):
        alone = embed(network, store, [key], frames_per_batch=1).vectors[0]
        np.testing.assert_allclose(together.vectors[i], alone, atol=1e-5)


def test_evaluates_and_restores_every_module(store):
    network = Tiny().train()
    network.norm.eval()
    embed(network, store, store.keys)
    assert not any(training for training, _ in network.modes)
    assert network.training
    assert network.conv.training
    assert not network.norm.training
    network.train()
    network.height_px = 16
    with pytest.raises(DataError, match="prepare the data at that size"):
        embed(network, store, store.keys)
    assert network.norm.training


@pytest.mark.parametrize("workers", [1, 2])
def test_short_sequences_loop_and_all_frames_of_long_ones_count(store, workers):
    network = Tiny()
    whole = embed(network, store, store.keys, max_frames=None)
    assert {time for _, time in network.modes} == {3, 5, 9, 30}
    cut = embed(network, store, store.keys, max_frames=7, workers=workers)
    long = store.keys[7]
    frames = store.read(long).frames
    assert len(frames) == 30
    bounds = [0, 6, 12, 18, 24, 30]
    apart = [network.embed(frames[first:last]) for first, last in pairwise(bounds)]
    np.testing.assert_allclose(cut.vectors[7], np.mean(apart, axis=0), atol=1e-6)
    assert (cut.vectors[7] != whole.vectors[7]).any()


def test_processes_and_shards_give_the_same(store):
    network = Tiny()
    plain = embed(network, store, store.keys)
    seen = []
    parallel = embed(network, store, store.keys, workers=2, progress=lambda done, total: seen.append((done, total)))
    assert (parallel.vectors == plain.vectors).all()
    assert parallel.source == plain.source
    assert seen[-1] == (8, 8)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    shares = [embed(network, store, store.keys, share=(i, 3)) for i in (2, 0, 1)]
    assert [len(share) for share in shares] == [2, 3, 3]
    merged = merge(shares)
    assert list(merged.keys) == list(store.keys)
    np.testing.assert_allclose(merged.vectors, plain.vectors, atol=1e-5)


def test_bf16_is_near_and_stored_as_float32(store):
    exact, rough = (embed(Tiny(), store, store.keys, precision=name) for name in ("32-true", "bf16"))
    assert rough.vectors.dtype == np.float32
    assert 0 < np.abs(rough.vectors - exact.vectors).max() < 0.05


def test_settings_reach_the_batches_and_the_network(store, monkeypatch):
    room, asked = loading, []
    batches = room.equal_length_batches
    monkeypatch.setattr(
        room,
        "equal_length_batches",
        lambda *given, **named: asked.append((given[0], named)) or batches(*given, **named),
    )
    network = Tiny()
    found = embed(network, store, store.keys, precision="bf16", frames_per_batch=7, max_frames=11, share=(1, 2))
    assert list(found.keys) == list(store.keys)[1::2]
    assert asked == [(store, {"frames_per_batch": 7, "min_frames": 3, "max_frames": 11})]
    exact = embed(Tiny(), store, found.keys, max_frames=11).vectors
    assert 0 < np.abs(found.vectors - exact).max() < 0.05, "in bf16"


@pytest.mark.parametrize(("device", "wanted"), [("cpu", 32), ("meta", 1024)])
def test_batches_are_as_large_as_is_fast_on_the_device(store, monkeypatch, device, wanted):
    asked = []
    monkeypatch.setattr(
        loading, "equal_length_batches", lambda *_, frames_per_batch, **__: asked.append(frames_per_batch) or 1 / 0
    )
    monkeypatch.setattr("walkprint.core.device.usable_device", torch.device)
    with pytest.raises(ZeroDivisionError):
        embed(Tiny(), store, device=device)
    assert asked == [wanted]


def test_source_is_the_weights(store):
    network = Tiny()
    assert embed(network, store, store.keys).source == weights_source(Tiny())
    with torch.no_grad():
        network.norm.running_mean += 1
    assert weights_source(network) != weights_source(Tiny())
    assert weights_source(network).startswith("Tiny ")


def test_merging_refuses_what_does_not_belong_together(store):
    one = embed(Tiny(), store, store.keys)
    with pytest.raises(DataError, match="made by different networks: Tiny"):
        merge([one, dataclasses.replace(one, source="other")])
    with pytest.raises(DataError, match="8 sequences are in more than one file"):
        merge([one, one])
    with pytest.raises(DataError, match="at least one file"):
        merge([])


@pytest.mark.parametrize(
    "settings",
    [
        {"precision": "fp8"},
        {"share": (2, 2)},
        {"workers": 0},
        {"frames_per_batch": 0},
        {"workers": 2, "device": "meta"},
        {"device": "foo"},
        {"device": "cuda:99"},
    ],
)
def test_settings_out_of_range(store, settings):
    with pytest.raises(RecipeError, match="expected"):
        embed(Tiny(), store, store.keys, **settings)


def test_nothing_unknown_or_named_twice(store):
    with pytest.raises(DataError, match="no sequence to embed"):
        embed(Tiny(), store, [])
    with pytest.raises(DataError, match="no sequence zzz"):
        embed(Tiny(), store, [SequenceKey("zzz")])
    with pytest.raises(DataError, match="named twice"):
        embed(Tiny(), store, [store.keys[0], store.keys[0]])


def test_broken_weights_are_named(store):
    network = Tiny()
    with torch.no_grad():
        network.conv.bias.fill_(float("nan"))
    with pytest.raises(DataError, match="not finite"):
        embed(network, store, store.keys)
