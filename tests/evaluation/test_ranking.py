import numpy as np
import pytest
from tests.oracles.evaluation import rank_one_probe

from walkprint.core.errors import DataError
from walkprint.evaluation.ranking import NOT_COUNTED, PairLabels, Ranks, rank, rank_block


def cumulative_matches(first, length):
    """The curve of cumulative matches, (length,), of the counted probes; unmatched ones are misses; NaN without any."""
    counted = first[first != NOT_COUNTED]
    return np.array([np.mean((counted >= 0) & (counted < k)) if len(counted) else np.nan for k in range(1, length + 1)])


@pytest.mark.parametrize("subjects", [1, 2, 8, 60])
@pytest.mark.parametrize("levels", [4, 1000])
def test_equals_the_textbook_also_with_ties(subjects, levels):
    rng = np.random.default_rng(subjects)
    distances = rng.integers(0, levels, (30, 90)).astype(np.float32)
    probes, gallery = rng.integers(0, subjects, 30), rng.integers(0, subjects, 90)
    ranks = rank(distances, probes, gallery)
    for i in range(30):
        expected = rank_one_probe(distances[i], gallery == probes[i])
        if expected is None:
            assert ranks.first[i, 0] == -1
        else:
            found = ranks.first[i, 0], ranks.average_precision[i, 0], ranks.inverse_penalty[i, 0]
            np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_tie_counts_against_the_probe():
    ranks = rank(np.zeros((1, 3), np.float32), ["a"], ["a", "b", "c"])
    assert ranks.first[0, 0] == 2
    assert ranks.average_precision[0, 0] == pytest.approx(1 / 3)


def test_nobody_right_and_nobody_at_all():
    assert rank(np.ones((1, 2), np.float32), ["a"], ["b", "c"]).first.tolist() == [[-1]]
    assert rank(np.ones((2, 0), np.float32), ["a", "b"], []).first.tolist() == [[-2], [-2]]


def test_cells_are_ranked_apart_and_codes_decide():
    never = np.array([-1], np.int32)
    probe = PairLabels(np.array([7], np.int32), np.array([0], np.int32), np.array([1], np.int32), never)
    gallery = PairLabels(
        np.array([7, 3, 7, 3, 3], np.int32),
        np.array([0, 1, 1, 1, 1], np.int32),  # the first is excluded
        np.array([1, 1, 1, 0, 1], np.int32),  # the fourth lacks what is required
        np.full(5, -2, np.int32),
    )
    ranks = Ranks.empty(1, 3)
    distances = np.array([[0.1, 0.2, 0.3, 0.0, 0.1]], np.float32)
    rank_block(distances, probe, gallery, np.array([0, 1, 4, 5]), ranks)
    assert ranks.first.tolist() == [[-2, 1, -1]]


def test_many_positives_take_the_other_path_to_the_same_numbers():
    rng = np.random.default_rng(0)
    distances = rng.integers(0, 50, (5, 200)).astype(np.float32)
    gallery = np.arange(200) % 2
    ranks = rank(distances, [0] * 5, gallery)
    for i in range(5):
        assert ranks.average_precision[i, 0] == pytest.approx(rank_one_probe(distances[i], gallery == 0)[1])


def test_curve():
    first = np.array([0, 2, -1, -2], np.int32)
    np.testing.assert_allclose(cumulative_matches(first, 4), [1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert np.isnan(cumulative_matches(np.array([-2], np.int32), 2)).all()


def test_refuses_nan_and_wrong_lengths():
    with pytest.raises(DataError, match="not a number"):
        rank(np.full((1, 1), np.nan, np.float32), ["a"], ["a"])
    with pytest.raises(DataError, match="subjects 2 and 1"):
        rank(np.zeros((1, 1), np.float32), ["a", "b"], ["a"])


def test_equals_the_reference(shared):
    with np.load(shared / "parity" / "evaluation.npz") as file:
        distances, probes, gallery = file["low/dist_euc"], file["low/ql"], file["low/gl"]
        ranks = rank(distances, probes, gallery)
        np.testing.assert_allclose(ranks.average_precision[:, 0], file["low/rank_ap"], rtol=1e-12)
        np.testing.assert_allclose(ranks.inverse_penalty[:, 0], file["low/rank_inp"], rtol=1e-12)
        np.testing.assert_allclose(cumulative_matches(ranks.first, 20), file["low/rank_cmc"], rtol=1e-6)
        # "many" leaves out gallery items of the probe's own subject and camera.
        sides = PairLabels.of_subjects(probes, gallery)
        pairs = [
            list(zip(file[f"low/{a}"].tolist(), file[f"low/{b}"].tolist(), strict=True))
            for a, b in (("ql", "qc"), ("gl", "gc"))
        ]
        numbers = {pair: i for i, pair in enumerate({*pairs[0], *pairs[1]})}
        sides = [
            PairLabels(side.subject, np.array([numbers[pair] for pair in some], np.int32), side.require, side.identity)
            for side, some in zip(sides, pairs, strict=True)
        ]
        ranks = Ranks.empty(len(probes), 1)
        rank_block(distances, *sides, np.array([0, len(gallery)]), ranks)
        np.testing.assert_allclose(ranks.average_precision.mean(), file["low/many_map"], rtol=1e-12)
        np.testing.assert_allclose(ranks.inverse_penalty.mean(), file["low/many_minp"], rtol=1e-12)
        np.testing.assert_allclose(cumulative_matches(ranks.first, 20), file["low/many_cmc"], rtol=1e-6)
