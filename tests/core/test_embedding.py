import numpy as np
import pytest

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.protocol import Selection
from walkprint.core.sequence import SequenceKey

KEYS = [SequenceKey("1", "nm", "01", "000"), SequenceKey("2", "", "", ""), SequenceKey("3", "übung", "02", "left")]
VECTORS = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)


def test_save_and_load(tmp_path):
    EmbeddingSet(VECTORS, KEYS, "net@abc").save(tmp_path / "deep" / "e.npz")
    loaded = EmbeddingSet.load(tmp_path / "deep" / "e.npz")
    np.testing.assert_array_equal(loaded.vectors, VECTORS)
    assert list(loaded.keys) == KEYS
    assert loaded.source == "net@abc"
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["e.npz"]


def test_select_and_take():
    embeddings = EmbeddingSet(VECTORS, KEYS)
    assert embeddings.select(Selection(conditions=("nm",))).keys == KEYS[:1]
    taken = embeddings.take([2, 0])
    assert taken.keys == [KEYS[2], KEYS[0]]
    np.testing.assert_array_equal(taken.vectors, VECTORS[[2, 0]])
    assert len(embeddings.select(Selection(conditions=("none",)))) == 0


@pytest.mark.parametrize(("vectors", "keys"), [(VECTORS[0], KEYS), (VECTORS.astype(float), KEYS), (VECTORS, KEYS[:2])])
def test_vectors_and_keys_must_agree(vectors, keys):
    with pytest.raises(DataError, match="embeddings"):
        EmbeddingSet(vectors, keys)


def test_a_vector_that_is_not_finite_is_named():
    vectors = VECTORS.copy()
    vectors[1, 2, 3] = np.nan
    with pytest.raises(DataError, match="of 2// is not finite"):
        EmbeddingSet(vectors, KEYS)


@pytest.mark.parametrize("content", [None, b"", b"no zip", b"PK\x03\x04 torn"])
def test_files_that_are_none_of_ours(tmp_path, content):
    if content is not None:
        (tmp_path / "e.npz").write_bytes(content)
    with pytest.raises(DataError, match="make them with `embed`"):
        EmbeddingSet.load(tmp_path / "e.npz")


def test_pickled_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "e.npz", vectors=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="make them with `embed`"):
        EmbeddingSet.load(tmp_path / "e.npz")


def test_normalized_parts_have_unit_length_and_their_direction():
    vectors = VECTORS.copy()
    vectors[1, 2] = 0
    found = EmbeddingSet(vectors, KEYS, "net@abc").normalized()
    for row, before in zip(found.vectors.reshape(-1, 5), vectors.reshape(-1, 5), strict=True):
        length = float(sum(float(x) ** 2 for x in before)) ** 0.5
        np.testing.assert_allclose(row, before / length if length else before, rtol=1e-6)
    assert found.vectors.dtype == np.float32
    assert found.source != "net@abc"  # never compared by accident with vectors of other lengths


def test_many_vectors_stay_in_their_file_until_they_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr("walkprint.core.embedding._MAPPED_FROM_BYTES", 0)
    file = tmp_path / "e.npz"
    vectors = np.random.default_rng(0).standard_normal((9, 4, 5)).astype(np.float32)
    EmbeddingSet(vectors, [SequenceKey(str(i)) for i in range(9)], "net").save(file)
    loaded = EmbeddingSet.load(file)
    assert not loaded.vectors.flags.writeable
    loaded.release()
    np.testing.assert_array_equal(loaded.vectors, vectors)
    damaged = bytearray(file.read_bytes())
    damaged[damaged.index(vectors[5].tobytes()) + 2] ^= 1
    file.write_bytes(damaged)
    with pytest.raises(DataError, match=r"e\.npz: no embeddings that can be read \(the vectors are damaged\)"):
        EmbeddingSet.load(file)
    np.savez_compressed(file, vectors=vectors, source="net", subject=["a"] * 9, condition=[""] * 9, take=[""] * 9,
                        view=list("123456789"))  # fmt: skip
    np.testing.assert_array_equal(EmbeddingSet.load(file).vectors, vectors)
