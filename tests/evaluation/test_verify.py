import dataclasses

import numpy as np
import pytest
from tests.oracles.evaluation import CASIA, equal_error, right_and_wrong, toy_keys, toy_set, true_accepts

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol, Selection
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.verify import _count_wrong, _table_of, verify

POINTS = Scoring(resamples=0)

RATES = (0.01, 0.05, 0.2)


@pytest.mark.parametrize("noise", [0.3, 1.0, 3.0])
def test_equals_the_textbook(noise):
    embeddings = toy_set(subjects=8, noise=noise)
    report = verify(embeddings, CASIA, false_accept_rates=RATES, scoring=POINTS)
    for name in CASIA.probes:
        right, wrong = right_and_wrong(embeddings, CASIA, name)
        for rate in RATES:
            found = report.figure(name, f"TAR@FAR={100 * rate:g}%", "pooled").value
            assert found == pytest.approx(true_accepts(right, wrong, rate), abs=1e-12)
            official = report.figure(name, f"TAR@FAR={100 * rate:g}% (official)", "pooled").value
            below = np.nextafter(rate + 0.005, 0)
            assert official == pytest.approx(round(true_accepts(right, wrong, below), 2))
        low, high = sorted(equal_error(right, wrong))
        assert low - 1e-9 <= report.figure(name, "EER", "pooled").value <= high + 1e-9


def line(*distances):
    """A gallery of one person a at 0 and strangers b, c, ... and probes of a at the distances given."""
    keys = [SequenceKey("a", "g"), *(SequenceKey("a", "p", str(i)) for i in range(len(distances)))]
    return keys, [0.0, *distances]


def test_a_curve_by_hand():
    keys, places = line(1.0, 2.0, 4.0, 8.0)
    strangers = [1.5, 3.0, 5.0, 6.0]
    keys += [SequenceKey("b", "p", str(i)) for i in range(4)]
    vectors = np.array([*places, *strangers], np.float32)[:, None, None]
    protocol = Protocol("line", Selection(conditions=("g",)), {"p": Selection(conditions=("p",))})
    report = verify(EmbeddingSet(vectors, keys), protocol, false_accept_rates=(0.2, 0.25, 0.5))
    figures = report.row("p", "pooled").figures
    assert [figures[f"TAR@FAR={rate}%"].value for rate in (20, 25, 50)] == [0.25, 0.5, 0.75]
    # From 1.5 to 3 accept a quarter to a half of the strangers while half of the right pairs is refused.
    assert figures["EER"].value == 0.5
    assert report.row("p", "pooled").unmatched == 4


def test_ties_are_interpolated():
    keys, places = line(1.0)
    vectors = np.array([*places, 1.0], np.float32)[:, None, None]
    protocol = Protocol("tie", Selection(conditions=("g",)), {"p": Selection(conditions=("p",))})
    report = verify(EmbeddingSet(vectors, [*keys, SequenceKey("b", "p")]), protocol, false_accept_rates=(0.3,))
    assert report.figure("p", "TAR@FAR=30%", "pooled").value == pytest.approx(0.3)
    assert report.figure("p", "EER", "pooled").value == pytest.approx(0.5)


def test_perfect_and_collapsed():
    keys = toy_keys()
    identity = np.eye(5, dtype=np.float32)[[int(key.subject) for key in keys]][:, None]
    perfect = verify(EmbeddingSet(identity, keys), CASIA).row("NM", "pooled").figures
    assert perfect["EER"].value == 0
    assert perfect["TAR@FAR=0.1%"].value == 1
    collapsed = verify(EmbeddingSet(np.ones_like(identity), keys), CASIA).row("NM", "pooled").figures
    assert collapsed["EER"].value == pytest.approx(0.5)
    assert collapsed["TAR@FAR=1%"].value == pytest.approx(0.01)


def test_intervals_hold_the_figure_and_are_seeded():
    embeddings = toy_set(subjects=10)
    first, second = (verify(embeddings, CASIA, scoring=Scoring(resamples=100, seed=4)) for _ in range(2))
    assert first.to_json() == second.to_json()
    for row in first.rows:
        for name in ("EER", "TAR@FAR=5%"):
            figure = row.figures[name]
            assert figure.low <= figure.value <= figure.high
            assert figure.low < figure.high


def test_order_does_not_matter_and_curve_rises():
    embeddings = toy_set()
    order = np.random.default_rng(0).permutation(len(embeddings)).tolist()
    first, second = (
        verify(embeddings, CASIA, scoring=POINTS),
        verify(embeddings.take(order), CASIA, scoring=POINTS),
    )
    assert first.to_json() == second.to_json()
    for curve in first.curves:
        assert list(curve.y) == sorted(curve.y)
        assert curve.y[-1] == 1


def test_no_wrong_or_no_right_pair():
    with pytest.raises(ProtocolError, match="no wrong pair counts"):
        verify(toy_set(subjects=1), CASIA)
    with pytest.raises(ProtocolError, match="no right pair counts"):
        verify(toy_set(), dataclasses.replace(CASIA, exclude=frozenset({"subject"})))


@pytest.mark.parametrize("settings", [{"false_accept_rates": ()}, {"false_accept_rates": (1.0,)}])
def test_settings_out_of_range(settings):
    with pytest.raises(ProtocolError, match="expected"):
        verify(toy_set(), CASIA, **settings)


def test_a_rate_that_few_wrong_pairs_carry_is_said():
    embeddings = toy_set(subjects=8)
    wrong = {name: len(right_and_wrong(embeddings, CASIA, name)[1]) for name in CASIA.probes}
    rare = 4 / max(wrong.values())
    said = [
        note for note in verify(embeddings, CASIA, false_accept_rates=(rare,), scoring=POINTS).notes if "rests" in note
    ]
    assert len(said) == 1
    assert all(name in said[0] for name in CASIA.probes)
    often = verify(embeddings, CASIA, false_accept_rates=(6 / min(wrong.values()),), scoring=POINTS).notes
    assert not any("rests" in note for note in often)
    assert sum(note.startswith("official:") for note in often) == 1


@pytest.mark.parametrize("edges", [[], [2.0], [0.0, 0.0, 5.0], np.random.default_rng(1).gamma(3, size=500)])
def test_edges_are_looked_up_as_by_bisection(edges):
    edges = np.unique(np.asarray(edges, np.float32))
    distances = np.concatenate([np.random.default_rng(2).gamma(3, size=400), edges, [0.0, 1e9]]).astype(np.float32)[
        None
    ]
    counted, coarse = np.zeros((len(edges) + 1, 2), np.int64), np.zeros((1, 1))
    everything, bins = np.ones(distances.shape, bool), np.zeros(len(edges) + 1, np.int16)
    _count_wrong(distances, everything, *_table_of(edges), bins, np.zeros(1, np.int64), counted, coarse)
    at, before = counted[:-1, 0], counted[:, 1]
    places = np.searchsorted(edges, distances[0])
    hit = np.append(edges, np.nan)[places] == distances[0]
    np.testing.assert_array_equal(at, np.bincount(places[hit], minlength=len(edges))[: len(edges)])
    np.testing.assert_array_equal(before, np.bincount(places[~hit], minlength=len(edges) + 1))
    assert coarse[0, 0] == distances.size
