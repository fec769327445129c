"""Feature transport: coats made in a recognizer's feature space, without a picture.

What a coat does to the features of the people who have one is done to those of people who have none.

Source: S. Hou, P. Huang, X. Liu, C. Cao and Y. Huang, "Cloth-Imbalanced Gait Recognition via Hallucination", IEEE TCSVT
2024, by its abstract; no code is published.
Deviations: there the recognizer learns from what is made while it trains. Here it is finished, and what is made goes to
what is learned on its features afterwards, such as whitening. A direction is that of one person from one view, all
parts together.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import DataError
from walkprint.core.sequence import SequenceKey

_Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FeatureTransport:
    """From one condition to another in feature space.

    Attributes:
        source: the condition of all people.
        target: the rare one.
        directions: wearer -> view -> float32 (part, feature), mean of their target sequences minus mean of their source
            sequences from this view.
    """

    source: str
    target: str
    directions: Mapping[str, Mapping[str, _Floats]]

    @classmethod
    def learn(cls, embeddings: EmbeddingSet, *, source: str = "nm", target: str = "cl") -> "FeatureTransport":
        """The directions that people with both conditions show.

        Args:
            embeddings: of the training people.
            source, target: conditions.

        Raises:
            DataError: no person has both from one view.
        """
        found: dict[str, dict[str, _Floats]] = defaultdict(dict)
        rows = _rows(embeddings, (source, target))
        for (subject, view), by_condition in rows.items():
            if len(by_condition) == 2:
                before, after = (embeddings.vectors[by_condition[one]].mean(axis=0) for one in (source, target))
                found[subject][view] = after - before
        if not found:
            raise DataError(f"feature transport: no person has both {source!r} and {target!r} from one view")
        return cls(source, target, dict(found))

    def make(self, embeddings: EmbeddingSet, wanted: int, rng: np.random.Generator) -> EmbeddingSet:
        """Target sequences of every person, until each has so many takes.

        A take has one wearer's directions in all views, and starts from the person's own source takes in turn; a view
        from which the wearer was not seen is left out.

        Args:
            embeddings: of the people, from the network that the directions are of.
            wanted: takes of the target condition, recorded ones included.
            rng: chooses the wearers.

        Returns:
            What was made alone, perhaps nothing.
        """
        wearers = sorted(self.directions)
        keys: list[SequenceKey] = []
        vectors: list[_Floats] = []
        rows = _rows(embeddings, (self.source, self.target))
        for subject in sorted({subject for subject, _ in rows}):
            own = {key.take for key in embeddings.keys if (key.subject, key.condition) == (subject, self.target)}
            for number in range(len(own), wanted):
                directions = self.directions[wearers[int(rng.integers(len(wearers)))]]
                for view in sorted(directions):
                    if starts := rows.get((subject, view), {}).get(self.source):
                        keys.append(SequenceKey(subject, self.target, f"made{number + 1:02d}", view))
                        vectors.append(embeddings.vectors[starts[number % len(starts)]] + directions[view])
        shape = embeddings.vectors.shape[1:]
        return EmbeddingSet(np.array(vectors, np.float32).reshape(-1, *shape), keys, embeddings.source)


def _rows(embeddings: EmbeddingSet, conditions: tuple[str, str]) -> dict[tuple[str, str], dict[str, list[int]]]:
    """(subject, view) -> condition -> rows, by take."""
    found: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in sorted(range(len(embeddings.keys)), key=lambda row: embeddings.keys[row]):
        key = embeddings.keys[row]
        if key.condition in conditions:
            found[key.subject, key.view][key.condition].append(row)
    return {place: dict(by_condition) for place, by_condition in found.items()}
