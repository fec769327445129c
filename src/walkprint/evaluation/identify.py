"""Identification: whose walk is it? Rank-k, mAP and mINP of a protocol, with intervals.

One function serves every benchmark, because a `Protocol` is data: "CASIA-B", single view: exclude view, each gallery
view on its own; cross-view gallery: exclude subject and view, pooled gallery; OU-MVLP: as CASIA-B's single view.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.progress import Progress
from walkprint.core.protocol import Protocol
from walkprint.evaluation.averaging import Estimates, draw_weights, estimate, mean_curve, to_figures
from walkprint.evaluation.protocol_pairs import ALL_VIEWS, Pairs, pair_up, plain_settings
from walkprint.evaluation.ranking import Ranks, rank_block
from walkprint.evaluation.report import MEAN, POOLED, Curve, Matrix, Report, Row
from walkprint.evaluation.scoring import Scoring

_CURVE_RANKS = 20
_FEW_PEOPLE = 10
_MOST_VIEWS = 64


def identify(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    *,
    gallery: EmbeddingSet | None = None,
    ranks: Sequence[int] = (1, 5, 10),
    scoring: Scoring = Scoring(),
    allow_different_sources: bool = False,
    provenance: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Report:
    """Search the gallery for every probe.

    Args:
        embeddings: where probes are taken from, and the gallery too unless it is given.
        protocol: gallery, probe sets, and which pairs count.
        gallery: where the gallery is taken from, for evaluation across data sets.
        ranks: the k of each rank-k.
        scoring: how distances and intervals are computed.
        allow_different_sources: compare embeddings although different networks made them.
        provenance: what the report's header states beside the scoring, e.g. recipe, seed, commit, machine.
        progress: called with the probes that are done, and all.

    Returns:
        A report with one row per probe set and probe view, and per probe set the mean over views and the pooled figure;
        the pooled figure alone for a probe set of more than 64 views, and no matrix with more.

    Raises:
        ProtocolError: a setting is out of range, nothing is selected, no pair counts, the sources differ, or centering
            leaves nothing of a probe set.
    """
    work = work_on(embeddings, protocol, scoring, ranks, gallery, allow_different_sources, progress)
    names = figure_names(ranks)
    rows, notes = [], work.pairs.notes()
    for name, one in work.estimates.items():
        rows += [
            Row(name, view, to_figures(names, one.points[i], one.draws[i]), *_counts(one, i))
            for i, view in _shown_views(one)
        ]
        notes += _notes(name, one, protocol)
    notes += few_people(work.pairs) + certain_ranks(work, ranks)
    return Report(
        title=protocol.name,
        kind="identification",
        rows=tuple(rows),
        matrices=_matrices(work, names),
        curves=tuple(match_curves(work, protocol)),
        settings=plain_settings(protocol, work.pairs, scoring)
        | {"source": embeddings.source, "gallery sequences": len(work.pairs.gallery_keys)},
        notes=tuple(notes),
        provenance={"scoring": str(scoring), **(provenance or {})},
    )


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """An identification before its report.

    Attributes:
        pairs: probes, gallery, and which pairs count.
        ranks: where the right sequences came.
        estimates: probe set -> its figures and their resamples.
    """

    pairs: Pairs
    ranks: Ranks
    estimates: dict[str, Estimates]

    def certain(self, name: str, k: int) -> bool:
        """Whether rank-k of a probe set is decided before anything is measured: no search meets k wrong sequences."""
        ranks = self.ranks.rows(self.pairs.probe_sets[name])
        searched = ranks.first >= 0
        return bool(searched.any() and ranks.wrong[searched].max() < k)


def work_on(
    embeddings: EmbeddingSet,
    protocol: Protocol,
    scoring: Scoring,
    at: Sequence[int],
    gallery: EmbeddingSet | None = None,
    allow_different_sources: bool = False,
    progress: Progress | None = None,
) -> Work:
    """Pair up, rank and estimate, once for every figure; arguments as in `identify`, `at` the k of each rank-k.

    Raises:
        ProtocolError: as in `identify`.
    """
    if not at or min(at) < 1 or len(set(at)) < len(at):
        raise ProtocolError(f"identification: ranks are {tuple(at)}; expected different numbers from 1 on")
    pairs = pair_up(embeddings, protocol, scoring, gallery=gallery, allow_different_sources=allow_different_sources)
    ranks = Ranks.empty(len(pairs.probe_keys), len(pairs.cells))
    for rows, block, labels in pairs.blocks():
        rank_block(block, labels, pairs.gallery_labels, pairs.cell_starts, ranks.rows(rows))
        if progress is not None:
            progress(rows.stop, len(pairs.probe_keys))
    if (ranks.first < 0).all():
        raise ProtocolError(_no_pair(protocol, pairs))
    names, subjects = np.unique(np.array([key.subject for key in pairs.probe_keys]), return_inverse=True)
    weights = draw_weights(len(names), scoring.resamples, scoring.seed)
    estimates = {
        name: estimate(
            ranks.rows(rows), _views(pairs, rows), subjects[rows], weights,
            at=at, unmatched_is_miss=protocol.unmatched == "miss",
        )
        for name, rows in pairs.probe_sets.items()
    }  # fmt: skip
    work = Work(pairs, ranks, estimates)
    for name, one in estimates.items():
        certain = [i for i, k in enumerate(at) if work.certain(name, k)]
        for values in (one.points, one.draws, one.matrix):
            values[..., certain] = np.nan  # 100 % by construction would be read as a success
    return work


def _no_pair(protocol: Protocol, pairs: Pairs) -> str:
    probe_views, gallery_views = ({key.view for key in keys} for keys in (pairs.probe_keys, pairs.gallery_keys))
    return (
        f"protocol {protocol.name}: none of the {len(pairs.probe_keys)} probes has a sequence of its subject in the "
        f"gallery that counts (exclude {sorted(protocol.exclude)}, require {sorted(protocol.require)}, probe views "
        f"{sorted(probe_views)[:8]}, gallery views {sorted(gallery_views)[:8]}); choose a protocol that fits these "
        "sequences"
    )


def figure_names(ranks: Sequence[int]) -> tuple[str, ...]:
    """Names of the figures of an identification, in the order of `Estimates.points`."""
    return (*(f"rank-{k}" for k in ranks), "mAP", "mINP")


def _views(pairs: Pairs, rows: slice) -> list[str]:
    """The view of each probe; of more than can be shown, e.g. where they are names of tracks, all are one."""
    views = [key.view for key in pairs.probe_keys[rows]]
    return views if len(set(views)) <= _MOST_VIEWS else [ALL_VIEWS] * len(views)


def _shown_views(one: Estimates) -> list[tuple[int, str]]:
    if one.views == (ALL_VIEWS,):
        return [(2, POOLED)]
    return list(enumerate((*one.views, MEAN, POOLED)))


def _pooled(name: str, one: Estimates) -> list[str]:
    many = f"{name}: more than {_MOST_VIEWS} probe views are pooled: every probe weighs the same."
    return [many] if one.views == (ALL_VIEWS,) else []


def _counts(one: Estimates, i: int) -> tuple[int, int]:
    if i < len(one.views):
        return int(one.probes[i]), int(one.unmatched[i])
    return int(one.probes.sum()), int(one.unmatched.sum())


def _notes(name: str, one: Estimates, protocol: Protocol) -> list[str]:
    fate = "counted as errors" if protocol.unmatched == "miss" else "left out"
    lost, total = int(one.unmatched.sum()), int(one.probes.sum())
    partly = one.searches_unmatched
    notes = _pooled(name, one)
    if not total:
        notes.append(f"{name}: no sequence is selected.")
    if lost:
        notes.append(f"{name}: {lost} of {total} probes have no sequence of their subject in the gallery; {fate}.")
    if partly and protocol.gallery_view == "each":
        notes.append(f"{name}: {partly} of {one.searches} searches of one gallery view lack the subject; {fate}.")
    return notes


def few_people(pairs: Pairs) -> list[str]:
    """A note on probe sets of few people."""
    people = {name: len(np.unique(pairs.probe_labels.subject[rows])) for name, rows in pairs.probe_sets.items()}
    few = ", ".join(f"{name} {count}" for name, count in people.items() if 0 < count < _FEW_PEOPLE)
    return [f"Fewer than {_FEW_PEOPLE} people ({few}): their intervals say little, however narrow."] if few else []


def certain_ranks(work: Work, at: Sequence[int]) -> list[str]:
    """A note on ranks that are not shown."""
    sets = {k: ", ".join(name for name in work.estimates if work.certain(name, k)) for k in at}
    listed = ", ".join(f"rank-{k} ({names})" for k, names in sets.items() if names)
    reason = "the gallery holds too few wrong sequences for a miss at this rank"
    return [f"Not shown (-), {listed}: {reason}."] if listed else []


def _matrices(work: Work, names: Sequence[str]) -> tuple[Matrix, ...]:
    if work.pairs.cells == (ALL_VIEWS,) or len(work.pairs.cells) > _MOST_VIEWS:
        return ()
    return tuple(
        Matrix(set_name, figure, one.views, work.pairs.cells, tuple(map(tuple, one.matrix[:, :, i].tolist())))
        for set_name, one in work.estimates.items()
        for i, figure in enumerate(names)
        if one.views != (ALL_VIEWS,)
    )


def match_curves(work: Work, protocol: Protocol) -> list[Curve]:
    """The curve of cumulative matches of each probe set, up to rank 20."""
    length = min(_CURVE_RANKS, int(np.diff(work.pairs.cell_starts).max()))
    curves = []
    for name, rows in work.pairs.probe_sets.items():
        if rows.start < rows.stop:
            heights = mean_curve(
                work.ranks.rows(rows), _views(work.pairs, rows), length, unmatched_is_miss=protocol.unmatched == "miss"
            )
            curves.append(Curve("CMC", name, tuple(map(float, range(1, length + 1))), tuple(heights.tolist())))
    return curves
