"""From embeddings to a verdict: cosines seen from the gallery's own middle, a threshold for a rate, probabilities.

A network that has seen rendered people only puts all real people of one camera close together. So vectors are seen from
the mean of the enrolled people of their direction of walking, drawn toward the mean of rendered people while few are
enrolled. A stranger's best score rises with the number of known people. So the threshold is found for the gallery as it
is: each rendered stranger is looked up in it, and a tail is fitted to their best scores. Then each enrolled person is
looked up among the others, as a stranger would be; where these score higher or scatter more than rendered strangers,
the threshold moves with them.

Sources: cohorts of strangers and their tails, R. Auckenthaler, M. Carey, H. Lloyd-Thomas, "Score Normalization for
Text-Independent Speaker Verification Systems", Digital Signal Processing 2000; an exponential tail above a high
quantile, J. Pickands, "Statistical Inference Using Extreme Order Statistics", Annals of Statistics 1975.
Deviations: scores are left as cosines; normalizing them by the rendered cohort (s-norm) made real people worse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.core.errors import ProtocolError
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import Whitening, moved, unit_parts
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import Cohort

_Floats = NDArray[np.float32]
_TAIL, _PRIOR_UNKNOWN = 0.1, 0.5
_RENDERED_WEIGHT, _MOST_LEFT_OUT, _MANY = 4.0, 100, 1000


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """One walk in comparison with all known people.

    Attributes:
        people: ids, best first.
        scores: float64, cosines, falling.
        probabilities: of each, 0 to 1.
        unknown: probability that it is none of them.
    """

    people: Sequence[str]
    scores: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    unknown: float


class Verdict:
    """Compares walks with a gallery as it is.

    Args:
        templates: of the gallery, at least one walk.
        cohort: rendered strangers.
        whitening: the network's, or None.
        site: the camera's, instead of the gallery's own middle; or None.
    """

    def __init__(
        self, templates: Templates, cohort: Cohort, whitening: Whitening | None = None, site: Site | None = None
    ) -> None:
        self._set_up(cohort, whitening, site)
        self._learn_from(templates)

    def _set_up(self, cohort: Cohort, whitening: Whitening | None, site: Site | None) -> None:
        self._site, self._root = site, None if whitening is None else whitening.root
        self._mean = cohort.vectors.mean(axis=0) if whitening is None else whitening.mean
        self._strangers = moved(cohort.vectors, self._mean, None) if whitening is None else cohort.vectors
        self._slope, self._offset = fit_same(flat(self._strangers), cohort.subjects)

    def _learn_from(self, templates: Templates) -> None:
        self.people, self._person = np.unique(np.array(templates.people), return_inverse=True)
        self._unit, self._views = unit_parts(templates.vectors), np.array(templates.views)
        self._origins = self._learn(np.ones(len(self._unit), bool))
        self._known = self._prepared(self._unit, self._views, self._origins)
        self._best = np.sort(self._by_person(flat(self._strangers) @ self._known.T, self._person).max(axis=1))
        self._shift, self._scale = self._domain()

    def score(self, vectors: _Floats, views: Sequence[str]) -> Scored:
        """Compare the walks of one person, together: the mean over walks of the best score of each known person.

        Args:
            vectors: float32 (walk, part, feature), as the network gave them.
            views: direction of each walk.
        """
        people, by_walk = self.compare(vectors, views)
        scores = by_walk.mean(axis=0)
        order = np.argsort(-scores, kind="stable")
        evidence = self._slope * self._as_rendered(scores[order]) + self._offset
        largest = max(float(evidence.max(initial=0)), 0.0)
        weights = np.exp(evidence - largest) * (1 - _PRIOR_UNKNOWN) / self.count
        rest = float(np.exp(-largest)) * _PRIOR_UNKNOWN
        total = float(weights.sum()) + rest
        return Scored([str(people[i]) for i in order], scores[order], weights / total, rest / total)

    @property
    def count(self) -> int:
        """How many people are known."""
        return len(self.people)

    def compare(self, vectors: _Floats, views: Sequence[str]) -> tuple[Sequence[str], NDArray[np.float64]]:
        """Ids of known people, and the best score of each for each walk, (walk, person); arguments as in `score`."""
        probes = self._prepared(unit_parts(vectors), np.array(views), self._origins)
        return self.people.tolist(), self._by_person(probes @ self._known.T, self._person)

    def threshold(self, false_positive_rate: float) -> float:
        """The score that strangers' best scores exceed at this rate.

        Raises:
            ProtocolError: the rate is out of range.
        """
        if not 0 < false_positive_rate < 1:
            raise ProtocolError(
                f"false positive rate is {false_positive_rate}; expected above 0 and below 1, e.g. 0.05"
            )
        limit = tail_quantile(self._best, false_positive_rate)
        middle = float(np.median(self._best))
        return middle + self._shift + (limit - middle) * self._scale

    @property
    def strangers(self) -> NDArray[np.float64]:
        """Best scores of rendered strangers, on the scale of this gallery's people, rising."""
        middle = float(np.median(self._best))
        return np.asarray(middle + self._shift + (self._best - middle) * self._scale, np.float64)

    def look_up(self, walks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Scores of enrolled walks as if they were not enrolled, (walk, person); -inf where a person has no other.

        Args:
            walks: (walk,), which ones.
        """
        origins = self._learn(~walks)
        others = self._prepared(self._unit[~walks], self._views[~walks], origins)
        probes = self._prepared(self._unit[walks], self._views[walks], origins)
        return self._by_person(probes @ others.T, self._person[~walks])

    def _as_rendered(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores as rendered people would have them."""
        middle = float(np.median(self._best))
        return np.asarray(middle + (scores - middle - self._shift) / self._scale)

    def _domain(self) -> tuple[float, float]:
        """How much higher these people score among others than rendered strangers do, and how many times the spread."""
        if len(self.people) < 2:
            return 0.0, 1.0
        own: list[float] = []
        for number in range(min(len(self.people), _MOST_LEFT_OUT)):
            mine = self._person == number
            if len(self.people) > _MANY:  # one person moves the middle too little to learn it again
                scores = self._known[mine] @ self._known.T
                own += scores[:, ~mine].max(axis=1).tolist()
                continue
            own += self.look_up(mine).max(axis=1).tolist()
        shift = max(0.0, float(np.median(own) - np.median(self._best)))
        return shift, max(1.0, float(np.std(own) / max(np.std(self._best), 1e-6)))

    def _learn(self, among: NDArray[np.bool_]) -> dict[str, _Floats]:
        """View -> the mean over people of their mean unit parts, drawn toward the rendered mean; "" for other views."""
        found = {}
        for view in ("", *np.unique(self._views[among])):
            rows = among & ((self._views == view) if view else True)
            people, place = np.unique(self._person[rows], return_inverse=True)
            sums = np.zeros((len(people), *self._mean.shape), np.float32)
            np.add.at(sums, place, self._unit[rows])
            means = sums / np.bincount(place)[:, None, None]
            weight = len(people) + _RENDERED_WEIGHT
            found[str(view)] = np.asarray((means.sum(axis=0) + _RENDERED_WEIGHT * self._mean) / weight, np.float32)
        return found

    def _prepared(self, unit: _Floats, views: NDArray[np.str_], origins: dict[str, _Floats]) -> _Floats:
        """Unit parts as they are compared, flat: a product is the mean cosine over parts."""
        if self._site is not None:
            origin = self._site.origins([SequenceKey("walk", view=view) for view in views])
        else:
            origin = origins_of(views, origins)
        return flat(moved(unit, origin, self._root))

    def _by_person(self, scores: _Floats, person: NDArray[np.intp]) -> NDArray[np.float64]:
        """The best of each person's walks: (probe, walk) -> (probe, person); `person` is the number of each walk's."""
        best = np.full((len(scores), len(self.people)), -np.inf)
        np.maximum.at(best.T, person, scores.T)
        return best


def tail_quantile(values: NDArray[np.floating], rate: float) -> float:
    """The value that is exceeded at a rate; below a rate of 0.1 by an exponential tail.

    Args:
        values: sorted, rising.
        rate: above 0, below 1.
    """
    if rate >= _TAIL:
        return float(np.quantile(values, 1 - rate))
    start = float(np.quantile(values, 1 - _TAIL))
    beyond = values[values > start] - start
    return start + float(beyond.mean() if len(beyond) else 0) * float(np.log(_TAIL / rate))


def origins_of(views: Sequence[str] | NDArray[np.str_], origins: dict[str, _Floats]) -> _Floats:
    """The origin of each walk by its view, (walk, part, feature)."""
    return np.stack([origins.get(str(view), origins[""]) for view in views])


def flat(vectors: _Floats) -> _Floats:
    """(walk, part, feature) with unit parts -> (walk, number) whose products are mean cosines over parts."""
    return np.asarray(vectors.reshape(len(vectors), -1) / np.float32(np.sqrt(vectors.shape[1])), np.float32)


def fit_same(vectors: _Floats, subjects: NDArray[np.int64]) -> tuple[float, float]:
    """Slope and offset of the log odds that two walks are of one person, both being equally likely before.

    Args:
        vectors: float32 (walk, number), products of which are cosines.
        subjects: (walk,), who it is.
    """
    order = np.argsort(subjects, kind="stable")
    vectors, subjects = vectors[order], subjects[order]
    rows = [np.flatnonzero(subjects[step:] == subjects[:-step]) for step in (1, 2, 3)]
    right = np.concatenate([(vectors[one] * vectors[one + step]).sum(1) for step, one in enumerate(rows, 1)])
    if not len(right):
        return 1.0, 0.0
    some = vectors[:: max(1, len(vectors) // 400)]
    own = subjects[:: max(1, len(vectors) // 400)]
    wrong = (some @ some.T)[own[:, None] != own]
    values = np.concatenate([right, wrong]).astype(np.float64)
    truth = np.repeat([1.0, 0.0], [len(right), len(wrong)])
    weight = np.repeat([0.5 / len(right), 0.5 / max(len(wrong), 1)], [len(right), len(wrong)])
    found = np.zeros(2)
    for _ in range(50):  # Newton's steps, with a little ridge
        chance = 1 / (1 + np.exp(-np.clip(found[0] * values + found[1], -30, 30)))
        pull, curve = weight * (truth - chance), weight * chance * (1 - chance)
        cross = (curve * values).sum()
        bend = np.array([[(curve * values**2).sum() + 1e-4, cross], [cross, curve.sum() + 1e-6]])
        step = np.linalg.solve(bend, [(pull * values).sum() - 1e-4 * found[0], pull.sum()])
        found = found + step
        if np.abs(step).max() < 1e-6:
            break
    return float(found[0]), float(found[1])
