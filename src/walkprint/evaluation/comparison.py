"""Several systems against one: paired differences, intervals over people and seeds, p-values that stand together.

Every system is judged on the same sequences and the same resampled people. Where a system was trained with several
seeds, its figure is the mean over them, and seeds are resampled too. A p-value is the share of resamples that lie on
the other side of 0, twice; all p-values of a comparison are then adjusted after Holm.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 15; S. Holm, "A Simple
Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol
from walkprint.core.summary import counted
from walkprint.evaluation.averaging import MEAN_ROW, draw_weights, to_figures
from walkprint.evaluation.identify import certain_ranks, few_people, figure_names, match_curves, work_on
from walkprint.evaluation.page import Diagram, Page, Section, Table
from walkprint.evaluation.plots import curves_svg
from walkprint.evaluation.report import Curve, Figure
from walkprint.evaluation.scoring import Scoring

_Floats = NDArray[np.float64]


def compare_systems(
    systems: Mapping[str, Sequence[EmbeddingSet]],
    protocol: Protocol,
    *,
    figure: str = "rank-1",
    scoring: Scoring = Scoring(),
    scorings: Mapping[str, Scoring] | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Page:
    """Compare systems on the same sequences; the first is the one that all others are compared with.

    Args:
        systems: name -> embeddings of the same keys, one set for each seed of its training.
        protocol: which sequences are searched in which gallery.
        figure: rank-1, rank-5, rank-10, mAP or mINP; the mean over probe views.
        scoring: how distances and intervals are computed; needs resamples.
        scorings: of systems that are scored in another way, by their names, e.g. by the whitening and sites of their
            own network; resamples and seed are those of `scoring`.
        provenance: where it comes from.

    Returns:
        A page of two tables, the figures of every system and the differences, and the curves of all systems in one
        diagram; `numbers` holds the figures and differences with their intervals.

    Raises:
        ProtocolError: fewer than two systems, no resamples, an unknown figure, keys that differ, and as in `identify`.
    """
    at = (1, 5, 10)
    _check(systems, figure, figure_names(at), scoring)
    column = figure_names(at).index(figure)
    ways = {name: (scorings or {}).get(name, scoring) for name in systems}
    ways = {name: replace(one, resamples=scoring.resamples, seed=scoring.seed) for name, one in ways.items()}
    points: dict[tuple[str, str], float] = {}
    draws: dict[tuple[str, str], _Floats] = {}
    curves: dict[str, list[Curve]] = {}
    notes: list[str] = []
    for name, sets in systems.items():
        works = [work_on(one, protocol, ways[name], at) for one in sets]
        notes = notes or [*works[0].pairs.notes(), *few_people(works[0].pairs), *certain_ranks(works[0], at)]
        curves[name] = [_mean_curve(some) for some in zip(*(match_curves(one, protocol) for one in works), strict=True)]
        seeds = draw_weights(len(sets), scoring.resamples, scoring.seed + len(sets)) / len(sets)
        for probe_set in works[0].estimates:
            found = [work.estimates[probe_set] for work in works]
            points[name, probe_set] = float(np.mean([one.points[MEAN_ROW, column] for one in found]))
            each = np.stack([one.draws[MEAN_ROW, :, column] for one in found])
            draws[name, probe_set] = (each * seeds.T).sum(axis=0) if len(sets) > 1 else each[0]
    first = next(iter(systems))
    changes = {pair: draws[pair] - draws[first, pair[1]] for pair in draws if pair[0] != first}
    raw = {pair: p_value(change) for pair, change in changes.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    figures = [_entry(pair, points[pair], draws[pair]) for pair in points]
    differences = [
        _entry(pair, points[pair] - points[first, pair[1]], change) | {"p": raw[pair], "holm": adjusted[pair]}
        for pair, change in changes.items()
    ]
    units = "people and seeds" if any(len(sets) > 1 for sets in systems.values()) else "people"
    title = f"{figure}, %, mean over probe views [95 % interval over {units}]"
    note = "p (Holm) is adjusted for all comparisons of the table; below 0.05 it speaks for a difference."
    facts = {"protocol": protocol.name, "scoring": str(scoring)}
    facts |= {f"scoring of {name}": str(one) for name, one in ways.items() if name in (scorings or {})}
    facts |= {
        f"network of {name}": ", ".join(dict.fromkeys(one.source for one in sets)) for name, sets in systems.items()
    }
    diagram = Diagram("Found within the k nearest; means over seeds", curves_svg(curves))
    tables = [
        Table(title, _absolute(systems, figures)),
        Table(f"minus {first}, paired by person", _relative(differences)),
    ]
    return Page(
        title=f"{len(systems)} systems, {protocol.name}",
        lead=f"Each system is compared with {first}, on the same sequences and the same resampled people.",
        sections=[Section(tables=tables, notes=[note, *notes]), Section("Curves", diagrams=[diagram])],
        facts={**facts, **(provenance or {})},
        numbers={"first": first, "figure": figure, "figures": figures, "differences": differences},
    )


def _check(systems: Mapping[str, Sequence[EmbeddingSet]], figure: str, names: Sequence[str], scoring: Scoring) -> None:
    """Refuse what cannot be compared."""
    if len(systems) < 2 or not all(systems.values()):
        raise ProtocolError(
            f"comparison: {counted(len(systems), 'system')}; expected two or more, each with embeddings"
        )
    if figure not in names or not scoring.resamples:
        raise ProtocolError(
            f"comparison: figure {figure!r}, {scoring.resamples} resamples; expected one of {', '.join(names)}, and "
            "resamples"
        )
    _same_keys(systems)


def _entry(pair: tuple[str, str], value: float, draws: _Floats) -> dict[str, Any]:
    """A number of a system and a probe set, with its interval, as plain data."""
    found = to_figures(["value"], np.array([value]), draws[:, None])["value"]
    return {"system": pair[0], "probes": pair[1], **asdict(found)}


def _absolute(systems: Mapping[str, Sequence[EmbeddingSet]], figures: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    lines = [["", "seeds", *dict.fromkeys(one["probes"] for one in figures)]]
    for name, sets in systems.items():
        cells = [figure_of(one).percent(interval=True) for one in figures if one["system"] == name]
        lines.append([name, str(len(sets)), *cells])
    return lines


def _relative(differences: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    lines = [["", "probes", "difference", "p", "p (Holm)"]]
    for one in differences:
        cell = figure_of(one).percent(interval=True, signed=True)
        lines.append([one["system"], one["probes"], cell, f"{one['p']:.3f}", f"{one['holm']:.3f}"])
    return lines


def figure_of(entry: Mapping[str, Any]) -> Figure:
    """The figure in an entry of `numbers`."""
    return Figure(entry["value"], entry["low"], entry["high"])


def _mean_curve(curves: Sequence[Curve]) -> Curve:
    """The mean of one curve over seeds."""
    heights = np.mean([one.y for one in curves], axis=0)
    return replace(curves[0], y=tuple(heights.tolist()))


def p_value(differences: _Floats) -> float:
    """Two-sided p-value of resampled differences, (resample,): never 0, as one more resample could lie anywhere."""
    known = differences[~np.isnan(differences)]
    below, above = ((1 + np.count_nonzero(side)) / (1 + len(known)) for side in (known <= 0, known >= 0))
    return float(min(1.0, 2 * min(below, above)))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted so that, with all of them, a false finding below 0.05 has a chance of at most 5 %."""
    order = np.argsort(p_values, kind="stable")
    stepwise = np.array(p_values)[order] * (len(p_values) - np.arange(len(p_values)))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(stepwise), 1.0)
    return [float(one) for one in adjusted]


def _same_keys(systems: Mapping[str, Sequence[EmbeddingSet]]) -> None:
    (name, sets), *_ = systems.items()
    wanted = set(sets[0].keys)
    for other, several in systems.items():
        for one in several:
            if different := wanted ^ set(one.keys):
                raise ProtocolError(
                    f"comparison: {counted(len(different), 'sequence')} in {name} or in {other} only, e.g. "
                    f"{min(different)}; embed the same ones"
                )
