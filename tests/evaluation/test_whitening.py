import dataclasses

import numpy as np
import pytest
import safetensors.numpy
from tests.oracles.calibration import moved_slowly, whitening_slowly
from tests.oracles.evaluation import toy_set

from walkprint.core.errors import DataError, ProtocolError
from walkprint.evaluation import Whitening
from walkprint.evaluation.whitening import moved


@pytest.fixture
def people():
    return toy_set(subjects=8)


@pytest.mark.parametrize("shrinkage", [0.3, 1.0])
def test_equals_its_slow_twin(people, shrinkage):
    found = Whitening.learn(people, shrinkage)
    mean, covariance = whitening_slowly(people.vectors, [key.subject for key in people.keys], shrinkage)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    for root, wanted in zip(found.root.astype(np.float64), covariance, strict=True):
        np.testing.assert_array_equal(root, root.T)
        assert np.linalg.eigvalsh(root).min() > 0
        white = root @ wanted @ root
        np.testing.assert_allclose(white / white[0, 0], np.eye(len(root)), atol=1e-5)
        assert np.abs(root).max() == pytest.approx(1)
    assert found.source == people.source


def test_moving_equals_its_slow_twin(people):
    whitening = Whitening.learn(people)
    vectors = people.vectors.copy()
    vectors[3, 1] = 0
    for root in (whitening.root, None):
        found = moved(vectors, whitening.mean, root)
        wanted = np.array([moved_slowly(vector, whitening.mean, root) for vector in vectors])
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        assert found.dtype == np.float32


def test_what_lies_on_the_origin_stays_zero():
    vector = np.array([[[0.6, 0.8]]], np.float32)
    assert (moved(vector, vector[0], None) == 0).all()


def test_length_of_parts_and_order_of_sequences_do_not_matter(people):
    found = Whitening.learn(people)
    order = list(range(len(people)))[::-1]
    other = Whitening.learn(dataclasses.replace(people, vectors=people.vectors * np.float32(7)).take(order))
    np.testing.assert_allclose(other.root, found.root, atol=1e-5)


def test_directions_that_vary_within_people_count_less():
    rng = np.random.default_rng(0)
    some = toy_set(subjects=20, noise=0.05, features=4)
    vectors = some.vectors / np.linalg.norm(some.vectors, axis=2, keepdims=True)
    vectors[:, :, 2] += rng.standard_normal(vectors.shape[:2]).astype("f4")
    root = Whitening.learn(dataclasses.replace(some, vectors=vectors)).root
    diagonal = np.diagonal(root, axis1=1, axis2=2)
    assert (diagonal.argmin(axis=1) == 2).all()


def test_a_saved_whitening_comes_back_in_half_precision(people, tmp_path):
    found = Whitening.learn(people)
    found.save(tmp_path / "w.safetensors")
    back = Whitening.load(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(back.root, found.root.astype(np.float16).astype(np.float32))
    assert (back.source, back.digest) == (found.source, found.digest)
    assert back.root.dtype == np.float32
    halves = {"mean": found.mean.astype(np.float16), "root": found.root.astype(np.float16)}
    earlier = safetensors.numpy.save(halves, {"kind": "walkprint whitening 1", "source": found.source})
    (tmp_path / "earlier.safetensors").write_bytes(earlier)
    old = Whitening.load(tmp_path / "earlier.safetensors")
    np.testing.assert_array_equal(old.root, back.root)
    assert (old.source, old.digest) == (found.source, found.digest)
    other = dataclasses.replace(found, mean=found.mean + np.float32(0.1))
    assert other.digest != found.digest


def test_damaged_or_foreign_files(people, tmp_path):
    path = tmp_path / "w.safetensors"
    for content in (b"", b"no safetensors", safetensors.numpy.save({"mean": people.vectors})):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"expected a file that `Whitening\.save` wrote"):
            Whitening.load(path)
    path.write_bytes(safetensors.numpy.save({"mean": people.vectors[0], "root": people.vectors}, {"kind": "other"}))
    with pytest.raises(DataError, match="not a whitening"):
        Whitening.load(path)
    lopsided = {"mean": np.zeros((1, 2), "f2"), "root": np.array([[[1, 2], [0, 1]]], "f2")}
    path.write_bytes(safetensors.numpy.save(lopsided, {"kind": "walkprint whitening 1"}))
    with pytest.raises(DataError, match=r"w\.safetensors: whitening: root 0 is not symmetric"):
        Whitening.load(path)
    arrays = {"mean": people.vectors[0], "triangle": people.vectors[0]}
    path.write_bytes(safetensors.numpy.save(arrays, {"kind": "walkprint whitening 2"}))
    with pytest.raises(DataError, match="triangles"):
        Whitening.load(path)


@pytest.mark.parametrize("shrinkage", [-0.1, 1.1, float("nan")])
def test_shrinkage_out_of_range(people, shrinkage):
    with pytest.raises(DataError, match="expected a number from 0 to 1"):
        Whitening.learn(people, shrinkage)


def test_too_little_to_learn_from(people):
    single = people.take([0, 12, 24, 36])
    with pytest.raises(DataError, match="0 of 4 subjects have two sequences"):
        Whitening.learn(single)
    still = dataclasses.replace(people, vectors=np.ones_like(people.vectors))
    with pytest.raises(DataError, match="part 0 varies in too few directions"):
        Whitening.learn(still)
    with pytest.raises(DataError, match="too few directions"):  # four features, two sequences of each of two people
        Whitening.learn(people.take([0, 1, 12, 13]), shrinkage=0)


def test_mean_and_root_must_fit():
    with pytest.raises(DataError, match=r"expected \(part, feature\)"):
        Whitening(np.zeros((2, 3), "f4"), np.zeros((2, 3, 4), "f4"))
    with pytest.raises(DataError, match=r"root 1 is not symmetric \(up to 1 of its largest entry\)"):
        Whitening(np.zeros((2, 2), "f4"), np.array([[[1, 2], [2, 1]], [[1, 2], [0, 1]]], "f4"))
    nearly = np.array([[[1, 0.5], [np.nextafter(np.float32(0.5), np.float32(1)), 1]]], "f4")
    found = Whitening(np.zeros((1, 2), "f4"), nearly).root
    np.testing.assert_array_equal(found, found.transpose(0, 2, 1))
    with pytest.raises(DataError, match="not finite"):
        Whitening(np.full((2, 3), np.nan, "f4"), np.zeros((2, 3, 3), "f4"))


def test_embeddings_of_another_network(people):
    whitening = Whitening.learn(people)
    whitening.check(people)
    for other in (
        dataclasses.replace(people, source="GaitSet 1"),
        dataclasses.replace(people, vectors=people.vectors[:, 1:]),
    ):
        with pytest.raises(ProtocolError, match="use the whitening of the network that made them"):
            whitening.check(other)
