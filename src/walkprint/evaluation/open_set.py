"""Open sets: identification when some probes are of people who are not enrolled.

FNIR is the share of known people's probes that are not accepted, or not nearest to the right person: 1 - DIR. FPIR is
the share of strangers' probes that are accepted, here also called FAR. The DET curve shows one against the other.

Source: Phillips, Grother, Micheals, "Evaluation Methods in Face Recognition", Handbook of Face Recognition, 2011
(detection and identification rate); P. Grother, M. Ngan, K. Hanaoka, "Face Recognition Vendor Test Part 2:
Identification", NIST IR 8271, 2019 (FNIR and FPIR).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol
from walkprint.evaluation.averaging import draw_weights, to_figures
from walkprint.evaluation.protocol_pairs import Pairs, counting_pairs, pair_up, plain_settings
from walkprint.evaluation.report import POOLED, Curve, Report, Row
from walkprint.evaluation.scoring import Scoring
from walkprint.evaluation.verify import check_rates

_FEW, _LOWEST, _POINTS = 5, 1e-3, 31
_Floats = NDArray[np.float64]


def identify_open_set(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    *,
    strangers: float = 0.5,
    draws: int = 20,
    false_accept_rates: Sequence[float] = (0.01, 0.1),
    gallery: EmbeddingSet | None = None,
    scoring: Scoring = Scoring(),
    allow_different_sources: bool = False,
    provenance: Mapping[str, str] | None = None,
) -> Report:
    """Identification when some probes are of people who are not enrolled (strangers).

    A share of the probe subjects is taken out of the gallery, several times over. The threshold is set so that at most
    a rate t of the strangers' probes are accepted; the detection and identification rate (DIR) is the share
    of the others' probes that are nearest to the right subject and accepted.

    Args:
        embeddings, protocol, gallery, scoring, allow_different_sources, provenance: as in `identify`; the gallery is
            always pooled. The seed also draws who is taken out.
        strangers: the share of subjects to take out, above 0 and below 1; at least one is taken out and one is left.
        draws: how many times other subjects are taken out; the figures are means.
        false_accept_rates: the t of each DIR at FAR t.

    Returns:
        A report with one pooled row per probe set: DIR at each FAR, FNIR at the same FPIR, and the DET curve.

    Raises:
        ProtocolError: a setting is out of range, fewer than two subjects can be found in the gallery, nothing is
            selected, or the sources differ.
    """
    check_rates(false_accept_rates)
    if not 0 < strangers < 1 or draws < 1:
        raise ProtocolError(
            f"open set: strangers is {strangers}, draws {draws}; expected above 0 and below 1, and 1 on"
        )
    pairs = pair_up(embeddings, protocol, scoring, gallery=gallery, allow_different_sources=allow_different_sources)
    names = [f"DIR@FAR={100 * rate:g}%" for rate in false_accept_rates]
    names += [f"FNIR@FPIR={100 * rate:g}%" for rate in false_accept_rates]
    rows, curves, notes, few = [], list[Curve](), pairs.notes(), []
    known = np.intersect1d(pairs.probe_labels.subject, pairs.gallery_labels.subject)
    if len(known) < 2:
        raise ProtocolError(
            f"protocol {protocol.name}: an open set needs two enrolled probe subjects, found {len(known)}"
        )
    rng = np.random.default_rng(scoring.seed)
    removed = max(1, min(round(strangers * len(known)), len(known) - 1))
    absent = [rng.permutation(known)[:removed] for _ in range(draws)]
    for name, among in pairs.probe_sets.items():
        probes, count = among.stop - among.start, len(false_accept_rates)
        grid = np.geomspace(min(max(_LOWEST, len(known) / max(removed * probes, 1)), 0.5), 1, _POINTS)
        points, spread, unmatched = _open_set(pairs, name, absent, [*false_accept_rates, *grid], scoring)
        asked, resampled = points[:count], spread[:, :count]
        both = np.concatenate([asked, 1 - asked]), np.concatenate([resampled, 1 - resampled], axis=1)
        rows.append(Row(name, POOLED, to_figures(names, *both), probes, unmatched))
        if np.isfinite(points).all():
            curves.append(_det(name, grid, 1 - points[count:], 1 - spread[:, count:]))
        least = min(false_accept_rates) * probes * removed / len(known)
        if probes and least < _FEW:
            few.append(f"{name} {least:.1f}")
    if few:
        lowest = f"{100 * min(false_accept_rates):g} %"
        notes.append(f"A FAR of {lowest} rests on few probes of strangers ({', '.join(few)}); do not read it closely.")
    notes.append(f"{removed} of {len(known)} subjects taken out of the gallery, {draws} times over.")
    settings = plain_settings(protocol, pairs, scoring)
    settings |= {"source": embeddings.source, "strangers": strangers, "draws": draws}
    return Report(
        title=protocol.name, kind="open set", rows=tuple(rows), curves=tuple(curves), settings=settings,
        notes=tuple(notes),
        provenance={"scoring": str(scoring), **(provenance or {})},
    )  # fmt: skip


def _det(name: str, rates: _Floats, missed: _Floats, resampled: _Floats) -> Curve:
    low, high = np.nanquantile(resampled, (0.025, 0.975), axis=0) if len(resampled) else np.zeros((2, 0))
    return Curve("DET", name, *(tuple(one.tolist()) for one in (rates, missed, low, high)))


def _open_set(
    pairs: Pairs, name: str, absent: Sequence[NDArray[np.int32]], rates: Sequence[float], scoring: Scoring
) -> tuple[_Floats, _Floats, int]:
    """Mean over draws: points (figure,) and resampled (resample, figure); and how many probes have no right item."""
    among = pairs.probe_sets[name]
    subject = pairs.probe_labels.subject[among]
    _, place = np.unique(subject, return_inverse=True)
    weights = draw_weights(int(place.max(initial=-1)) + 1, scoring.resamples, scoring.seed)
    weights = np.concatenate([np.ones((1, weights.shape[1])), weights])
    nearest, right, unmatched = _nearest_enrolled(pairs, name, absent)
    totals, known = np.zeros((len(weights), len(rates))), np.zeros((len(weights), len(rates)))
    for draw, names in enumerate(absent):
        stranger = np.isin(subject, names)
        # A probe without any counting gallery item is never accepted; that of a known subject is then missed.
        rejected = nearest[draw][stranger]
        order = np.argsort(rejected, kind="stable")
        mass = np.cumsum(weights[:, place[stranger][order]], axis=1)
        enrolled = ~stranger
        hits = np.flatnonzero(enrolled & right[draw])
        hits = hits[np.argsort(nearest[draw][hits], kind="stable")]
        found = np.concatenate([np.zeros((len(weights), 1)), np.cumsum(weights[:, place[hits]], axis=1)], axis=1)
        people = weights[:, place[enrolled]].sum(axis=1)
        valid = (people > 0) & (mass[:, -1] > 0 if mass.shape[1] else False)
        limits = np.append(rejected[order], np.inf)
        for column, rate in enumerate(rates):
            # The first stranger beyond the rate sets the limit: nearer probes are accepted.
            limit = limits[(mass <= rate * mass[:, -1:] + 1e-9).sum(axis=1)]
            accepted = found[np.arange(len(weights)), np.searchsorted(nearest[draw][hits], limit)]
            totals[valid, column] += (accepted / np.maximum(people, 1))[valid]
            known[valid, column] += 1
    with np.errstate(invalid="ignore"):
        figures = np.where(known > 0, totals / known, np.nan)
    return figures[0], figures[1:], unmatched


def _nearest_enrolled(
    pairs: Pairs, name: str, absent: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], int]:
    """(draw, probe): distance to the nearest enrolled gallery item, and whether it is right; unmatched probes."""
    among = pairs.probe_sets[name]
    subject = pairs.probe_labels.subject[among]
    nearest = np.full((len(absent), len(subject)), np.inf, np.float32)
    right = np.zeros(nearest.shape, np.bool_)
    order = np.argsort(pairs.gallery_labels.subject, kind="stable")
    enrolled, starts = np.unique(pairs.gallery_labels.subject[order], return_index=True)
    unmatched = 0
    for rows, block, labels in pairs.blocks(name):
        here = slice(rows.start - among.start, rows.stop - among.start)
        distances = np.where(counting_pairs(labels, pairs.gallery_labels), block, np.float32(np.inf))[:, order]
        best = np.minimum.reduceat(distances, starts, axis=1)
        own = enrolled == labels.subject[:, None]
        own_best = np.where(own, best, np.inf).min(axis=1)
        unmatched += int(np.isinf(own_best).sum())
        for draw, names in enumerate(absent):
            known = ~np.isin(enrolled, names)
            other_best = np.where(known & ~own, best, np.inf).min(axis=1)
            mine = np.where(np.isin(labels.subject, names), np.inf, own_best)
            nearest[draw, here] = np.minimum(mine, other_best)
            right[draw, here] = mine < other_best
    return nearest, right, unmatched
