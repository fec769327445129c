"""Where the right subject stands in the ranking of the gallery: rank, average precision, inverse negative penalty.

Nothing is sorted but the positives: a positive's rank is one plus the positives before it plus the negatives that are
not farther away, and those are counted. Ties count against the probe: a negative at exactly the distance of a positive
stands before it. So the order of sequences never matters, and a network that maps all sequences to one point scores 0,
not 100 %.

Source of the inverse negative penalty: Ye, Shen, Lin, Xiang, Shao, Hoi, "Deep Learning for Person Re-identification:
A Survey and Outlook", TPAMI 2022.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from walkprint.core.compiled import compiled
from walkprint.core.errors import DataError

UNMATCHED = -1
NOT_COUNTED = -2
_FEW = 32


@dataclass(frozen=True, slots=True, eq=False)
class PairLabels:
    """Which pairs count, as int32 labels, one per sequence.

    A pair counts when `require` agrees, `exclude` differs and `identity` differs.

    Attributes:
        subject: whose walk it is; equal means a positive pair.
        exclude: equal means that the pair does not count; give both sides numbers that never meet for no exclusion.
        require: unequal means that the pair does not count.
        identity: equal means one and the same sequence, which is never compared with itself.
    """

    subject: NDArray[np.int32]
    exclude: NDArray[np.int32]
    require: NDArray[np.int32]
    identity: NDArray[np.int32]

    @classmethod
    def of_subjects(cls, probes: ArrayLike, gallery: ArrayLike) -> "tuple[PairLabels, PairLabels]":
        """PairLabels of both sides when every pair counts; subjects may be anything that sorts."""
        left, right = np.asarray(probes), np.asarray(gallery)
        _, numbers = np.unique(np.concatenate([left, right]), return_inverse=True)
        subjects = numbers.astype(np.int32)
        sides = []
        for subject, outsider in ((subjects[: len(left)], -1), (subjects[len(left) :], -2)):
            never = np.full(len(subject), outsider, np.int32)
            sides.append(cls(subject, never, np.zeros_like(never), never))
        return sides[0], sides[1]


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Per probe and gallery cell, (probe, cell).

    Attributes:
        first: int32, rank of the first right item, from 0; -1 unmatched (no right item counts),
            -2 not counted (no pair of this probe and cell counts).
        average_precision: float64, mean over positives of (right items so far / rank); 0 where there is none.
        inverse_penalty: float64, number of positives / rank of the last; 0 where there is none.
        wrong: int32, how many wrong items count; the first right one cannot stand behind more.
    """

    first: NDArray[np.int32]
    average_precision: NDArray[np.float64]
    inverse_penalty: NDArray[np.float64]
    wrong: NDArray[np.int32]

    @classmethod
    def empty(cls, probes: int, cells: int) -> "Ranks":
        """Ranks to be filled."""
        first = np.full((probes, cells), NOT_COUNTED, np.int32)
        return cls(first, np.zeros((probes, cells)), np.zeros((probes, cells)), np.zeros((probes, cells), np.int32))

    def rows(self, rows: slice) -> "Ranks":
        """A view of some probes."""
        return Ranks(self.first[rows], self.average_precision[rows], self.inverse_penalty[rows], self.wrong[rows])


def rank(distances: NDArray[np.float32], probes: ArrayLike, gallery: ArrayLike) -> Ranks:
    """Rank a table of distances where every pair counts.

    Args:
        distances: float32 (probe, gallery).
        probes: subject of each probe.
        gallery: subject of each gallery item.

    Returns:
        Ranks with one cell.

    Raises:
        DataError: lengths do not fit, or a distance is not a number.
    """
    sides = PairLabels.of_subjects(probes, gallery)
    if distances.shape != (len(sides[0].subject), len(sides[1].subject)):
        raise DataError(
            f"ranking: distances are {distances.shape}, subjects {len(sides[0].subject)} and {len(sides[1].subject)}"
        )
    if np.isnan(distances).any():
        raise DataError("ranking: a distance is not a number; embed again")
    ranks = Ranks.empty(len(distances), 1)
    rank_block(distances, *sides, np.array([0, distances.shape[1]]), ranks)
    return ranks


def rank_block(
    distances: NDArray[np.float32],
    probes: PairLabels,
    gallery: PairLabels,
    cell_starts: NDArray[np.int64],
    ranks: Ranks,
) -> None:
    """Fill the ranks of a block of probes.

    Args:
        distances: float32 (probe, gallery).
        probes: labels of these probes.
        gallery: labels of the gallery.
        cell_starts: int64 (cell + 1,), where each cell's gallery items begin; the last is their number.
        ranks: (probe, cell), overwritten.
    """
    _rank(
        distances, probes.subject, probes.exclude, probes.require, probes.identity,
        gallery.subject, gallery.exclude, gallery.require, gallery.identity, cell_starts,
        ranks.first, ranks.average_precision, ranks.inverse_penalty, ranks.wrong,
    )  # fmt: skip


@compiled(nogil=True)
def _rank(
    distances: Any, subject: Any, exclude: Any, require: Any, identity: Any,
    g_subject: Any, g_exclude: Any, g_require: Any, g_identity: Any, starts: Any,
    first: Any, precision: Any, penalty: Any, wrong_items: Any,
) -> None:  # fmt: skip
    right = np.empty(distances.shape[1], np.float32)
    wrong = np.empty(distances.shape[1], np.float32)
    for i in range(distances.shape[0]):
        for cell in range(len(starts) - 1):
            rights, wrongs = 0, 0
            for j in range(starts[cell], starts[cell + 1]):
                counts = g_exclude[j] != exclude[i] and g_require[j] == require[i] and g_identity[j] != identity[i]
                same = g_subject[j] == subject[i]
                # Written always, kept only when the counter moves: no branch to mispredict.
                wrong[wrongs] = distances[i, j]
                wrongs += counts and not same
                if counts and same:
                    right[rights] = distances[i, j]
                    rights += 1
            precision[i, cell] = 0
            penalty[i, cell] = 0
            wrong_items[i, cell] = wrongs
            if rights == 0:
                first[i, cell] = -1 if wrongs else -2
                continue
            found = np.sort(right[:rights])
            others = wrong[:wrongs] if rights <= _FEW else np.sort(wrong[:wrongs])
            last, total = 0, 0.0
            for k in range(rights):
                before = _not_farther(others, found[k], rights <= _FEW)
                last = before + k
                total += (k + 1) / (last + 1)
                if k == 0:
                    first[i, cell] = last
            precision[i, cell] = total / rights
            penalty[i, cell] = rights / (last + 1)


@compiled(nogil=True)
def _not_farther(others: Any, distance: Any, few: Any) -> Any:
    if not few:
        return np.searchsorted(others, distance, side="right")
    count = np.int32(0)
    for j in range(len(others)):
        count += np.int32(others[j] <= distance)
    return count
