"""Error rates of a gallery, beside galleries from which a video is really left out."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binomtest
from tests.recognizer.people import Pooling, clips, strangers
from tests.recognizer.test_verdict import PARTS, cohort, judge_of, people

from walkprint.core.errors import DataError
from walkprint.gallery import Templates
from walkprint.gallery.records import KnownWalk
from walkprint.recognizer import Recognizer
from walkprint.recognizer.error_rates import measure, wilson
from walkprint.recognizer.verdict import Verdict

RATES = (0.01, 0.1, 0.3)


def _walk(person: str, video: str, number: int) -> KnownWalk:
    return KnownWalk(f"{person}-{video}-{number}", person, "", 20, 1.0, "left", video, False)


def test_each_video_is_looked_up_as_if_it_were_not_enrolled() -> None:
    rng = np.random.default_rng(1)
    known, others = 2 * people(rng, 5, 3), cohort(rng, 100)
    known[4, 2] = known[0, 0] + 0.1 * rng.normal(size=known[0, 0].shape)  # person 4 once walks as person 0 does
    judge = judge_of(known, others)
    videos = ["a", "a", "b"]  # two walks of one video, and one of another
    walks = [_walk(f"{person:02d}", videos[walk], walk) for person in range(5) for walk in range(3)]
    found = measure(judge, walks, 100, RATES)
    own = []
    for person in range(5):
        for video in ("a", "b"):
            left = [one.person == f"{person:02d}" and one.input == video for one in walks]
            rest = known.reshape(15, PARTS, -1)[~np.array(left)].astype(np.float32)
            names = [one.person for one, out in zip(walks, left, strict=True) if not out]
            without = Verdict(Templates(rest, names, ["left"] * len(names), {}, 0), others)
            for at in np.flatnonzero(left):
                seen = without.score(known.reshape(15, 1, PARTS, -1)[at].astype(np.float32), ["left"])
                own.append(seen.scores[0] if seen.people[0] == f"{person:02d}" else -np.inf)
    np.testing.assert_allclose(found.own, np.sort(own), atol=1e-6)
    assert found.own[0] == -np.inf
    assert (found.walks, found.people, found.strangers) == (15, 5, 100)
    for rate, point in zip(RATES, found.points, strict=True):
        assert (point.false_positive_rate, point.threshold) == (rate, judge.threshold(rate))
        assert point.fnir.value == np.mean(np.array(own) < point.threshold)
        assert point.fpir.value == pytest.approx(rate, rel=0.5, abs=0.006)
    missed = [point.fnir.value for point in found.points]
    assert missed == sorted(missed, reverse=True)


@pytest.mark.parametrize(("hits", "count"), [(0, 3), (3, 3), (1, 12), (500, 1000)])
def test_an_interval_is_that_of_scipy(hits: int, count: int) -> None:
    found, twin = wilson(hits / count, count), binomtest(hits, count).proportion_ci(method="wilson")
    assert (found.low, found.high) == (pytest.approx(twin.low, abs=1e-6), pytest.approx(twin.high, abs=1e-6))


def test_too_few_videos_are_named(tmp_path: Path) -> None:
    recognizer = Recognizer(tmp_path / "people.gallery", Pooling(), cohort=strangers())
    with pytest.raises(DataError, match="found 0"):
        recognizer.error_rates(RATES)
    for name in ("001", "002", "003"):
        recognizer.enroll(clips(name)[0], name)
    with pytest.raises(DataError, match="3 people with walks from two videos or more, found 0"):
        recognizer.error_rates(RATES)
    for name in ("001", "002", "003"):
        recognizer.enroll(clips(name)[1], name)
    found = recognizer.error_rates(RATES)
    assert (found.walks, found.people, found.strangers) == (6, 3, 20)
