"""Thresholds keep the rate that was asked for, also where the people differ from the rendered strangers."""

from pathlib import Path

import numpy as np
import pytest

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError, ProtocolError
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.site import Site
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.impostors import Impostors, tail_quantile
from walkprint.recognizer.verdict import Verdict, fit_same

PARTS, FEATURES = 4, 32


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float32)


def people(rng: np.random.Generator, count: int, walks: int, shift: np.ndarray | float = 0.0) -> np.ndarray:
    """(person, walk, part, feature): people around a mean, walks around people."""
    middle = rng.normal(size=(count, 1, PARTS, FEATURES)) + shift
    return middle + 0.7 * rng.normal(size=(count, walks, PARTS, FEATURES))


def cohort(rng: np.random.Generator, count: int = 300) -> Cohort:
    vectors = people(rng, count, 2)
    return Cohort(unit(vectors.reshape(-1, PARTS, FEATURES)), np.repeat(np.arange(count), 2), "toy")


def judge_of(known: np.ndarray, strangers: Cohort) -> Verdict:
    names = np.repeat([f"{number:02d}" for number in range(len(known))], known.shape[1]).tolist()
    vectors = known.reshape(-1, PARTS, FEATURES).astype(np.float32)
    return Verdict(Templates(vectors, names, ["left"] * len(names), {}, 0), strangers)


@pytest.mark.parametrize("shift", [0.0, 1.0])
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_strangers_are_named_about_as_often_as_asked(shift: float, rate: float) -> None:
    rng = np.random.default_rng(1)
    moved = shift * rng.normal(size=(PARTS, FEATURES))  # what all people of one camera share
    named = []
    for _ in range(5):  # over galleries, since eight people say little about a rate
        judge = judge_of(people(rng, 8, 2, moved), cohort(rng))
        others = people(rng, 100, 1, moved).astype(np.float32)
        named += [judge.score(one, ["left"]).scores[0] >= judge.threshold(rate) for one in others]
    assert rate / 6 < np.mean(named) < 2.2 * rate


def test_known_people_are_first_and_probable() -> None:
    rng = np.random.default_rng(2)
    drawn = people(rng, 8, 4)
    judge = judge_of(drawn[:, :2], cohort(rng))
    for number in range(8):
        seen = judge.score(drawn[number, 2:].astype(np.float32), ["left", "left"])
        assert seen.people[0] == f"{number:02d}"
        assert seen.scores[0] >= judge.threshold(0.05)
        assert seen.probabilities.sum() + seen.unknown == pytest.approx(1)
        assert seen.probabilities[0] > 0.8


def site_of(walks: np.ndarray) -> Site:
    keys = [SequenceKey(f"{number:03d}", view="left") for number in range(len(walks))]
    return Site.learn(EmbeddingSet(walks.reshape(-1, PARTS, FEATURES).astype(np.float32), keys, "toy"))


def test_each_camera_has_its_site() -> None:
    rng = np.random.default_rng(6)
    known, strangers = people(rng, 8, 4), cohort(rng)
    door, hall = (1.5 * rng.normal(size=(PARTS, FEATURES)) for _ in range(2))  # what each camera adds to all
    sites = [site_of(people(rng, 30, 1) + place) for place in (hall, door)]
    names = np.repeat([f"{number:02d}" for number in range(8)], 2).tolist()
    enrolled = (known[:, :2] + door).reshape(-1, PARTS, FEATURES).astype(np.float32)
    templates = Templates(enrolled, names, ["left"] * 16, {}, 0)
    both, one = Verdict(templates, strangers, None, *sites), Verdict(templates, strangers, None, sites[0])
    asked = (known[:, 2:] + hall).astype(np.float32)
    found = [[judge.score(walks, ["left", "left"]) for walks in asked] for judge in (both, one)]
    assert [seen.people[0] for seen in found[0]] == names[::2]
    assert all(seen.scores[0] >= both.threshold(0.05, 2) for seen in found[0])
    assert np.mean([seen.scores[0] for seen in found[1]]) < np.mean([seen.scores[0] for seen in found[0]]) - 0.2
    here = (known[:, 2:] + door).astype(np.float32)  # the gallery's own errors are those of its own camera
    alone = Verdict(templates, strangers, None, sites[1])
    np.testing.assert_array_equal(both.look_up(np.arange(16) < 4), alone.look_up(np.arange(16) < 4))
    assert both.threshold(0.05) == alone.threshold(0.05)
    assert [alone.score(walks, ["left", "left"]).people[0] for walks in here] == names[::2]


