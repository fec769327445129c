"""Sign codes propose what a comparison of all bits would, and the nearest walk is among it."""

import numpy as np
import pytest
from tests.oracles.search import nearest, nearest_by_bits

from walkprint.gallery.codes import Codes, encode


def made(parts: int, features: int, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(parts)
    known = rng.normal(size=(count, parts, features)).astype(np.float32)
    return known, known[[3, 41]] + rng.normal(size=(2, parts, features)).astype(np.float32)


@pytest.mark.parametrize(("parts", "features"), [(1, 3), (3, 10), (7, 64), (31, 32)])
def test_the_proposal_is_that_of_a_slow_twin(parts: int, features: int) -> None:
    known, probes = made(parts, features)
    found = Codes(encode(known)).propose(probes, most=12)
    for row, probe in zip(found, probes, strict=True):
        expected = nearest_by_bits(probe, known, 12)
        if parts * features <= 448:  # the first look sees all bits
            assert row.tolist() == expected
        else:
            assert len(set(row) & set(expected)) >= 9
            assert row[0] == expected[0] == nearest(probe, known)[0]


def test_few_walks_are_all_proposed() -> None:
    known, probes = made(3, 10, 50)
    assert sorted(Codes(encode(known[:5])).propose(probes, 200)[0]) == [0, 1, 2, 3, 4]


def test_opposite_walks_and_more_walks_than_are_counted() -> None:
    known, probes = made(7, 70, 41_000)
    known[7], known[8] = -probes[0], probes[0]
    codes = Codes(encode(known))
    assert codes.propose(probes, 20)[:, 0].tolist() == [8, 41]
    assert 7 not in codes.propose(probes[:1], 5000)
