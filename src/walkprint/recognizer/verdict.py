"""From cosines to a verdict: normalized scores, a threshold for a rate of false positives, probabilities.

A stranger's best score rises with the number of people who are known. So the threshold is found for the gallery as it
is: each rendered stranger is looked up in it, and a tail is fitted to their best scores.

Sources: adaptive symmetric normalization, P. Matejka et al., "Analysis of Score Normalization in Multilingual Speaker
Recognition", Interspeech 2017; the tail above a high quantile as a generalized Pareto distribution with shape 0 (an
exponential one), J. Pickands, "Statistical Inference Using Extreme Order Statistics", Annals of Statistics 1975.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import ProtocolError
from walkprint.recognizer.cohort import Cohort

_Floats = NDArray[np.float32]
_NEAREST, _TAIL = 100, 0.1
_PRIOR_UNKNOWN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One walk in comparison with all who are known.

    Attributes:
        people: ids, best first.
        scores: float64, normalized, falling.
        probabilities: of each, 0 to 1.
        unknown: probability that it is none of them.
    """

    people: Sequence[str]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    unknown: float


class Verdict:
    """Compares walks with a gallery.

    Args:
        vectors: float32 (walk, part, feature) of the gallery, whitened, parts at unit length.
        people: id of the person of each walk.
        cohort: strangers.
    """

    def __init__(self, vectors: _Floats, people: Sequence[str], cohort: Cohort) -> None:
        self._known = _flat(vectors)
        self.people, self._person = np.unique(np.array(people), return_inverse=True)
        self._cohort = _flat(cohort.vectors)
        # A walk's own level among strangers; half of the normalization is the known walk's, half the probe's.
        self._nearest = min(_NEAREST, len(self._cohort) - int(np.bincount(cohort.subjects).max()))
        self._known_level = self._level(self._known @ self._cohort.T)
        strangers = self._cohort @ self._known.T
        among = self._level(_without_own(self._cohort, cohort.subjects))
        self._best = np.sort(self._by_person(_normalized(strangers, among, self._known_level)).max(axis=1))
        self._slope, self._offset = _fit_same(self._cohort, cohort.subjects, among)

    def score(self, vectors: _Floats) -> list[Scored]:
        """Compare walks, float32 (walk, part, feature), prepared as the gallery's."""
        probes = _flat(vectors)
        normal = _normalized(probes @ self._known.T, self._level(probes @ self._cohort.T), self._known_level)
        found = []
        for scores in self._by_person(normal):
            order = np.argsort(-scores, kind="stable")
            evidence = self._slope * scores[order] + self._offset
            weights = np.exp(evidence - max(evidence.max(), 0)) * (1 - _PRIOR_UNKNOWN) / len(order)
            rest = np.exp(-max(evidence.max(), 0)) * _PRIOR_UNKNOWN
            total = weights.sum() + rest
            found.append(
                Scored([str(self.people[i]) for i in order], scores[order], weights / total, float(rest / total))
            )
        return found

    def threshold(self, false_positive_rate: float) -> float:
        """The score that strangers' best scores exceed at this rate.

        Raises:
            ProtocolError: the rate is out of range.
        """
        if not 0 < false_positive_rate < 1:
            raise ProtocolError(
                f"false positive rate is {false_positive_rate}; expected above 0 and below 1, e.g. 0.01"
            )
        if false_positive_rate >= _TAIL:
            return float(np.quantile(self._best, 1 - false_positive_rate))
        start = float(np.quantile(self._best, 1 - _TAIL))
        beyond = self._best[self._best > start] - start
        return start + float(beyond.mean() if len(beyond) else 0) * float(np.log(_TAIL / false_positive_rate))

    def _level(self, scores: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and deviation of the nearest of the cohort: (walk,) each."""
        nearest = np.sort(scores.astype(np.float64), axis=1)[:, -self._nearest :]
        return nearest.mean(axis=1), np.maximum(nearest.std(axis=1), 1e-6)

    def _by_person(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The best of each person's walks: (probe, walk) -> (probe, person)."""
        best = np.full((len(scores), len(self.people)), -np.inf)
        np.maximum.at(best.T, self._person, scores.T)
        return best


def _flat(vectors: _Floats) -> _Floats:
    """(walk, part x feature), so that a product is the mean cosine over parts."""
    return np.asarray(vectors.reshape(len(vectors), -1) / np.float32(np.sqrt(vectors.shape[1])), np.float32)


def _normalized(
    scores: NDArray[np.floating],
    probe: tuple[NDArray[np.float64], NDArray[np.float64]],
    known: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> NDArray[np.float64]:
    here = (scores - probe[0][:, None]) / probe[1][:, None]
    return np.asarray(0.5 * (here + (scores - known[0]) / known[1]))


def _without_own(cohort: _Floats, subjects: NDArray[np.int64]) -> _Floats:
    """Cosines within the cohort, those of one person far away."""
    scores = cohort @ cohort.T
    scores[subjects[:, None] == subjects] = -2
    return np.asarray(scores)


def _fit_same(
    cohort: _Floats, subjects: NDArray[np.int64], level: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> tuple[float, float]:
    """Slope and offset of the log odds of "the same person", both being equally likely before."""
    scores = _normalized(cohort @ cohort.T, level, level)
    same = subjects[:, None] == subjects
    np.fill_diagonal(same, False)
    right = scores[same]
    wrong = scores[~same & ~np.eye(len(same), dtype=bool)]
    wrong = wrong[:: max(1, len(wrong) // 200_000)]
    if not len(right):
        return 1.0, 0.0
    values = np.concatenate([right, wrong])
    truth = np.concatenate([np.ones(len(right)), np.zeros(len(wrong))])
    weight = np.concatenate([np.full(len(right), 0.5 / len(right)), np.full(len(wrong), 0.5 / len(wrong))])
    slope, offset = 0.0, 0.0
    for _ in range(50):  # Newton's steps, with a little ridge
        chance = 1 / (1 + np.exp(-np.clip(slope * values + offset, -30, 30)))
        pull, curve = weight * (truth - chance), weight * chance * (1 - chance)
        gradient = np.array([(pull * values).sum() - 1e-4 * slope, pull.sum()])
        cross = (curve * values).sum()
        bend = np.array([[(curve * values**2).sum() + 1e-4, cross], [cross, curve.sum() + 1e-6]])
        step = np.linalg.solve(bend, gradient)
        slope, offset = slope + step[0], offset + step[1]
        if np.abs(step).max() < 1e-6:
            break
    return float(slope), float(offset)
