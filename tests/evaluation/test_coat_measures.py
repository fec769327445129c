"""Measures of coats: equal to slow twins; copies are memorized; a known thickness is found."""

from itertools import product

import numpy as np
import pytest
from tests.generation.miniatures import person
from tests.oracles import generated as oracle

from walkprint.core.sequence import Clip, SequenceKey
from walkprint.data.store import Store
from walkprint.data.writing import StoreWriter
from walkprint.evaluation.coat_measures import (
    THICKNESS_EDGES_PX,
    memorized,
    thickness_apart_px,
    thickness_histogram,
    thickness_px,
)
from walkprint.evaluation.frame_measures import NothingToCompareError, drawn_frames


def key(subject, condition, take, view="090"):
    return SequenceKey(f"{subject:03d}", condition, f"{take:02d}", view)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three recorded coats, a copy of the first, and a stranger's."""
    folder = tmp_path_factory.mktemp("coats") / "store"
    with StoreWriter(folder, further={"generated": {}}) as writer:
        for subject, take in product(range(3), (1, 2)):
            frames = np.stack([person(subject, "cl", 0.3 * (i + 7 * (take == 2 and subject > 0))) for i in range(2)])
            origin = {"source": str(key(0, "cl", 1))} if (subject, take) == (0, 2) else None
            writer.add(Clip(frames[:, None], key(subject, "cl", take)), origin=origin)
        strange = np.stack([np.roll(person(2, "nm", i), 9, 1) for i in range(2)])[:, None]
        writer.add(Clip(strange, key(1, "cl", 3)), origin={"source": str(key(1, "cl", 1))})
    return Store.open(folder)


def test_copies_are_memorized_and_a_stranger_is_not(store):
    recorded = [one for one in store.keys if one not in store.generated]
    assert memorized(store, [key(0, "cl", 2)], recorded).generated == 1
    assert memorized(store, [key(1, "cl", 3)], recorded).generated == 0
    assert memorized(store, [key(0, "cl", 2)], recorded).real == pytest.approx(0.05)


def test_memorized_equals_its_slow_twin(store):
    recorded = [one for one in store.keys if one not in store.generated][:3]
    made = [key(0, "cl", 2), key(1, "cl", 3)]
    found = memorized(store, made, recorded, frames=4, seed=1).generated
    takes = [store.read(one).frames[:, 0] for one in recorded]
    frames = np.concatenate([some for _, some in drawn_frames(store, made, 4, 1)])
    assert found == pytest.approx(oracle.memorized(frames, takes), abs=0.1)  # the twin looks at all recorded frames


def test_what_is_no_nearer_than_recorded_coats_are_is_not_memorized(tmp_path):
    """The spoiled copy is nearer than half of the recorded frames are, but not than 95 % of them."""
    rng = np.random.default_rng(0)
    recorded = [
        np.stack([person(subject, "cl", 0.3 * (i + 7 * take)) for i in range(2)])
        for subject, take in product(range(2), range(2))
    ]
    spoiled = recorded[0][0].copy()
    at = rng.permutation(spoiled.size)[:20]
    spoiled.flat[at] = 255 - spoiled.flat[at]
    pool = [frame for take in recorded for frame in take]
    others = [[one for take in recorded if take is not own for one in take] for own in recorded]
    known = [
        oracle.nearest_similarity(frame, other) for own, other in zip(recorded, others, strict=True) for frame in own
    ]
    assert np.quantile(known, 0.5) < oracle.nearest_similarity(spoiled, pool) < np.quantile(known, 0.95)
    with StoreWriter(tmp_path / "store", further={"generated": {}}) as writer:
        for number, frames in enumerate(recorded):
            writer.add(Clip(frames[:, None], key(number // 2, "cl", number % 2 + 1)))
        made = np.stack([spoiled, spoiled])[:, None]
        writer.add(Clip(made, key(3, "cl", 1)), origin={"source": str(key(0, "cl", 1))})
    store = Store.open(tmp_path / "store")
    assert memorized(store, [key(3, "cl", 1)], [one for one in store.keys if one not in store.generated]).generated == 0


def test_without_two_recordings_of_a_view_nothing_is_compared(store):
    with pytest.raises(NothingToCompareError, match="memorized"):
        memorized(store, [key(0, "cl", 2)], [key(0, "cl", 1)])


def test_thickness_equals_its_slow_twin_and_a_known_belt_is_found():
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 256, (2, 3, 64, 44), dtype=np.uint8)
    found = thickness_px(first[:, None], second[:, None])
    np.testing.assert_array_equal(found, oracle.thickness(first.astype(int), second.astype(int)))
    normal = np.zeros((2, 1, 64, 64), np.uint8)
    normal[..., 28:36] = 255
    belted = normal.copy()
    belted[:, :, 20:32, 25:39] = 255
    added = thickness_px(belted, normal)
    assert sorted(set(added.ravel())) == [0, 6]
    assert added.sum() == 2 * 12 * 6
    np.testing.assert_array_equal(thickness_px(normal, belted), -added)


def test_histogram_and_distance():
    values = np.array([-5, -2, -1, 0, 1, 2, 3, 4, 5, 8, 9, 30])
    shares = thickness_histogram(values)
    assert len(shares) == len(THICKNESS_EDGES_PX) + 1
    assert shares == pytest.approx([2 / 12] * 6)
    rng = np.random.default_rng(0)
    some = rng.integers(-3, 12, (5, 48))
    assert thickness_apart_px(some, some) == 0
    assert thickness_apart_px(some, some + 3) == pytest.approx(3)
    assert thickness_apart_px(some + 3, some) == pytest.approx(3)
    other = rng.integers(-3, 4, (5, 48))
    slow = np.abs(np.sort(some.ravel()) - np.sort(other.ravel())).mean()
    assert thickness_apart_px(some, other) == pytest.approx(slow, rel=0.05)
