import numpy as np
import pytest
from tests.oracles import generated as oracle

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.protocol import Selection
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.embedding_measures import frechet_distance, frechet_gait_distance, identity_kept
from walkprint.evaluation.frame_measures import Measure


def embedded(vectors, condition="cl", take=1):
    """One sequence for each row, each of a subject of its own."""
    keys = [SequenceKey(f"{i:04d}", condition, f"{take:02d}", "090") for i in range(len(vectors))]
    return EmbeddingSet(np.asarray(vectors, np.float32), keys)


@pytest.mark.parametrize(("count", "other"), [(200, 90), (6, 9), (2, 2)])
def test_twin_of_the_frechet_distance(count, other):
    rng = np.random.default_rng(0)
    first = rng.normal(size=(count, 3, 12)).astype(np.float32)
    second = (1.5 * rng.normal(size=(other, 3, 12)) @ rng.normal(size=(12, 12)) + 0.3).astype(np.float32)
    expected = np.mean([oracle.frechet(first[:, p].astype(float), second[:, p].astype(float)) for p in range(3)])
    assert frechet_distance(embedded(first), embedded(second)) == pytest.approx(expected, rel=1e-5)
    assert frechet_distance(embedded(second), embedded(first)) == pytest.approx(expected, rel=1e-5)


def test_distance_to_itself_and_to_what_is_moved():
    vectors = np.random.default_rng(0).normal(size=(40, 2, 5)).astype(np.float32)
    assert frechet_distance(embedded(vectors), embedded(vectors)) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(embedded(vectors), embedded(vectors + 2)) == pytest.approx(5 * 4, rel=1e-5)


def test_generated_beside_recordings():
    rng = np.random.default_rng(0)
    real, good, bad = (embedded(rng.normal(size=(300, 1, 4)) + shift) for shift in (0, 0, 1))
    near, far = frechet_gait_distance(good, real), frechet_gait_distance(bad, real)
    assert near.real == far.real < 0.2
    assert near.generated < 0.2 < 3 < far.generated


def test_too_few_or_of_another_network():
    with pytest.raises(DataError, match="at least two"):
        frechet_distance(embedded(np.zeros((1, 1, 2))), embedded(np.zeros((3, 1, 2))))
    with pytest.raises(DataError, match="one network"):
        frechet_distance(embedded(np.zeros((3, 1, 2))), embedded(np.zeros((3, 1, 3))))


VIEWS = ("000", "090")


def people(coat, subjects=6, seed=0, takes=(1, 2)):
    """Everybody has a place; views and coats move it: recordings (normal and coats), and takes that go `coat` far."""
    rng = np.random.default_rng(seed)
    places, views = 10 * rng.normal(size=(subjects, 8)), 3 * rng.normal(size=(2, 8))
    change = 2 * np.ones(8)

    def some(conditions, share, takes):
        keys, vectors = [], []
        for s in range(subjects):
            for v, view in enumerate(VIEWS):
                for condition in conditions:
                    for take in takes:
                        keys.append(SequenceKey(f"{s:03d}", condition, f"{take:02d}", view))
                        vectors.append(places[s] + views[v] + share * change * (condition == "cl"))
        noise = 0.1 * rng.normal(size=(len(keys), 8))
        return EmbeddingSet((np.array(vectors) + noise)[:, None].astype(np.float32), keys)

    return some(("cl",), coat, (3, 4)), some(("nm", "cl"), 1.0, takes)


def test_identity():
    generated, real = people(1.0)
    gallery = Selection(conditions=("nm",))
    assert identity_kept(generated, real, gallery=gallery) == Measure(1.0, 1.0)
    shuffled = EmbeddingSet(np.roll(generated.vectors, 4, axis=0), generated.keys)  # everybody is the neighbor
    found = identity_kept(shuffled, real, gallery=gallery)
    assert (found.generated, found.real) == (0.0, 1.0)
    without = real.select(Selection(conditions=("nm",)))
    assert identity_kept(generated, without, gallery=gallery).real is None
