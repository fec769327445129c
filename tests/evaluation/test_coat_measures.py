"""Measures of coats: equal to slow twins; copies are memorized; a known thickness is found."""

import numpy as np
import pytest
from tests.generation.miniatures import person
from tests.oracles import generated as oracle

from walkprint.core.errors import DataError
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


def walked(subject, take, condition="cl"):
    return np.stack([person(subject, condition, 0.3 * (i + 7 * take)) for i in range(2)])[:, None]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Coats: two learned, a new one of each, a copy of the first learned one, a stranger's, and a mere normal walk."""
    folder = tmp_path_factory.mktemp("coats") / "store"
    with StoreWriter(folder, further={"generated": {}}) as writer:
        writer.add(Clip(walked(0, 2, "nm"), key(0, "nm", 1)))
        for subject in (0, 1):
            writer.add(Clip(walked(subject, 0), key(subject, "cl", 1)))
            writer.add(Clip(walked(subject, 1), key(subject, "cl", 2)))
        writer.add(Clip(walked(0, 0), key(0, "cl", 3)), origin={"source": str(key(0, "cl", 1))})
        strange = np.stack([np.roll(person(2, "nm", i), 9, 1) for i in range(2)])[:, None]
        writer.add(Clip(strange, key(1, "cl", 3)), origin={"source": str(key(1, "cl", 1))})
        writer.add(Clip(walked(0, 2, "nm"), key(0, "cl", 4)), origin={"source": str(key(0, "nm", 1))})
    return Store.open(folder)


LEARNED, NEW = [key(0, "cl", 1), key(1, "cl", 1)], [key(0, "cl", 2), key(1, "cl", 2)]


def test_copies_are_memorized_and_a_stranger_is_not(store):
    found = memorized(store, [key(0, "cl", 3)], LEARNED, (store, NEW))
    assert found.generated == 1
    assert found.real == pytest.approx(0.05)
    assert memorized(store, [key(1, "cl", 3)], LEARNED, (store, NEW)).generated == 0


def test_what_a_coat_was_made_from_does_not_count_unless_it_is_a_coat(store):
    made, normal = [key(0, "cl", 4)], key(0, "nm", 1)
    assert memorized(store, made, [*LEARNED, normal], (store, NEW)) == memorized(store, made, LEARNED, (store, NEW))


def test_memorized_equals_its_slow_twin(store):
    made = [key(0, "cl", 3), key(1, "cl", 3), key(0, "cl", 4)]
    found = memorized(store, made, LEARNED, (store, NEW), frames=4, seed=1).generated
    frames, new = (np.concatenate([some for _, some in drawn_frames(store, keys, 4, 1)]) for keys in (made, NEW))
    learned = np.concatenate([store.read(one).frames[:, 0] for one in LEARNED])
    assert found == oracle.memorized(frames, learned, new)


def test_what_is_no_nearer_than_new_recordings_are_is_not_memorized(tmp_path):
    """The spoiled copy is nearer than half of the new frames are, but not than 95 % of them."""
    rng = np.random.default_rng(0)
    learned, new = [walked(subject, 0) for subject in range(2)], [walked(0, 0.02), walked(1, 1)]
    spoiled = learned[0][0, 0].copy()
    at = rng.permutation(spoiled.size)[:6]
    spoiled.flat[at] = 255 - spoiled.flat[at]
    pool = np.concatenate(learned)[:, 0]
    usual = [oracle.nearest_similarity(frame, pool) for frame in np.concatenate(new)[:, 0]]
    assert np.quantile(usual, 0.5) < oracle.nearest_similarity(spoiled, pool) < np.quantile(usual, 0.95)
    with StoreWriter(tmp_path / "store", further={"generated": {}}) as writer:
        for subject in range(2):
            writer.add(Clip(learned[subject], key(subject, "cl", 1)))
        made = np.stack([spoiled, spoiled])[:, None]
        writer.add(Clip(made, key(3, "cl", 1)), origin={"source": str(key(0, "cl", 1))})
    with StoreWriter(tmp_path / "new") as writer:
        for subject in range(2):
            writer.add(Clip(new[subject], key(subject, "cl", 3)))
    store, other = Store.open(tmp_path / "store"), Store.open(tmp_path / "new")
    assert memorized(store, [key(3, "cl", 1)], LEARNED, (other, list(other.keys))).generated == 0


def test_without_a_common_view_or_with_learned_ones_as_new_nothing_is_compared(store):
    with pytest.raises(NothingToCompareError, match="memorized"):
        memorized(store, [key(0, "cl", 3)], LEARNED, (store, []))
    with pytest.raises(DataError, match=r"cl-01/090 was learned, so it is no new recording"):
        memorized(store, [key(0, "cl", 3)], LEARNED, (store, LEARNED))


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
