"""Reports as one page: figures in large letters, a section each, curves of all of them in shared plots."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from walkprint.core.errors import DataError
from walkprint.core.files import write_atomically
from walkprint.evaluation.page import Diagram, Page, Section, Sheet, Table
from walkprint.evaluation.plots import curves_svg
from walkprint.evaluation.report import Report

_CURVES = {
    "CMC": "Cumulative matches: found within the k nearest",
    "ROC": "Receiver operating characteristic",
    "DET": "Detection error tradeoff: known people missed, strangers named",
}
_FOOTER = (
    "Intervals: 95 %, by resampling the probes’ subjects; they cover neither other trainings nor other galleries. Ties "
    "in distance count as errors."
)


def save_reports(reports: Sequence[Report], out: Path, *, further: Sequence[Section] = ()) -> Path:
    """Write reports as JSON, Markdown, LaTeX and text, and one page of them and further sections; returns the page."""
    for report in reports:
        for ending in (".json", ".md", ".tex", ".txt"):
            report.save(out / f"{report.kind.replace(' ', '_')}{ending}")
    write_atomically(out / "report.html", report_page(reports, further=further).to_html())
    return out / "report.html"


def report_page(
    reports: Sequence[Report],
    *,
    title: str = "Gait recognition report",
    lead: str = "",
    table: Table | None = None,
    sheets: Sequence[Sheet] = (),
    further: Sequence[Section] = (),
    provenance: Mapping[str, str] | None = None,
) -> Page:
    """One page of reports.

    Args:
        reports: at least one; the first gives the headline.
        title: of the page.
        lead: a sentence below it.
        table: shown first of all.
        sheets: of silhouettes.
        further: sections after the curves, e.g. `hardest_probes`.
        provenance: what the header states, e.g. recipe, seed, commit, machine; what all reports state is added, the
            rest stands in their sections.

    Raises:
        DataError: there is no report.
    """
    if not reports:
        raise DataError("report: nothing to show; give at least one report")
    first, *others = (report.provenance for report in reports)
    shared = {name: text for name, text in first.items() if all(one.get(name) == text for one in others)}
    glossary = list(dict.fromkeys(line for report in reports for line in report.glossary))
    sections = [
        *(_section(report, shared) for report in reports),
        Section("Curves", diagrams=_diagrams(reports)),
        *further,
        Section("Silhouettes", ["One walk per row, frames evenly spaced in time."], sheets=sheets),
        Section("What the abbreviations mean", notes=glossary),
    ]
    return Page(
        title=title,
        lead=lead,
        sections=[one for one in sections if one],
        facts={**shared, **(provenance or {})},
        first=table,
        cards=(reports[0].title, _cards(reports[0])),
        footer=_FOOTER,
    )


def _section(report: Report, shared: Mapping[str, str]) -> Section:
    """A report's section, with the provenance that other reports do not share."""
    own = " · ".join(f"{name}: {text}" for name, text in report.provenance.items() if name not in shared)
    section = report.section
    captions = [*section.captions, own] if own else section.captions
    return replace(section, title=f"{report.title}: {report.kind}", captions=captions)


def _cards(report: Report) -> list[tuple[str, str, str]]:
    """The headline: the first figure of each probe set."""
    cards = []
    for probe_set in report.probe_sets:
        name, figures = report.figure_names[0], report.headline(probe_set).figures
        if name in figures:
            figure, interval = figures[name], ""
            if figure.low is not None and figure.high is not None:
                interval = f", 95 %: {100 * figure.low:.1f}–{100 * figure.high:.1f}"
            cards.append((probe_set, figure.percent(), name + interval))
    return cards


def _diagrams(reports: Sequence[Report]) -> list[Diagram]:
    """One diagram for each kind of curve, of all reports that have it."""
    diagrams = []
    for kind in dict.fromkeys(curve.kind for report in reports for curve in report.curves):
        some = [report for report in reports if any(curve.kind == kind for curve in report.curves)]
        curves = [[curve for curve in report.curves if curve.kind == kind] for report in some]
        drawn = curves_svg(dict(zip(_names(some), curves, strict=True)))
        diagrams.append(Diagram(_CURVES.get(kind, kind), drawn))
    return diagrams


def _names(reports: Sequence[Report]) -> list[str]:
    """Titles without what all of them end with; what made the embeddings where two titles are equal."""
    names = [report.title for report in reports]
    if len(set(names)) < len(names):
        names = [str(report.settings.get("source")) for report in reports]
        if len(set(names)) < len(names):
            names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
    endings = {name.partition(": ")[2] for name in names}
    return [name.partition(": ")[0] for name in names] if len(names) > 1 == len(endings) and all(endings) else names
