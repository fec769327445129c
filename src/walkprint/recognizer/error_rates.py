"""How often a gallery errs: its own walks are looked up among the others, rendered strangers among all.

All walks of one video are left out together, because they resemble each other. Strangers are rendered; real ones who
resemble a known person are named more often (docs/results/recognizer.md).

Source: E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
Statistical Association 1927.
Deviations: the sample size of an interval is the number of people, not of walks, which makes it wider.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import DataError
from walkprint.gallery.records import KnownWalk
from walkprint.recognizer.verdict import Verdict

LEAST_PEOPLE = 3
_MOST_VIDEOS, _FEWEST_VIDEOS, _MOST_COMPARED = 200, 20, 200_000  # each video is compared with all walks
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its 95 % interval, each 0 to 1."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Point:
    """Error rates at one threshold.

    Attributes:
        false_positive_rate: for which the threshold is asked.
        threshold: the score that a name needs.
        fpir: of the walks of rendered strangers, how many are named.
        fnir: of the enrolled walks, how many are unknown or get another person's name.
    """

    false_positive_rate: float
    threshold: float
    fpir: Share
    fnir: Share


@dataclass(frozen=True, slots=True)
class ErrorRates:
    """Error rates of a gallery as it is.

    Attributes:
        points: one for each rate that was asked for.
        walks, people: enrolled walks that were looked up, and whose they are.
        strangers: rendered people.
        own: scores of these walks against their own person; -inf where another person scores higher.
        others: scores of the strangers, rising.
    """

    points: tuple[Point, ...]
    walks: int
    people: int
    strangers: int
    own: NDArray[np.float64]
    others: NDArray[np.float64]


def measure(verdict: Verdict, walks: Sequence[KnownWalk], strangers: int, rates: Sequence[float]) -> ErrorRates:
    """Error rates at the thresholds for some false positive rates.

    Args:
        verdict: of the gallery.
        walks: all enrolled walks, in the gallery's order.
        strangers: how many rendered people set the threshold.
        rates: above 0 and below 1.

    Raises:
        DataError: fewer than three people have walks from two videos.
    """
    people = np.array([walk.person for walk in walks])
    videos = np.array([walk.input or walk.id for walk in walks])
    several = [one for one in np.unique(people) if len(set(videos[people == one])) > 1]
    if len(several) < LEAST_PEOPLE:
        raise DataError(
            f"error rates need {LEAST_PEOPLE} people with walks from two videos or more, found {len(several)}; enroll "
            "more videos of known people"
        )
    groups = sorted({(one, video) for one, video in zip(people, videos, strict=True) if one in set(several)})
    count = min(len(groups), _MOST_VIDEOS, max(_FEWEST_VIDEOS, _MOST_COMPARED // len(walks)))
    some = {groups[at] for at in np.linspace(0, len(groups) - 1, count).round().astype(int)}
    own: list[float] = []
    for one, video in sorted(some):
        scores = verdict.look_up((people == one) & (videos == video))
        mine = verdict.people == one
        right = scores[:, mine].max(axis=1)
        own += np.where(right > scores[:, ~mine].max(axis=1), right, -np.inf).tolist()
    found, others, known = np.array(own), verdict.strangers, len({one for one, _ in some})
    points = tuple(
        Point(rate, limit, wilson((others >= limit).mean(), strangers), wilson((found < limit).mean(), known))
        for rate, limit in ((rate, verdict.threshold(rate)) for rate in rates)
    )
    return ErrorRates(points, len(found), known, strangers, np.sort(found), others)


def wilson(share: float, count: int) -> Share:
    """A share of some number of people, with Wilson's interval of 95 %."""
    squared = _NORMAL_95**2
    middle = (share + squared / (2 * count)) / (1 + squared / count)
    half = _NORMAL_95 / (1 + squared / count) * np.sqrt(share * (1 - share) / count + squared / (4 * count**2))
    return Share(float(share), *(round(min(max(float(one), 0.0), 1.0), 9) for one in (middle - half, middle + half)))
