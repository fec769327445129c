"""Verification: are these two walks of one person? ROC, EER and TAR at FAR.

A pair is accepted when its distance is at most a threshold. FAR is the share of wrong pairs accepted, TAR that of right
pairs; the EER is where FAR equals 1 - TAR. The curve is exact: it is kept at every distance of a right pair, and wrong
pairs are only counted, so that memory does not grow with them.

Two readings of "TAR at FAR t" are in use. Ours reads the curve at exactly t. "official" is that of the evaluation
script of FVG: the largest FAR below t + 0.005, so that "1 %" may be up to 1.5 %, rounded to whole percent. Compare like
with like.

Source of the official reading: Ziyuan Zhang et al., "Gait Recognition via Disentangled Representation Learning",
CVPR 2019, from its released code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.compiled import compiled
from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.progress import Progress
from walkprint.core.protocol import Protocol
from walkprint.evaluation.averaging import draw_weights, to_figures
from walkprint.evaluation.protocol_pairs import Pairs, counting_pairs, pair_up, plain_settings
from walkprint.evaluation.report import POOLED, Curve, Report, Row
from walkprint.evaluation.scoring import Scoring

_OFFICIAL_SLACK = 0.005
_COARSE = 1024
_FEW = 5
_CURVE_POINTS = 200
_MOST_ENTRIES_LOG2 = 19
_Floats = NDArray[np.float64]


def verify(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    *,
    false_accept_rates: Sequence[float] = (0.001, 0.01, 0.05),
    gallery: EmbeddingSet | None = None,
    scoring: Scoring = Scoring(),
    allow_different_sources: bool = False,
    provenance: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Judge every pair of probe and gallery sequence that counts.

    Args:
        embeddings: where probes are taken from, and the gallery too unless it is given.
        protocol: gallery, probe sets, and which pairs count; the gallery is always pooled.
        false_accept_rates: the t of each TAR at FAR t, above 0 and below 1.
        gallery, scoring, allow_different_sources, provenance: as in `identify`. Resampled subjects are those of the
            probes; the draws read the curve at 1,024 places.
        progress: as in `identify`, but every probe counts twice: for its right pairs, and for its wrong ones.

    Returns:
        A report with one pooled row per probe set: EER, TAR at each FAR in both readings, and the ROC curve.

    Raises:
        ProtocolError: a rate is out of range, nothing is selected, no pair counts, or the sources differ.
    """
    check_rates(false_accept_rates)
    pairs = pair_up(
        embeddings, replace(protocol, gallery_view="all"), scoring,
        gallery=gallery, allow_different_sources=allow_different_sources,
    )  # fmt: skip
    names = ["EER"]
    for rate in false_accept_rates:
        names += [f"TAR@FAR={100 * rate:g}%", f"TAR@FAR={100 * rate:g}% (official)"]
    rows, curves, notes, few = [], [], pairs.notes(), []
    for name, among in pairs.probe_sets.items():
        probes, counts = among.stop - among.start, _count_set(pairs, name, progress or (lambda done, total: None))
        if not counts.genuine or not counts.impostors:
            what = "right" if not counts.genuine else "wrong"
            notes.append(f"{name}: no {what} pair counts among {probes} probes.")
            nothing = to_figures(names, np.full(len(names), np.nan), np.zeros((0, 1)))
            rows.append(Row(name, POOLED, nothing, probes, counts.unmatched))
            continue
        notes.append(f"{name}: {counts.genuine:,} right and {counts.impostors:,} wrong pairs.")
        least = min(false_accept_rates) * counts.impostors
        if least < _FEW:
            few.append(f"{name} {least:.1f}")
        points = _read(counts.curve(), false_accept_rates)[0]
        weights = draw_weights(counts.subjects, scoring.resamples, scoring.seed)
        draws = _read(counts.resampled(weights), false_accept_rates)
        rows.append(Row(name, POOLED, to_figures(names, points, draws), probes, counts.unmatched))
        curves.append(_drawn(name, counts.curve()))
    if not curves:
        raise ProtocolError(f"protocol {protocol.name}: verification needs right and wrong pairs; {' '.join(notes)}")
    if few:
        lowest = f"{100 * min(false_accept_rates):g} %"
        notes.append(f"A FAR of {lowest} rests on few wrong pairs ({', '.join(few)}); do not read it closely.")
    notes.append(
        "official: as the script of the FVG benchmark reads it, at the largest FAR less than half a point above the "
        "one asked for, rounded to whole percent; compare it only with figures read that way."
    )
    settings = plain_settings(protocol, pairs, scoring) | {"source": embeddings.source}
    return Report(
        title=protocol.name, kind="verification", rows=tuple(rows), curves=tuple(curves), settings=settings,
        notes=tuple(notes), provenance={"scoring": str(scoring), **(provenance or {})},
    )  # fmt: skip


