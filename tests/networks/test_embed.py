"""`Network.embed` takes arrays, clips, lists, stores; the same walk gives the same embedding whatever it comes in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.miniatures import random_clip

from walkprint import embed
from walkprint.core.errors import DataError
from walkprint.core.sequence import Clip, SequenceKey
from walkprint.core.silhouette import align_clip
from walkprint.data.writing import StoreWriter
from walkprint.networks import GaitSet
from walkprint.networks.gaitgl import GaitGL


@pytest.fixture(scope="module")
def network() -> GaitSet:
    torch.manual_seed(0)
    return GaitSet(channels=(2, 2, 4), feature=4)


def walk(frames: int, height: int = 64, width: int = 64) -> np.ndarray:
    rng = np.random.default_rng(frames)
    out = np.zeros((frames, height, width), np.uint8)
    person = out[:, height // 8 :, width // 3 : 2 * width // 3]
    person[:] = rng.integers(100, 256, person.shape)
    return out


def test_arrays_clips_and_lists_agree(network: GaitSet) -> None:
    frames = walk(5)
    alone = network.embed(frames)
    assert alone.dtype == np.float32
    assert alone.shape == (62, 4)
    for same in (frames[:, None], torch.from_numpy(frames), Clip(frames[:, None], SequenceKey("a"))):
        assert np.array_equal(network.embed(same), alone)
    both = network.embed([frames, walk(3)])
    assert np.array_equal(both[0], alone)
    assert np.array_equal(both[1], network.embed(walk(3)))


def test_the_mode_comes_back(network: GaitSet) -> None:
    network.train()
    network.embed(walk(2))
    assert network.training
    network.eval()


def test_frames_of_another_size_are_aligned(network: GaitSet) -> None:
    large = walk(4, 240, 320)
    large[0] = 0
    aligned, dropped = align_clip(large)
    assert dropped == {"empty": 1}
    assert np.array_equal(network.embed(large), network.embed(aligned))
    assert np.array_equal(network.embed((large > 0).astype(np.uint8)), network.embed((large > 0) * np.uint8(255)))
    small = (walk(4) > 0).astype(np.uint8)
    assert np.array_equal(network.embed(small), network.embed(small * 255)), "a mask of 0 and 1"


def test_long_and_short_walks() -> None:
    torch.manual_seed(0)
    network = GaitSet(channels=(1, 1, 1), strips=(1,), feature=2)
    long = walk(721)
    halves = [network.embed(long[:360]), network.embed(long[360:])]
    np.testing.assert_allclose(network.embed(long), np.average(halves, axis=0, weights=[360, 361]), atol=1e-6)
    ordered = GaitGL(channels=(1, 1, 1, 1), num_subjects=2)
    short = walk(1)
    repeated = np.concatenate([short] * ordered.min_frames)
    assert np.array_equal(ordered.embed(short), ordered.embed(repeated))


def test_a_store_gives_what_the_evaluation_finds(network: GaitSet, tmp_path: Path) -> None:
    keys = [SequenceKey(subject, "nm", "01", "090") for subject in ("a", "b")]
    writer = StoreWriter(tmp_path / "s")
    for key in keys:
        writer.add(random_clip(key, 5, shape=(1, 64, 64)))
    store = writer.finish()
    found, expected = network.embed(store), embed(network, store)
    assert list(found.keys) == list(expected.keys) == keys
    assert found.source == expected.source
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)


@pytest.mark.parametrize(
    ("walks", "message"),
    [
        (
            np.zeros((3, 64, 64), np.float32),
            r"frames are float32 \(3, 64, 64\), expected uint8",
        ),
        (np.zeros((64, 64), np.uint8), r"frames are uint8 \(64, 64\)"),
        (np.zeros((0, 64, 64), np.uint8), r"frames are uint8 \(0, 64, 64\)"),
        (np.zeros((3, 3, 64, 64), np.uint8), "3 x 64 x 64"),
        (np.zeros((3, 100, 100), np.uint8), r"no frame shows a person that can be aligned \(3 empty\)"),
        ([], "no walk to embed"),
        ("street", "frames are <U6"),
    ],
)
def test_refusals_are_one_line(network: GaitSet, walks: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as refusal:
        network.embed(walks)
    assert "\n" not in str(refusal.value)