def test_scores_are_those_of_a_slow_twin() -> None:
    rng = np.random.default_rng(3)
    strangers, known = cohort(rng, 20), people(rng, 3, 2)
    seen = judge_of(known, strangers).score(known[1, :1].astype(np.float32), ["left"])
    rendered = strangers.vectors.mean(axis=0)
    origin = (unit(known.reshape(-1, PARTS, FEATURES)).reshape(known.shape).mean(axis=1).sum(axis=0) + 4 * rendered) / 7
    for person, score in zip(seen.people, seen.scores, strict=True):
        best = -2.0
        for walk in known[int(person)]:
            cosines = []
            for part in range(PARTS):
                one = known[1, 0, part] / np.linalg.norm(known[1, 0, part]) - origin[part]
                other = walk[part] / np.linalg.norm(walk[part]) - origin[part]
                cosines.append(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
            best = max(best, float(np.mean(cosines)))
        assert score == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_strangers_seen_walking_twice_are_named_about_as_often_as_asked(shift: float) -> None:
    rng, named = np.random.default_rng(11), []
    moved = shift * rng.normal(size=(PARTS, FEATURES))
    for _ in range(5):
        judge = judge_of(people(rng, 8, 2, moved), cohort(rng))
        others = people(rng, 100, 2, moved).astype(np.float32)
        limit = judge.threshold(0.2, walks=2)
        named += [judge.score(two, ["left", "left"]).scores[0] >= limit for two in others]
    assert 0.2 / 8 < np.mean(named) < 2.2 * 0.2
    assert judge.threshold(0.2, walks=2) > judge.threshold(0.2), "a mean of two walks is nearer to every person"


def test_joined_walks_are_the_weighted_mean_of_their_unit_parts() -> None:
    rng = np.random.default_rng(12)
    judge, walks = judge_of(people(rng, 5, 2), cohort(rng, 20)), people(rng, 1, 3)[0].astype(np.float32)
    seen = judge.score(walks, ["left"] * 3, [1.0, 5.0, 2.0])
    known = judge._known.reshape(-1, PARTS, FEATURES)
    for person, score in zip(seen.people, seen.scores, strict=True):
        best = -2.0
        for row in np.flatnonzero(judge._person == judge.people.tolist().index(person)):
            cosines = []
            for part in range(PARTS):
                mean = np.zeros(FEATURES)
                for walk, weight in zip(walks, (1, 5, 2), strict=True):
                    one = walk[part] / np.linalg.norm(walk[part]) - judge._origins["left"][part]
                    mean += weight * one / np.linalg.norm(one)
                other = known[row, part] / np.linalg.norm(known[row, part])
                cosines.append(mean @ other / np.linalg.norm(mean))
            best = max(best, float(np.mean(cosines)))
        assert score == pytest.approx(best, abs=1e-5)
    alone = judge.score(walks[1:2], ["left"])
    some = judge.score(walks, ["left"] * 3, [0.0, 1.0, 0.0])
    assert alone.people == some.people
    np.testing.assert_allclose(alone.scores, some.scores, atol=1e-5)


def test_few_known_people_raise_the_threshold_by_students_distribution() -> None:
    best = np.sort(np.random.default_rng(13).normal(size=5000))
    galleries = [Impostors(best, 0.0, 1.0, known) for known in (0, 3, 100_000)]
    limits = [one.threshold(0.2) for one in galleries]
    assert limits[0] > limits[1] > limits[2] == pytest.approx(0.8416, abs=0.05)
    # seven people, three of them enrolled: t(6) exceeds 0.9057 with probability 0.2, once in middle and spread
    assert limits[1] - np.median(best) == pytest.approx(
        (limits[2] - np.median(best)) * 0.9057 / 0.8416 * np.sqrt(8 / 7), 1e-3
    )
    rates = np.linspace(0.001, 0.999, 200)
    assert (np.diff([galleries[1].threshold(rate) for rate in rates]) < 0).all()
    for rate in (0.0, 1.0, -1.0):
        with pytest.raises(ProtocolError, match="expected above 0 and below 1"):
            galleries[0].threshold(rate)


def test_known_people_who_score_higher_among_others_move_the_threshold() -> None:
    rng = np.random.default_rng(14)
    best, own = rng.normal(size=3000), rng.normal(2.0, 3.0, size=4000)
    found = Impostors.learn(best, own, 4000)
    assert found.known == 4000
    assert (found.shift, found.scale) == (pytest.approx(2, abs=0.2), pytest.approx(3, abs=0.2))
    assert (own > found.threshold(0.05)).mean() == pytest.approx(0.05, abs=0.02)
    np.testing.assert_allclose(found.as_rendered(np.array([np.median(own)])), [np.median(best)], atol=1e-9)
    lower = Impostors.learn(best, rng.normal(-1.0, 0.5, size=50), 50)
    assert (lower.shift, lower.scale) == (0.0, 1.0), "never below rendered strangers"
    assert Impostors.learn(best, own[:1], 1).shift == 0.0


def test_walks_of_one_person_are_no_further_people() -> None:
    rng = np.random.default_rng(15)
    drawn, strangers = people(rng, 3, 10), cohort(rng, 50)
    for walks in (1, 2, 10):
        judge = judge_of(drawn[:, :walks], strangers)
        assert [one.known for one in judge._impostors] == [3, 3]


def test_the_tail_goes_on_beyond_what_was_seen() -> None:
    values = np.sort(np.random.default_rng(0).exponential(size=2000))
    for rate in (0.5, 0.1, 0.01, 0.001, 1e-5):
        assert tail_quantile(values, rate) == pytest.approx(-np.log(rate), rel=0.12, abs=0.05)


def test_without_two_walks_of_a_stranger_nothing_is_fitted() -> None:
    assert fit_same(np.eye(4, dtype=np.float32), np.arange(4)) == (1.0, 0.0)


def test_two_bits_keep_cosines(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    vectors = unit(rng.normal(size=(60, 31, 128)))
    made = Cohort(vectors, np.arange(60), "toy")
    made.save(tmp_path / "small", small=True)
    made.save(tmp_path / "half")
    small, half = Cohort.load(tmp_path / "small"), Cohort.load(tmp_path / "half")
    np.testing.assert_allclose(half.vectors, vectors, atol=1e-3)
    assert (small.source, half.source) == ("toy", "toy")
    wanted = np.einsum("ipf,jpf->ij", vectors, vectors) / 31
    found = np.einsum("ipf,jpf->ij", vectors, small.vectors) / 31
    assert np.abs(np.diag(found) - 1).max() < 0.02, "the factor by which two bits shrink is undone"
    assert np.abs(found - wanted).max() < 0.05
    (tmp_path / "text").write_text("no strangers")
    with pytest.raises(DataError, match="no strangers can be read"):
        Cohort.load(tmp_path / "text")
