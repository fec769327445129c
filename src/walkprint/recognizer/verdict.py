"""From embeddings to a verdict: cosines seen from the gallery's own middle, a threshold for a rate, probabilities.

A network that has seen rendered people only puts all real people of one camera close together. So vectors are seen from
the mean of the enrolled people of their direction of walking, drawn toward the mean of rendered people while few are
enrolled. The walks of one question are joined: the mean of their embeddings, weighted. A stranger's best score rises
with the number of known people and of joined walks. So thresholds are found for the gallery as it is; see `impostors`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import unit_parts
from walkprint.core.sequence import SequenceKey
from walkprint.evaluation.site import Site
from walkprint.evaluation.whitening import Whitening, moved
from walkprint.gallery import Templates
from walkprint.recognizer.cohort import Cohort
from walkprint.recognizer.impostors import RENDERED_WEIGHT, Impostors

_Floats = NDArray[np.float32]
_PRIOR_UNKNOWN, _MOST_LEFT_OUT, _MANY = 0.5, 100, 1000


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
        site: of the camera that identifies, instead of the gallery's own middle; or None.
        gallery_site: of the camera where people were enrolled; that of `site` if None.

    Attributes:
        nearest_pair: ids of the two most similar people, of the first hundred; None while fewer than two are known.
    """

    nearest_pair: tuple[str, str] | None = None

    def __init__(
        self,
        templates: Templates,
        cohort: Cohort,
        whitening: Whitening | None = None,
        site: Site | None = None,
        gallery_site: Site | None = None,
    ) -> None:
        self._set_up(cohort, whitening, site, gallery_site)
        self._learn_from(templates)

    def _set_up(
        self, cohort: Cohort, whitening: Whitening | None, site: Site | None, gallery_site: Site | None
    ) -> None:
        self._site, self._gallery_site = site, site if gallery_site is None else gallery_site
        self._mean, self._root, self._strangers = _basis(cohort, whitening)
        self._stranger_of = cohort.subjects
        self._slope, self._offset = fit_same(flat(self._strangers), cohort.subjects)

    def _learn_from(self, templates: Templates) -> None:
        self.people, self._person = np.unique(np.array(templates.people), return_inverse=True)
        self._unit, self._views = unit_parts(templates.vectors), np.array(templates.views)
        self._origins = self._learn(np.ones(len(self._unit), bool))
        self._known = self._prepared(self._unit, self._views, self._origins)
        self._impostors = self._look_up_strangers()

    def score(self, vectors: _Floats, views: Sequence[str], weights: Sequence[float] | None = None) -> Scored:
        """Compare the walks of one person, together: the best score of each known person for the mean of the walks.

        Args:
            vectors: float32 (walk, part, feature), as the network gave them.
            views: direction of each walk.
            weights: of each walk, e.g. its frames; all the same if None.
        """
        people, found = self.compare(vectors, views, np.ones(len(views)) if weights is None else weights)
        scores = found[0]
        order = np.argsort(-scores, kind="stable")
        evidence = self._slope * self._impostors[len(views) > 1].as_rendered(scores[order]) + self._offset
        largest = max(float(evidence.max(initial=0)), 0.0)
        weight = np.exp(evidence - largest) * (1 - _PRIOR_UNKNOWN) / self.count
        rest = float(np.exp(-largest)) * _PRIOR_UNKNOWN
        total = float(weight.sum()) + rest
        return Scored([str(people[i]) for i in order], scores[order], weight / total, rest / total)

    @property
    def count(self) -> int:
        """How many people are known."""
        return len(self.people)

    def compare(
        self, vectors: _Floats, views: Sequence[str], weights: Sequence[float] | NDArray[np.float64] | None = None
    ) -> tuple[Sequence[str], NDArray[np.float64]]:
        """Ids of known people, and the best score of each for each walk, (walk, person).

        Args:
            vectors, views: as in `score`.
            weights: to join the walks to one; each alone if None.
        """
        probes = self._asked(unit_parts(vectors), np.array(views))
        return self.people.tolist(), self._by_person(self._joined(probes, weights) @ self._known.T, self._person)

    def threshold(self, false_positive_rate: float, walks: int = 1) -> float:
        """The score that strangers' best scores exceed at this rate.

        Args:
            false_positive_rate: above 0 and below 1.
            walks: how many are joined in a question; only whether it is more than one counts.

        Raises:
            ProtocolError: the rate is out of range.
        """
        return self._impostors[walks > 1].threshold(false_positive_rate)

    @property
    def strangers(self) -> NDArray[np.float64]:
        """Best scores of rendered strangers, on the scale of this gallery's people, rising."""
        return self._impostors[0].scores

    def look_up(self, walks: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Scores of enrolled walks as if they were not enrolled, (walk, person); -inf where a person has no other.

        Args:
            walks: (walk,), which ones.
        """
        probes, others = self._apart(walks)
        return self._by_person(probes @ others.T, self._person[~walks])

    def _joined(self, walks: _Floats, weights: Sequence[float] | NDArray[np.float64] | None) -> _Floats:
        """The weighted mean of walks, prepared and flat, its parts at unit length again, (1, number)."""
        if weights is None or len(walks) == 1:
            return walks
        mean = np.average(walks, axis=0, weights=weights).astype(np.float32)
        return flat(unit_parts(mean.reshape(1, *self._mean.shape)))

    def _joined_strangers(self) -> _Floats:
        """All walks of each rendered stranger as one, (stranger, part, feature)."""
        people, place = np.unique(self._stranger_of, return_inverse=True)
        sums = np.zeros((len(people), *self._mean.shape), np.float32)
        np.add.at(sums, place, self._strangers)
        return unit_parts(sums)

    def _look_up_strangers(self) -> tuple[Impostors, Impostors]:
        """Best scores of strangers, for single walks and for joined ones."""
        single, joined = self._look_up_known()
        known = self._known.T
        found = [
            self._by_person(flat(one) @ known, self._person) for one in (self._strangers, self._joined_strangers())
        ]
        alone, together = (one.max(axis=1) for one in found)
        people = len(joined)  # one question each
        return Impostors.learn(alone, single, people), Impostors.learn(together, joined, people)

    def _look_up_known(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Best scores of known people among the others, for single walks and for all walks of a person joined."""
        single: list[float] = []
        joined: list[float] = []
        highest = -np.inf
        for number in range(min(len(self.people), _MOST_LEFT_OUT) if len(self.people) > 1 else 0):
            mine = self._person == number
            if len(self.people) > _MANY:  # one person moves the middle too little to learn it again
                probes, others = self._known[mine], self._known[~mine]
            else:
                probes, others = self._apart(mine)
            scores = probes @ others.T
            single += scores.max(axis=1).tolist()
            if scores.max() > highest:
                highest, other = scores.max(), self._person[~mine][scores.max(axis=0).argmax()]
                self.nearest_pair = str(self.people[number]), str(self.people[other])
            joined.append(float((self._joined(probes, np.ones(len(probes))) @ others.T).max()))
        return np.array(single), np.array(joined)

    def _apart(self, walks: NDArray[np.bool_]) -> tuple[_Floats, _Floats]:
        """Some enrolled walks and all others, prepared as if these others alone were enrolled."""
        origins = self._learn(~walks)
        probes, others = ((self._unit[rows], self._views[rows]) for rows in (walks, ~walks))
        return self._prepared(*probes, origins), self._prepared(*others, origins)

    def _learn(self, among: NDArray[np.bool_]) -> dict[str, _Floats]:
        """View -> the mean over people of their mean unit parts, drawn toward the rendered mean; "" for other views."""
        found = {}
        for view in ("", *np.unique(self._views[among])):
            rows = among & ((self._views == view) if view else True)
            people, place = np.unique(self._person[rows], return_inverse=True)
            sums = np.zeros((len(people), *self._mean.shape), np.float32)
            np.add.at(sums, place, self._unit[rows])
            means = sums / np.bincount(place)[:, None, None]
            weight = len(people) + RENDERED_WEIGHT
            found[str(view)] = np.asarray((means.sum(axis=0) + RENDERED_WEIGHT * self._mean) / weight, np.float32)
        return found

    def _prepared(self, unit: _Floats, views: NDArray[np.str_], origins: dict[str, _Floats]) -> _Floats:
        """Unit parts of enrolled walks as they are compared, flat: a product is the mean cosine over parts."""
        return self._seen(unit, views, origins, self._gallery_site)

    def _asked(self, unit: _Floats, views: NDArray[np.str_]) -> _Floats:
        """The same of walks that are looked up."""
        return self._seen(unit, views, self._origins, self._site)

    def _seen(self, unit: _Floats, views: NDArray[np.str_], origins: dict[str, _Floats], site: Site | None) -> _Floats:
        if site is not None:
            origin = site.origins([SequenceKey("walk", view=view) for view in views])
        else:
            origin = origins_of(views, origins)
        return flat(moved(unit, origin, self._root))

    def _by_person(self, scores: _Floats, person: NDArray[np.intp]) -> NDArray[np.float64]:
        """The best of each person's walks: (probe, walk) -> (probe, person); `person` is the number of each walk's."""
        best = np.full((len(scores), len(self.people)), -np.inf)
        np.maximum.at(best.T, person, scores.T)
        return best


def log_odds(vectors: _Floats, cohort: Cohort, whitening: Whitening | None) -> NDArray[np.float64]:
    """Log odds that two walks in one direction are of one person, before any gallery is known, (walk, walk).

    Args:
        vectors: float32 (walk, part, feature), as the network gave them.
        cohort: rendered strangers, from whose walks the odds are learned.
        whitening: the network's, or None.
    """
    mean, root, strangers = _basis(cohort, whitening)
    slope, offset = fit_same(flat(strangers), cohort.subjects)
    seen = flat(moved(unit_parts(vectors), mean, root))
    return np.asarray(slope * (seen @ seen.T).astype(np.float64) + offset)


def _basis(cohort: Cohort, whitening: Whitening | None) -> tuple[_Floats, _Floats | None, _Floats]:
    """Mean and root by which walks are compared, and strangers as they are compared."""
    if whitening is not None:
        return whitening.mean, whitening.root, cohort.vectors
    mean = cohort.vectors.mean(axis=0)
    return mean, None, moved(cohort.vectors, mean, None)


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