def check_rates(rates: Sequence[float]) -> None:
    """Refuse rates that are no rates.

    Raises:
        ProtocolError: a rate is out of range.
    """
    if not rates or not all(0 < rate < 1 for rate in rates):
        raise ProtocolError(f"false accept rates are {tuple(rates)}; expected numbers above 0 and below 1, e.g. 0.01")


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """Vertices of ROC curves: (curve, vertex), from (0, 0) to (1, 1)."""

    accepted_wrong: _Floats
    accepted_right: _Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Counts:
    """Pairs of one probe set, counted at the distances of its right pairs.

    Attributes:
        genuine, impostors: how many right and wrong pairs there are.
        unmatched: how many probes have no right pair.
        distances: float32 (edge,), the distinct distances of right pairs, rising.
        right_at: (edge,), right pairs at exactly that distance.
        wrong_at: (edge,), wrong pairs at exactly that distance.
        wrong_before: (edge + 1,), wrong pairs between the edge before and this one.
        right_coarse, wrong_coarse: (subject, bin), the same in at most 1,024 bins per probe subject.
    """

    genuine: int
    impostors: int
    unmatched: int
    distances: NDArray[np.float32]
    right_at: NDArray[np.int64]
    wrong_at: NDArray[np.int64]
    wrong_before: NDArray[np.int64]
    right_coarse: _Floats
    wrong_coarse: _Floats

    @property
    def subjects(self) -> int:
        return len(self.right_coarse)

    def curve(self) -> _Curve:
        """One curve, exact."""
        through = np.cumsum(self.wrong_before[:-1] + self.wrong_at)
        below = through - self.wrong_at
        right = np.cumsum(self.right_at)
        wrong = np.stack([below, through], axis=1).reshape(1, -1) / self.impostors
        return _closed(wrong, np.stack([right - self.right_at, right], axis=1).reshape(1, -1) / self.genuine)

    def resampled(self, weights: _Floats) -> _Curve:
        """One curve for each row of weights (resample, subject), read at the coarse bins."""
        right, wrong = (np.cumsum(weights @ one, axis=1) for one in (self.right_coarse, self.wrong_coarse))
        with np.errstate(invalid="ignore", divide="ignore"):
            right, wrong = right / right[:, -1:], wrong / wrong[:, -1:]
        below = np.concatenate([np.zeros((len(weights), 1)), right[:, :-1]], axis=1)
        corners = np.stack([below, right], axis=2).reshape(len(weights), 2 * right.shape[1])
        return _closed(np.repeat(wrong, 2, axis=1), corners)


def _closed(wrong: _Floats, right: _Floats) -> _Curve:
    start, end = np.zeros((len(wrong), 1)), np.ones((len(wrong), 1))
    return _Curve(np.concatenate([start, wrong, end], axis=1), np.concatenate([start, right, end], axis=1))


def _count_set(pairs: Pairs, name: str, progress: Progress) -> _Counts:
    among, total = pairs.probe_sets[name], 2 * len(pairs.probe_keys)
    gallery = pairs.gallery_labels
    genuine_by_row: list[NDArray[np.float32]] = []
    for rows, block, labels in pairs.blocks(name, own_only=True):
        counting = counting_pairs(labels, gallery) & (labels.subject[:, None] == gallery.subject)
        genuine_by_row += [row[mask] for row, mask in zip(block, counting, strict=True)]
        progress(among.start + rows.stop, total)
    of_row = np.repeat(np.arange(len(genuine_by_row)), [len(row) for row in genuine_by_row])
    genuine = np.concatenate([np.empty(0, np.float32), *genuine_by_row])
    distances, edge, right_at = np.unique(genuine, return_inverse=True, return_counts=True)
    _, subjects = np.unique(pairs.probe_labels.subject[among], return_inverse=True)
    bin_of_edge = np.arange(len(distances)) * min(_COARSE, max(len(distances), 1)) // max(len(distances), 1)
    bins = int(bin_of_edge[-1]) + 2 if len(distances) else 1
    bin_of_edge = np.append(bin_of_edge, bins - 1)
    right, wrong = (np.zeros((int(subjects.max(initial=-1)) + 1, bins)) for _ in range(2))
    np.add.at(right, (subjects[of_row], bin_of_edge[edge]), 1)
    counted = np.zeros((len(distances) + 1, 2), np.int64)
    table = _table_of(distances)
    for rows, block, labels in pairs.blocks(name):
        _count_wrong(
            block, counting_pairs(labels, gallery) & (labels.subject[:, None] != gallery.subject), *table,
            bin_of_edge.astype(np.int16), subjects[rows.start - among.start : rows.stop - among.start], counted, wrong,
        )  # fmt: skip
        progress(among.stop + rows.stop, total)
    wrong_at, wrong_before = counted[:-1, 0], counted[:, 1]
    impostors = int(wrong_at.sum() + wrong_before.sum())
    unmatched = sum(not len(row) for row in genuine_by_row)
    return _Counts(len(genuine), impostors, unmatched, distances, right_at, wrong_at, wrong_before, right, wrong)


