"""Thresholds keep the rate that was asked for, also where the people differ from the rendered strangers."""

from pathlib import Path

import numpy as np
import pytest

from walkprint.core.errors import DataError
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.verdict import Verdict, fit_same, tail_quantile

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
    judge = judge_of(people(rng, 8, 2, moved), cohort(rng))
    others = people(rng, 400, 1, moved).astype(np.float32)
    named = np.mean([judge.score(one, ["left"]).scores[0] >= judge.threshold(rate) for one in others])
    assert rate / 6 < named < 2.2 * rate


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
