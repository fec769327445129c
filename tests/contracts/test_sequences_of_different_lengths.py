"""Sequences of different lengths, grouped by length, give the embeddings that each gives alone: for every network."""

import numpy as np
import pytest
import torch
from tests.contracts.test_every_network import build, every_network, settled

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.writing import StoreWriter
from walkprint.evaluation import embed
from walkprint.networks import DeepGaitV2

LENGTHS = (7, 4, 9, 4, 7, 3, 4, 2)  # groups of three, of two, leftovers, and one that some networks loop
BUILDERS = {kind.__name__: lambda kind=kind: build(kind) for kind in every_network()} | {
    f"DeepGaitV2 {mode}": lambda mode=mode: DeepGaitV2(mode=mode, channels=(4, 8, 16, 16)) for mode in ("2d", "3d")
}


@pytest.mark.parametrize("name", BUILDERS)
def test_grouped_equals_one_at_a_time(name, tmp_path):
    torch.manual_seed(0)
    network = settled(BUILDERS[name]())
    rng = np.random.default_rng(0)
    writer, clips = StoreWriter(tmp_path / "store"), {}
    for number, length in enumerate(LENGTHS):
        coarse = rng.random((length, network.channels, 8, 8)) > 0.5
        scale = (network.height_px // 8, (network.width_px + 7) // 8)
        frames = (255 * np.kron(coarse, np.ones((1, 1, *scale)))).astype(np.uint8)
        clips[SequenceKey(f"{number}")] = np.ascontiguousarray(frames)
    for key, frames in clips.items():
        writer.add(Clip(frames, key))
    store = writer.finish()
    alone = []
    with torch.inference_mode():
        for frames in clips.values():
            looped = np.resize(frames, (max(len(frames), network.min_frames), *frames.shape[1:]))
            alone.append(network(network.prepare(torch.from_numpy(looped).unsqueeze(0))).embeddings)
    expected = torch.cat(alone).numpy()
    for frames_per_batch in (1, 12, 1000):  # one at a time, some together, all of a length together
        found = embed(network, store, list(clips), frames_per_batch=frames_per_batch).vectors
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