def _table_of(
    edges: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int32], int, np.float64, np.float64]:
    """To look an edge up: the first one of each of many equal stretches, and how to search from there.

    Returns:
        The edges, filled up so that no search leaves them; the first of each stretch; the first step of a search; where
        the stretches begin; stretches per unit.
    """
    stretches = 1 << min(len(edges).bit_length(), _MOST_ENTRIES_LOG2)
    low, high = (float(edges[0]), float(edges[-1])) if len(edges) else (0.0, 0.0)
    scale = np.float64((stretches - 1) / (high - low) if high > low else 0.0)
    at = np.clip(((edges.astype(np.float64) - low) * scale).astype(np.int64), 0, stretches - 1)
    starts = np.searchsorted(at, np.arange(stretches + 1)).astype(np.int32)
    beyond = 1 << int(np.diff(starts).max()).bit_length()
    return np.append(edges, np.full(beyond, np.inf, np.float32)), starts, beyond >> 1, np.float64(low), scale


@compiled(nogil=True)
def _count_wrong(
    distances: Any, counts: Any, edges: Any, starts: Any, first_step: Any, low: Any, scale: Any, bin_of_edge: Any,
    subjects: Any, counted: Any, coarse: Any,
) -> None:  # fmt: skip
    """Count pairs at an edge, `counted[edge, 0]`, or before it, `counted[edge, 1]`; the search has no branches."""
    for i in range(distances.shape[0]):
        bins = coarse[subjects[i]]
        for j in range(distances.shape[1]):
            if counts[i, j]:
                distance = distances[i, j]
                place = np.uint32(starts[int(min(max((distance - low) * scale, 0.0), len(starts) - 2.0))])
                step = np.uint32(first_step)
                while step:
                    place += step * np.uint32(edges[place + step - np.uint32(1)] < distance)
                    step >>= np.uint32(1)
                counted[place, np.uint32(edges[place] != distance)] += 1
                bins[bin_of_edge[place]] += 1


def _read(curve: _Curve, rates: Sequence[float]) -> _Floats:
    """(curve, figure): EER, then TAR at each rate, ours and official; NaN where a curve has no pairs."""
    wrong, right = curve.accepted_wrong, curve.accepted_right
    over = np.clip((wrong - (1 - right) < 0).sum(axis=1), 1, wrong.shape[1] - 1)
    columns = [_between(wrong, wrong - (1 - right), over, 0.0)]
    for rate in rates:
        columns.append(_accepted(curve, rate))
        official = (wrong < rate + _OFFICIAL_SLACK).sum(axis=1) - 1
        columns.append(np.round(np.take_along_axis(right, official[:, None], axis=1)[:, 0], 2))
    figures = np.stack(columns, axis=1)
    figures[np.isnan(wrong).any(axis=1) | np.isnan(right).any(axis=1)] = np.nan
    return figures


def _accepted(curve: _Curve, rate: float) -> _Floats:
    """(curve,): right pairs accepted where this rate of the wrong ones are."""
    wrong = curve.accepted_wrong
    return _between(curve.accepted_right, wrong, np.clip((wrong <= rate).sum(axis=1), 1, wrong.shape[1] - 1), rate)


def _between(values: _Floats, places: _Floats, after: NDArray[np.int64], at: float) -> _Floats:
    """Values where `places` reaches `at`, on the line between the vertex `after` and the one before it."""
    (v0, v1), (p0, p1) = (
        [np.take_along_axis(one, (after - step)[:, None], axis=1)[:, 0] for step in (1, 0)] for one in (values, places)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(p1 > p0, np.clip((at - p0) / (p1 - p0), 0, 1), 1)
    return np.asarray(v0 + (v1 - v0) * share)


def _drawn(name: str, curve: _Curve) -> Curve:
    grid = np.concatenate([[0.0], np.geomspace(1e-4, 1, _CURVE_POINTS - 1)])
    rates = tuple(grid.tolist())
    return Curve("ROC", name, rates, tuple(float(_accepted(curve, rate)[0]) for rate in rates))
