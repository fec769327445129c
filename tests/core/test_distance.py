import numpy as np
import pytest
from tests.oracles.evaluation import distance_table

from walkprint.core import distance
from walkprint.core.distance import METRICS, KnownVectors, part_distances
from walkprint.core.errors import DataError


def some(shape, seed=0, offset=0.0):
    return (np.random.default_rng(seed).standard_normal(shape) + offset).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 3, 5), (40, 2, 16)])
def test_equals_the_textbook(metric, shape):
    probes, gallery = some(shape, 0), some((9, *shape[1:]), 1)
    np.testing.assert_allclose(
        part_distances(probes, gallery, metric), distance_table(probes, gallery, metric), rtol=1e-5, atol=1e-6
    )


def test_tiles_and_blocks_change_nothing(monkeypatch):
    probes, gallery = some((23, 2, 6), 0), some((17, 2, 6), 1)
    whole = part_distances(probes, gallery)
    monkeypatch.setattr(distance, "_TILE_ROWS", 5)
    monkeypatch.setattr(distance, "_MOST_ROWS_PER_BLOCK", 5)
    monkeypatch.setattr(distance, "_TILE_COLUMNS", 4)
    np.testing.assert_allclose(part_distances(probes, gallery), whole, rtol=1e-6)
    for pairs, most, rows in ((60, 60, 3), (20, 60, 3), (20, 900, 5), (140, 900, 8), (1, 1, 1)):
        monkeypatch.setattr(distance, "_PAIRS_PER_BLOCK", pairs)
        monkeypatch.setattr(distance, "_MOST_PAIRS_PER_BLOCK", most)
        assert KnownVectors(gallery).rows_per_block == rows
        np.testing.assert_allclose(part_distances(probes, gallery), whole, rtol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_some_columns_are_as_among_all(metric, monkeypatch):
    monkeypatch.setattr(distance, "_TILE_COLUMNS", 4)
    probes, known = some((7, 2, 6), 0), KnownVectors(some((17, 2, 6), 1), metric)
    whole = known.distances(probes)
    for columns in (slice(0, 17), slice(0, 1), slice(5, 7), slice(7, 9), slice(16, 17), slice(0, 0)):
        np.testing.assert_array_equal(known.distances(probes, columns=columns)[:, columns], whole[:, columns])


@pytest.mark.parametrize("offset", [0.0, 3.0, 1000.0])
@pytest.mark.parametrize("gap", [1e-1, 1e-3])
def test_close_pairs_keep_their_digits(offset, gap):
    gallery = some((50, 4, 64), 0, offset)
    probes = gallery + gap * some((50, 4, 64), 1)
    expected = [
        np.sqrt(((p.astype(np.float64) - g) ** 2).sum(axis=-1)).mean() for p, g in zip(probes, gallery, strict=True)
    ]
    np.testing.assert_allclose(np.diag(part_distances(probes, gallery)), expected, rtol=1e-5)


def test_identical_vectors_are_at_distance_zero():
    gallery = some((300, 3, 32), 0, 5.0)
    assert (np.diag(part_distances(gallery, gallery)) == 0).all()
    assert (part_distances(np.repeat(gallery[:1], 5, axis=0), np.repeat(gallery[:1], 9, axis=0)) == 0).all()


def test_cosine_ignores_length_and_knows_zero():
    probes = some((3, 2, 8))
    np.testing.assert_allclose(np.diag(part_distances(probes, 7 * probes, "cosine")), 0, atol=1e-6)
    np.testing.assert_allclose(np.diag(part_distances(probes, -probes, "cosine")), 2, atol=1e-6)
    assert (part_distances(np.zeros_like(probes), probes, "cosine") == 1).all()


def test_order_of_sequences_only_orders_the_table():
    probes, gallery = some((20, 2, 8)), some((30, 2, 8), 1)
    rows, columns = np.random.default_rng(0).permutation(20), np.random.default_rng(1).permutation(30)
    shuffled = part_distances(probes[rows], gallery[columns])
    np.testing.assert_allclose(shuffled, part_distances(probes, gallery)[np.ix_(rows, columns)], rtol=1e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_nobody_on_one_side(metric):
    assert part_distances(some((0, 2, 3)), some((4, 2, 3)), metric).shape == (0, 4)
    assert part_distances(some((4, 2, 3)), some((0, 2, 3)), metric).shape == (4, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_refuses_numbers_that_are_none(bad):
    vectors = some((3, 2, 4))
    vectors[1, 0, 2] = bad
    with pytest.raises(DataError, match="gallery hold numbers that are not finite or too large"):
        part_distances(some((2, 2, 4)), vectors)


@pytest.mark.parametrize(
    ("probes", "gallery", "message"),
    [
        (some((2, 3, 4)), some((2, 4, 3)), "same network"),
        (some((2, 3)), some((2, 3)), "expected float32"),
        (some((2, 3, 4)).astype(np.float64), some((2, 3, 4)), "expected float32"),
        (some((2, 0, 4)), some((2, 0, 4)), "at least one part"),
    ],
)
def test_refuses_what_does_not_fit(probes, gallery, message):
    with pytest.raises(DataError, match=message):
        part_distances(probes, gallery)


def test_refuses_an_unknown_metric():
    with pytest.raises(DataError, match="expected euclidean or cosine"):
        part_distances(some((2, 3, 4)), some((2, 3, 4)), "manhattan")


def test_equals_the_reference(shared):
    with np.load(shared / "parity" / "evaluation.npz") as file:
        probes, gallery = (np.ascontiguousarray(file[f"low/{side}"].transpose(0, 2, 1)) for side in "qg")
        for metric, name in (("euclidean", "low/dist_euc"), ("cosine", "low/dist_cos")):
            np.testing.assert_allclose(part_distances(probes, gallery, metric), file[name], rtol=1e-5, atol=1e-6)


def test_cosines_do_not_depend_on_how_short_vectors_are():
    probes, gallery = (np.random.default_rng(seed).normal(size=(3, 2, 5)).astype(np.float32) for seed in (0, 1))
    tiny = np.float32(1e-30) * probes  # whose squares are 0 in float32
    np.testing.assert_allclose(
        part_distances(tiny, gallery, "cosine"), part_distances(probes, gallery, "cosine"), atol=1e-6
    )


@pytest.mark.parametrize("metric", METRICS)
def test_chosen_rows_are_as_those_rows_alone_to_the_bit(metric):
    vectors = np.random.default_rng(4).standard_normal((2500, 3, 5)).astype(np.float32)
    rows = np.random.default_rng(5).permutation(2500)[:2100]
    found = KnownVectors(vectors, metric, rows).distances(vectors[:7])
    np.testing.assert_array_equal(found, KnownVectors(vectors[rows], metric).distances(vectors[:7]))
    origin = vectors[rows].mean(axis=0, dtype=np.float64).astype(np.float32)
    np.testing.assert_array_equal(KnownVectors(vectors, metric, rows)._origin, origin)
