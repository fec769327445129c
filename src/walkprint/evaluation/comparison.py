"""Several systems against one: paired differences, intervals over people and seeds, p-values that stand together.

Every system is judged on the same sequences and the same resampled people. Where a system was trained with several
seeds, its figure is the mean over them, and seeds are resampled too. A p-value is the share of resamples that lie on
the other side of 0, twice; all p-values of a comparison are then adjusted after Holm.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 13 and 15; S. Holm, "A Simple
Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from walkprint.core.embedding import EmbeddingSet
from walkprint.core.errors import ProtocolError
from walkprint.core.protocol import Protocol
from walkprint.evaluation.averaging import draw_weights, to_figures
from walkprint.evaluation.identify import figure_names, match_curves, work_on
from walkprint.evaluation.page import Diagram, Page, Section, Table
from walkprint.evaluation.plots import curves_svg
from walkprint.evaluation.report import Curve
from walkprint.evaluation.scoring import Scoring

_Floats = NDArray[np.float64]
_MEAN = -2  # the row of `Estimates.points` with the mean over probe views


def compare_systems(
    systems: Mapping[str, Sequence[EmbeddingSet]],
    protocol: Protocol,
    *,
    figure: str = "rank-1",
    scoring: Scoring = Scoring(),
    provenance: Mapping[str, str] | None = None,
) -> Page:
    """Compare systems on the same sequences; the first is the one that all others are compared with.

    Args:
        systems: name -> embeddings of the same keys, one set for each seed of its training.
        protocol: which sequences are searched in which gallery.
        figure: rank-1, rank-5, rank-10, mAP or mINP; the mean over probe views.
        scoring: how distances and intervals are computed; needs resamples.
        provenance: where it comes from.

    Returns:
        A page of two tables, the figures of every system and the differences, and the curves of all systems in one
        diagram; `numbers` holds the figures.

    Raises:
        ProtocolError: fewer than two systems, no resamples, an unknown figure, keys that differ, and as in `identify`.
    """
    at = (1, 5, 10)
    if len(systems) < 2 or not all(systems.values()):
        raise ProtocolError(f"comparison: {len(systems)} systems; expected two or more, each with embeddings")
    if figure not in figure_names(at) or not scoring.resamples:
        raise ProtocolError(
            f"comparison: figure {figure!r}, {scoring.resamples} resamples; expected one of "
            f"{', '.join(figure_names(at))}, and resamples"
        )
    _same_keys(systems)
    column = figure_names(at).index(figure)
    points: dict[tuple[str, str], float] = {}
    draws: dict[tuple[str, str], _Floats] = {}
    curves: dict[str, list[Curve]] = {}
    for name, sets in systems.items():
        works = [work_on(one, protocol, scoring, at) for one in sets]
        curves[name] = [_mean_curve(some) for some in zip(*(match_curves(one, protocol) for one in works), strict=True)]
        seeds = draw_weights(len(sets), scoring.resamples, scoring.seed + len(sets)) / len(sets)
        for probe_set in works[0].estimates:
            found = [work.estimates[probe_set] for work in works]
            points[name, probe_set] = float(np.mean([one.points[_MEAN, column] for one in found]))
            each = np.stack([one.draws[_MEAN, :, column] for one in found])
            draws[name, probe_set] = (each * seeds.T).sum(axis=0) if len(sets) > 1 else each[0]
    probe_sets = list(dict.fromkeys(probe_set for _, probe_set in points))
    first, *others = systems
    pairs = [(name, probe_set) for name in others for probe_set in probe_sets]
    changes = {(name, one): draws[name, one] - draws[first, one] for name, one in pairs}
    raw = {pair: p_value(change) for pair, change in changes.items()}
    adjusted = dict(zip(raw, holm(list(raw.values())), strict=True))
    gains = {pair: points[pair] - points[first, pair[1]] for pair in pairs}
    page = _page(systems, protocol, figure, scoring, (points, draws, gains, changes, adjusted), provenance or {})
    diagram = Diagram("Found within the k nearest; means over seeds", curves_svg(curves))
    return replace(page, sections=[*page.sections, Section("Curves", diagrams=[diagram])])


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
                    f"comparison: {len(different)} sequences are in {name} or in {other} only, e.g. {min(different)}; "
                    "embed the same ones"
                )


_Found = tuple[
    Mapping[tuple[str, str], float], Mapping[tuple[str, str], _Floats], Mapping[tuple[str, str], float],
    Mapping[tuple[str, str], _Floats], Mapping[tuple[str, str], float],
]  # fmt: skip


def _page(
    systems: Mapping[str, Sequence[EmbeddingSet]],
    protocol: Protocol,
    figure: str,
    scoring: Scoring,
    found: _Found,
    provenance: Mapping[str, str],
) -> Page:
    points, draws, gains, changes, adjusted = found
    first = next(iter(systems))
    probe_sets = list(dict.fromkeys(probe_set for _, probe_set in points))
    absolute = [["", "seeds", *probe_sets]]
    for name, sets in systems.items():
        cells = [_interval(points[name, one], draws[name, one]) for one in probe_sets]
        absolute.append([name, str(len(sets)), *cells])
    relative = [["", "probes", "difference", "p", "p (Holm)"]]
    for (name, one), gain in gains.items():
        change = changes[name, one]
        cells = [_interval(gain, change, signed=True), f"{p_value(change):.3f}", f"{adjusted[name, one]:.3f}"]
        relative.append([name, one, *cells])
    numbers = {
        "first": first,
        "figure": figure,
        "figures": [{"system": name, "probes": one, "value": value} for (name, one), value in points.items()],
        "differences": [
            {
                "system": name,
                "probes": one,
                "value": gain,
                "p": p_value(changes[name, one]),
                "holm": adjusted[name, one],
            }
            for (name, one), gain in gains.items()
        ],
    }
    units = "people and seeds" if any(len(sets) > 1 for sets in systems.values()) else "people"
    tables = [
        Table(f"{figure}, %, mean over probe views [95 % interval over {units}]", absolute),
        Table(f"minus {first}, paired by person", relative),
    ]
    note = "A p (Holm) below 0.05 speaks for a difference, all comparisons of the table taken together."
    facts = {"protocol": protocol.name, "scoring": str(scoring), **provenance}
    return Page(
        title=f"{len(systems)} systems, {protocol.name}",
        lead=f"Each is compared with {first} on the same sequences and the same resampled people.",
        sections=[Section(tables=tables, notes=[note])],
        facts=facts,
        numbers=numbers,
    )


def _interval(value: float, draws: _Floats, *, signed: bool = False) -> str:
    figure = to_figures(["value"], np.array([value]), draws[:, None])["value"]
    sign = "+" if signed else ""
    if figure.low is None or figure.high is None:
        return f"{100 * value:{sign}.1f}"
    return f"{100 * value:{sign}.1f} [{100 * figure.low:{sign}.1f}, {100 * figure.high:{sign}.1f}]"
